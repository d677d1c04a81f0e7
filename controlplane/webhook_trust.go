package controlplane

import (
	"bytes"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// webhookTrust has an API server trust what simulated servers show, when it calls a webhook by
// its Service. Many a webhook's own program makes a certificate at its start and writes its
// CA bundle into the configuration: here no program does.
type webhookTrust struct {
	webhook.AuthenticationInfoResolver
	authority []byte
}

// ClientConfigForService implements [webhook.AuthenticationInfoResolver].
func (t webhookTrust) ClientConfigForService(name, namespace string, port int) (*rest.Config, error) {
	c, err := t.AuthenticationInfoResolver.ClientConfigForService(name, namespace, port)
	if err != nil {
		return nil, err
	}
	c = rest.CopyConfig(c)
	c.CAData = bytes.Clone(t.authority)
	return c, nil
}

// trust is [webhookTrust], of whatever resolves for an API server.
func (p *Plane) trust(r webhook.AuthenticationInfoResolver) webhook.AuthenticationInfoResolver {
	return webhookTrust{r, p.cfg.Workloads}
}

// trustAdmission has the webhooks of admission trusted.
func (p *Plane) trustAdmission(o *options.ServerRunOptions) {
	g := o.Admission.GenericAdmission
	first := admission.DecoratorFunc(func(h admission.Interface, _ string) admission.Interface { // before the plugin is wrapped
		if w, ok := h.(interface {
			SetAuthenticationInfoResolverWrapper(webhook.AuthenticationInfoResolverWrapper)
		}); ok && p.cfg.Workloads != nil {
			w.SetAuthenticationInfoResolverWrapper(p.trust)
		}
		return h
	})
	g.Decorators = append(admission.Decorators{first}, g.Decorators...)
}

// trustConversion has the webhooks of custom resources trusted.
func (p *Plane) trustConversion(config *app.Config) {
	x := &config.ApiExtensions.ExtraConfig
	if wrap := x.AuthResolverWrapper; p.cfg.Workloads != nil && wrap != nil {
		x.AuthResolverWrapper = func(r webhook.AuthenticationInfoResolver) webhook.AuthenticationInfoResolver { return p.trust(wrap(r)) }
	}
}
