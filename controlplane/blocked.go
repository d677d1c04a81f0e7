package controlplane

import (
	"context"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// Block is that a webhook or an admission policy, which are customers', has kept a part of
// the cluster from its work.
type Block struct {
	// User is who asked for it, such as system:node:NAME.
	User string
	// Resource, Namespace and Name are of the object; the name is what it would begin with
	// if the API server would have made one up.
	Resource, Namespace, Name string
	// Webhook is the name of the webhook, Policy that of the ValidatingAdmissionPolicy, or
	// Definition that of the CustomResourceDefinition whose conversion webhook fails.
	Webhook, Policy, Definition string
	// Message is what was answered.
	Message string
}

// blocking are the plugins by which customers can refuse a request.
var blocking = []string{"MutatingAdmissionWebhook", "ValidatingAdmissionWebhook", "ValidatingAdmissionPolicy"}

// watchBlocks has an API server tell which requests of the cluster's own parts are refused
// by a customer's webhook or policy.
func (p *Plane) watchBlocks(o *options.ServerRunOptions) {
	if p.cfg.Blocked == nil {
		return
	}
	g := o.Admission.GenericAdmission
	g.Decorators = append(g.Decorators, admission.DecoratorFunc(func(h admission.Interface, name string) admission.Interface {
		if !slices.Contains(blocking, name) {
			return h
		}
		return guarded{h, p.cfg.Blocked}
	}))
}

// guarded is an admission plugin that tells what it refuses.
type guarded struct {
	admission.Interface
	blocked func(Block)
}

// Admit implements [admission.MutationInterface].
func (g guarded) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	h, ok := g.Interface.(admission.MutationInterface)
	if !ok {
		return nil
	}
	return g.told(a, h.Admit(ctx, a, o))
}

// Validate implements [admission.ValidationInterface].
func (g guarded) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	h, ok := g.Interface.(admission.ValidationInterface)
	if !ok {
		return nil
	}
	return g.told(a, h.Validate(ctx, a, o))
}

func (g guarded) told(a admission.Attributes, err error) error {
	if err == nil || a.IsDryRun() || a.GetUserInfo() == nil || !strings.HasPrefix(a.GetUserInfo().GetName(), "system:") {
		return err
	}
	b := Block{User: a.GetUserInfo().GetName(), Resource: a.GetResource().Resource, Namespace: a.GetNamespace(), Name: a.GetName(), Message: err.Error()}
	if o, ok := a.GetObject().(metav1.Object); ok && b.Name == "" {
		b.Name = o.GetGenerateName()
	}
	if m := refusedBy.FindStringSubmatch(b.Message); m != nil {
		b.Webhook, b.Policy = m[1], m[2]
		g.blocked(b)
	}
	return err
}

// conversionFailed finds out, of a request of the cluster's own parts that has failed, that a
// conversion webhook has: the API server's own answer says that.
func conversionFailed(e *audit.Event) (Block, bool) {
	if e.ResponseStatus == nil || !strings.Contains(e.ResponseStatus.Message, "conversion webhook for ") || !strings.HasPrefix(e.User.Username, "system:") {
		return Block{}, false
	}
	o := e.ObjectRef
	return Block{
		User: e.User.Username, Resource: o.Resource, Namespace: o.Namespace, Name: o.Name,
		Definition: o.Resource + "." + o.APIGroup, Message: e.ResponseStatus.Message,
	}, true
}

// refusedBy finds who has refused in the API server's own answer, which has it nowhere else.
var refusedBy = regexp.MustCompile(`webhook "([^"]+)"|ValidatingAdmissionPolicy '([^']+)'`)
