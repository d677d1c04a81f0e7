package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/policy"
	"demarc/sim/timeline"
)

// gateCache keeps what the API servers have told of their gates: nothing of that
// changes before one is started again.
type gateCache struct {
	mu     sync.Mutex
	starts int
	list   []api.FeatureGate
}

// FeatureGates implements [script.World].
func (c *Cluster) FeatureGates(ctx context.Context) ([]api.FeatureGate, error) {
	starts := 0
	for _, x := range c.plane.Group(controlplane.APIServer) {
		starts += x.Status().Starts
	}
	c.gates.mu.Lock()
	defer c.gates.mu.Unlock()
	if c.gates.list != nil && c.gates.starts == starts {
		return c.gates.list, nil
	}
	enabled, err := enabledGates(ctx, c.provider)
	if err != nil {
		return nil, err
	}
	list := []api.FeatureGate{}
	for _, g := range controlplane.Gates() {
		list = append(list, api.FeatureGate{Name: g.Name, Stage: g.Stage, Default: g.Default, Enabled: enabled[g.Name]})
	}
	c.gates.starts, c.gates.list = starts, list
	return list, nil
}

// checkGates checks gates that are to be set: Kubernetes must have them, and the
// support policy must cover those that are switched on, unless the customer does
// without its support.
func checkGates(edition string, wanted map[string]bool, allowed bool) ([]controlplane.Gate, error) {
	gates, err := controlplane.CheckGates(wanted)
	if err != nil || allowed {
		return gates, err
	}
	e, err := policy.Lookup(edition)
	if err != nil {
		return nil, err
	}
	for _, g := range gates {
		if !wanted[g.Name] || g.Default {
			continue
		}
		v, err := e.Matter(timeline.Event{Subject: "featuregate/" + g.Name, Detail: &timeline.Detail{Stage: g.Stage}})
		if err != nil {
			return nil, err
		}
		if slices.Contains(v.Clauses, "features.alpha-beta") {
			return nil, &controlplane.GateError{Gate: g.Name, Reason: fmt.Sprintf("feature gate %s (edition %s, clause %s): "+
				"without support it can be had with --allow-unsupported-feature-gates, in a scenario allow-unsupported-gates=true",
				strings.TrimSuffix(v.Sentence, "."), edition, strings.Join(v.Clauses, ", "))}
		}
	}
	return gates, nil
}

// noteGates puts on the timeline what changes from one set of gates to another.
func (c *Cluster) noteGates(before, after map[string]bool) {
	changed := map[string]bool{}
	maps.Copy(changed, before)
	maps.Copy(changed, after)
	for _, g := range controlplane.Gates() {
		if _, ok := changed[g.Name]; !ok {
			continue
		}
		value := func(of map[string]bool) bool {
			if v, ok := of[g.Name]; ok {
				return v
			}
			return g.Default
		}
		if value(before) == value(after) {
			continue
		}
		verb := timeline.Verb("disabled")
		if value(after) {
			verb = "enabled"
		}
		c.log.Append(timeline.Event{
			Actor: timeline.Customer, Verb: verb, Subject: "featuregate/" + g.Name,
			Message: fmt.Sprintf("feature gate %s is %s: --feature-gates=%s=%t", g.Name, g.Stage, g.Name, value(after)),
			Detail:  &timeline.Detail{Stage: g.Stage},
		})
	}
}
