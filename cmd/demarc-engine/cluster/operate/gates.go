package operate

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

	"k8s.io/client-go/kubernetes"
)

// gateCache keeps what the API servers have told of their gates: nothing of that
// changes before one is started again.
type gateCache struct {
	mu     sync.Mutex
	starts int
	list   []api.FeatureGate
}

// FeatureGates implements [run.World].
func (m *Management) FeatureGates(ctx context.Context) ([]api.FeatureGate, error) {
	starts := 0
	for _, x := range m.Plane.Group(controlplane.APIServer) {
		starts += x.Status().Starts
	}
	m.gates.mu.Lock()
	defer m.gates.mu.Unlock()
	if m.gates.list != nil && m.gates.starts == starts {
		return m.gates.list, nil
	}
	enabled, err := enabledGates(ctx, m.Client)
	if err != nil {
		return nil, err
	}
	list := []api.FeatureGate{}
	for _, g := range controlplane.Gates() {
		list = append(list, api.FeatureGate{Name: g.Name, Stage: g.Stage, Default: g.Default, Enabled: enabled[g.Name]})
	}
	m.gates.starts, m.gates.list = starts, list
	return list, nil
}

// CheckGates checks gates that are to be set: Kubernetes must have them, and the
// support policy must cover those that are switched on, unless the customer does
// without its support.
func CheckGates(edition string, wanted map[string]bool, allowed bool) ([]controlplane.Gate, error) {
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

// NoteGates puts on the timeline what changes from one set of gates to another.
func (m *Management) NoteGates(before, after map[string]bool) {
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
		m.Log.Append(timeline.Event{
			Actor: timeline.Customer, Verb: verb, Subject: "featuregate/" + g.Name,
			Message: fmt.Sprintf("feature gate %s is %s: --feature-gates=%s=%t", g.Name, g.Stage, g.Name, value(after)),
			Detail:  &timeline.Detail{Stage: g.Stage},
		})
	}
}

// enabledGates reads from the API server's metrics which feature gates are on.
func enabledGates(ctx context.Context, client kubernetes.Interface) (map[string]bool, error) {
	body, err := client.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of kube-apiserver: %w", err)
	}
	return parseGates(string(body)), nil
}

// parseGates reads kubernetes_feature_enabled{name="NAME",stage="ALPHA"} 1.
func parseGates(metrics string) map[string]bool {
	gates := map[string]bool{}
	for line := range strings.Lines(metrics) {
		rest, ok := strings.CutPrefix(line, `kubernetes_feature_enabled{name="`)
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, `"`)
		gates[name] = strings.HasSuffix(strings.TrimSpace(rest), "} 1")
	}
	return gates
}
