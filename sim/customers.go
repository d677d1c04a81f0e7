package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"demarc/controlplane"
	"demarc/sim/timeline"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
)

// recordedID begins the audit IDs of changes that are on the timeline already:
// scenarios say in their own words what they do, such as that they drain a node.
const recordedID = "recorded-"

// recorded marks the requests of a client as such.
func recorded(next http.RoundTripper) http.RoundTripper { return recordedTransport{next} }

type recordedTransport struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t recordedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Audit-ID", recordedID+newSecret())
	return t.next.RoundTrip(req)
}

// changed puts on the timeline what a customer has changed with kubectl or another
// client, or by a program in a pod.
func (c *Cluster) changed(x controlplane.Change) {
	if strings.HasPrefix(x.ID, recordedID) {
		return
	}
	done, ok := changeVerb(x)
	if !ok {
		return
	}
	subject := singular(x.Resource)
	for _, part := range []string{x.Namespace, x.Name} {
		if part != "" {
			subject += "/" + part
		}
	}
	who := "the customer"
	if account, ok := strings.CutPrefix(x.User, "system:serviceaccount:"); ok {
		who = "the customer's service account " + strings.Replace(account, ":", "/", 1)
	}
	program, _, _ := strings.Cut(x.Agent, "/")
	c.log.Append(timeline.Event{Time: x.At, Actor: timeline.Customer, Verb: done, Subject: subject, Message: fmt.Sprintf("%s %s %s with %s", who, done, subject, program)})
}

// changeVerb is what a change did to its subject. Statuses are told by those who
// have them, and tokens and bindings change nothing.
func changeVerb(x controlplane.Change) (string, bool) {
	switch x.Subresource {
	case "":
	case "scale":
		return "scaled", true
	case "eviction":
		return "evicted", true
	case "ephemeralcontainers":
		return "patched", true
	default:
		return "", false
	}
	switch x.Verb {
	case "create":
		return "created", true
	case "delete":
		if x.Resource == "nodes" {
			return "deleted the Node object of", true // its machine is still there
		}
		return "deleted", true
	case "deletecollection":
		return "deleted all of", true
	}
	if x.Resource == "nodes" {
		return nodeVerb(x.Body), true
	}
	return map[string]string{"update": "updated", "patch": "patched"}[x.Verb], true
}

// nodeVerb is what a patch does to a Node.
func nodeVerb(body []byte) string {
	var patch struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(body, &patch); err != nil {
		return "patched"
	}
	switch unschedulable, ok := patch.Spec["unschedulable"]; {
	case !ok || len(patch.Spec) > 1:
		return "patched"
	case unschedulable == true:
		return "cordoned"
	}
	return "uncordoned"
}

// singulars are the singular names of the resources of built-in kinds.
var singulars = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for kind := range scheme.Scheme.AllKnownTypes() {
		many, one := meta.UnsafeGuessKindToResource(kind)
		m[many.Resource] = one.Resource
	}
	return m
})

// singular is a resource as subjects of the timeline begin with it.
func singular(resource string) string {
	if one, ok := singulars()[resource]; ok {
		return one
	}
	return strings.TrimSuffix(resource, "s")
}
