package cluster

import (
	"slices"

	"demarc/sim/timeline"
)

// unenforced says once that NetworkPolicies mean nothing in a cluster without an engine that
// enforces them: neither the API server nor kubectl tells who has written one.
func (c *Cluster) unenforced(subject string, cause int64) {
	const verb = "is not enforced"
	if c.spec.NetworkPolicy.Enforces() {
		return
	}
	c.policyTold.Do(func() {
		past, _ := c.log.Since(0)
		if slices.ContainsFunc(past, func(e timeline.Event) bool { return e.Verb == verb }) {
			return // by an earlier engine
		}
		c.log.Append(timeline.Event{
			Actor: timeline.Platform, Verb: verb, Subject: subject, Cause: cause,
			Message: "the cluster has no network policy engine, so all pods reach each other, whatever NetworkPolicies say: make it with demarc up --network-policy azure, calico or cilium",
		})
	})
}
