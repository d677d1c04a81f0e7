package cluster

import (
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// noteUnenforced says once that NetworkPolicies mean nothing in a cluster without an engine
// that enforces them, when somebody has written one: neither the API server nor kubectl tells.
func (c *Cluster) noteUnenforced(written timeline.Event) {
	const verb = "is not enforced"
	if c.spec.NetworkPolicy.Enforces() || !strings.HasPrefix(written.Subject, "networkpolicy/") || written.Verb == "deleted" || written.Verb == "deleted all of" {
		return
	}
	c.policyTold.Do(func() {
		past, _ := c.log.Since(0)
		if slices.ContainsFunc(past, func(e timeline.Event) bool { return e.Verb == verb }) {
			return // by an earlier engine
		}
		c.log.Append(timeline.Event{
			Actor: timeline.Platform, Verb: verb, Subject: written.Subject, Cause: written.Seq,
			Message: "the cluster has no network policy engine, so all pods reach each other, whatever NetworkPolicies say: make it with demarc up --network-policy azure, calico or cilium",
		})
	})
}
