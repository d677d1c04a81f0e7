package cluster

import (
	"encoding/json"
	"fmt"
	"strings"

	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/controlplane"
	"demarc/sim/timeline"
)

// changed puts on the timeline what a customer has changed with kubectl or another
// client, or by a program in a pod.
func (c *Cluster) changed(x controlplane.Change) {
	done, ok := changeVerb(x)
	if !ok {
		return
	}
	subject := operate.Singular(x.Resource)
	for _, part := range []string{x.Namespace, x.Name} {
		if part != "" {
			subject += "/" + part
		}
	}
	program, _, _ := strings.Cut(x.Agent, "/")
	e := c.log.Append(timeline.Event{Time: x.At, Actor: timeline.Customer, Verb: done, Subject: subject, Message: fmt.Sprintf("%s %s %s with %s", whoAsked(x), done, subject, program)})
	c.noteUnenforced(e)
}

// whoAsked is the customer, under the names that he has given himself.
func whoAsked(x controlplane.Change) string {
	who := "the customer"
	if account, ok := strings.CutPrefix(x.User, "system:serviceaccount:"); ok {
		who += "'s service account " + strings.Replace(account, ":", "/", 1)
	} else if x.User != "" && x.User != controlplane.CustomerUser {
		who += ", as " + x.User + ","
	}
	if x.Impersonated != "" {
		who += ", as " + x.Impersonated + ","
	}
	return who
}

// changeVerb is what a change did to its subject. Statuses are told by those who
// have them, and tokens and bindings change nothing.
func changeVerb(x controlplane.Change) (timeline.Verb, bool) {
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
	return map[string]timeline.Verb{"update": "updated", "patch": "patched"}[x.Verb], true
}

// nodeVerb is what a patch does to a Node.
func nodeVerb(body []byte) timeline.Verb {
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
