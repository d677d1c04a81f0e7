package cluster

import (
	"slices"
	"testing"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

func TestChanged(t *testing.T) {
	for _, tt := range []struct {
		name string
		x    controlplane.Change
		want string // verb, subject and message; empty for no event
	}{
		{"create", controlplane.Change{User: "masterclient", Agent: "kubectl/v1.37.2 (linux/amd64)", Verb: "create", Resource: "networkpolicies", Namespace: "web", Name: "deny"},
			"created networkpolicy/web/deny: the customer created networkpolicy/web/deny with kubectl"},
		{"scale", controlplane.Change{Agent: "helm", Verb: "patch", Resource: "deployments", Subresource: "scale", Namespace: "kube-system", Name: "coredns"},
			"scaled deployment/kube-system/coredns: the customer scaled deployment/kube-system/coredns with helm"},
		{"a pod does it", controlplane.Change{User: "system:serviceaccount:ops:kured", Agent: "kured", Verb: "patch", Resource: "nodes", Name: "a", Body: []byte(`{"spec":{"unschedulable":true}}`)},
			"cordoned node/a: the customer's service account ops/kured cordoned node/a with kured"},
		{"uncordon", controlplane.Change{Agent: "kubectl", Verb: "patch", Resource: "nodes", Name: "a", Body: []byte(`{"spec":{"unschedulable":null}}`)},
			"uncordoned node/a: the customer uncordoned node/a with kubectl"},
		{"the machine stays", controlplane.Change{Agent: "kubectl", Verb: "delete", Resource: "nodes", Name: "a"},
			"deleted the Node object of node/a: the customer deleted the Node object of node/a with kubectl"},
		{"all of a kind", controlplane.Change{Agent: "kubectl", Verb: "deletecollection", Resource: "pods", Namespace: "web"},
			"deleted all of pod/web: the customer deleted all of pod/web with kubectl"},
		{"a certificate of the provider's name", controlplane.Change{User: "aksService", Agent: "kubectl", Verb: "delete", Resource: "pods", Namespace: "web", Name: "a"},
			"deleted pod/web/a: the customer, as aksService, deleted pod/web/a with kubectl"},
		{"impersonation", controlplane.Change{User: "masterclient", Impersonated: "system:serviceaccount:kube-system:x", Agent: "kubectl", Verb: "delete", Resource: "pods", Namespace: "web", Name: "a"},
			"deleted pod/web/a: the customer, as system:serviceaccount:kube-system:x, deleted pod/web/a with kubectl"},
		{"a token", controlplane.Change{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: "web", Name: "a"}, ""},
	} {
		c := &Cluster{log: timeline.New()}
		c.changed(tt.x)
		got := ""
		if e, ok := c.log.Get(1); ok {
			got = string(e.Verb) + " " + e.Subject + ": " + e.Message
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// That nobody enforces policies is said once, where that is so.
func TestUnenforced(t *testing.T) {
	for engine, want := range map[api.NetworkPolicy]int{"": 1, api.NetworkPolicyNone: 1, api.NetworkPolicyAzure: 0} {
		c := &Cluster{log: timeline.New(), spec: api.ClusterSpec{NetworkPolicy: engine}}
		for _, verb := range []string{"delete", "create", "patch", "create"} {
			c.changed(controlplane.Change{Agent: "kubectl", Verb: verb, Resource: "networkpolicies", Namespace: "web", Name: "deny"})
		}
		events, _ := c.log.Since(0)
		events = slices.DeleteFunc(events, func(e timeline.Event) bool { return e.Verb != "is not enforced" })
		if len(events) != want || want > 0 && events[0].Cause != 2 {
			t.Errorf("%q: got %v", engine, events)
		}
	}
}
