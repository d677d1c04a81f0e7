package controlplane

import (
	"net/http"
	"net/url"
	"time"

	"k8s.io/apiserver/pkg/apis/audit"
	serveraudit "k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// Change is something that the customer's people, or what they run in pods, have
// changed by way of the API server.
type Change struct {
	// At is when the API server got the request.
	At time.Time
	// User is who asked, Impersonated whom he played if he did, and Agent the program.
	User, Impersonated, Agent string
	// Verb is create, update, patch, delete or deletecollection.
	Verb string
	// Resource is as in deployments, Subresource as in scale; Namespace is empty for
	// what is in none, and Name for a collection.
	Resource, Subresource, Namespace, Name string
	// Body is the request's, of nodes only.
	Body []byte
}

// CustomerUser is the user whom the customer's kubeconfig names.
var CustomerUser = customerAdmin.user

// auditPolicy has what is changed, by whomever, but for what beats like a heart.
func auditPolicy() serveraudit.PolicyRuleEvaluator {
	quiet := []audit.GroupResources{
		{Resources: []string{"events"}}, {Group: "events.k8s.io"}, {Group: "coordination.k8s.io"},
		{Group: "authentication.k8s.io"}, {Group: "authorization.k8s.io"},
	}
	changes := []string{"create", "update", "patch", "delete", "deletecollection"}
	return policy.NewPolicyRuleEvaluator(&audit.Policy{
		OmitStages: []audit.Stage{audit.StageRequestReceived, audit.StageResponseStarted, audit.StagePanic},
		Rules: []audit.PolicyRule{
			{Level: audit.LevelNone, Resources: quiet},
			{Level: audit.LevelRequest, Verbs: changes, Resources: []audit.GroupResources{{Resources: []string{"nodes"}}}},
			{Level: audit.LevelMetadata, Verbs: changes},
			{Level: audit.LevelNone},
		},
	})
}

// auditor hands on what customers change, and counts who writes. It implements the audit
// backend of the API server.
type auditor struct {
	changed func(Change)
	blocked func(Block) // nil for nobody
	writers *writers
	policy  serveraudit.PolicyRuleEvaluator
}

var _ serveraudit.Backend = auditor{}

// Run implements [serveraudit.Backend].
func (auditor) Run(<-chan struct{}) error { return nil }

// Shutdown implements [serveraudit.Backend].
func (auditor) Shutdown() {}

// String implements [serveraudit.Backend].
func (auditor) String() string { return "changes" }

// ProcessEvents implements [serveraudit.Backend]. What failed has changed nothing,
// nor has a dry run.
func (a auditor) ProcessEvents(events ...*audit.Event) bool {
	for _, e := range events {
		if b, failed := conversionFailed(e); failed && a.blocked != nil && concerns(a.policy, e) {
			a.blocked(b)
		}
		uri, err := url.ParseRequestURI(e.RequestURI)
		if err != nil || uri.Query().Has("dryRun") || e.ResponseStatus == nil || e.ResponseStatus.Code >= http.StatusBadRequest ||
			!concerns(a.policy, e) { // it is for the audit log
			continue
		}
		a.writers.note(e)
		if party(e.Annotations[partyAnnotation]) != partyCustomer {
			continue
		}
		o := e.ObjectRef
		c := Change{At: e.RequestReceivedTimestamp.UTC(), User: e.User.Username, Agent: e.UserAgent, Verb: e.Verb, Resource: o.Resource, Subresource: o.Subresource, Namespace: o.Namespace, Name: o.Name}
		if e.ImpersonatedUser != nil {
			c.Impersonated = e.ImpersonatedUser.Username
		}
		if e.RequestObject != nil {
			c.Body = e.RequestObject.Raw
		}
		a.changed(c)
	}
	return true
}

// audit lets an API server know the party of each request, and tell of changes if
// somebody wants to know.
func (p *Plane) audit(config *app.Config) {
	evaluator := auditPolicy()
	changes := auditor{p.cfg.Changed, p.cfg.Blocked, p.writers, evaluator}
	for _, c := range []*server.Config{config.KubeAPIs.ControlPlane.Generic, &config.ApiExtensions.GenericConfig.Config, &config.Aggregator.GenericConfig.Config} {
		p.parties.recognise(c)
		if p.cfg.Changed == nil {
			continue
		}
		if c.AuditBackend == nil {
			c.AuditBackend, c.AuditPolicyRuleEvaluator = changes, evaluator
			continue
		}
		c.AuditBackend, c.AuditPolicyRuleEvaluator = serveraudit.Union(c.AuditBackend, changes), either{evaluator, c.AuditPolicyRuleEvaluator}
	}
}
