package cluster

import (
	"context"
	"fmt"
	"strings"

	"demarc/sim/api"
	"demarc/sim/preview"
	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes"
)

// Features implements [script.World].
func (c *Cluster) Features() []api.Feature {
	var list []api.Feature
	for _, f := range preview.Catalogue(c.spec.Edition) {
		list = append(list, c.feature(f))
	}
	return list
}

// feature is a preview feature as it is at this moment.
func (c *Cluster) feature(f preview.Feature) api.Feature {
	x := api.Feature{
		Registration: c.registration(f.Name), Stage: f.Stages[c.spec.Edition],
		Doc: f.Doc, Changes: f.Changes, Source: f.Source,
	}
	s := c.settings()
	switch f.Name {
	case preview.AuditLog:
		x.InForce = c.plane.Audits()
	case preview.KubeProxy:
		x.InForce = s.KubeProxyMode != ""
	case preview.NRGLockdown:
		x.InForce = s.Restriction != ""
	}
	return x
}

// registration is what the subscription has of a preview feature.
func (c *Cluster) registration(name string) api.Registration {
	if r, ok := c.operations.replicas.State().Registrations[name]; ok {
		return r
	}
	return api.Registration{Name: name, State: api.FeatureNotRegistered}
}

// registered says whether a preview feature may be used by its registration. One
// that is being unregistered is not taken away yet.
func (c *Cluster) registered(name string) bool {
	state := c.registration(name).State
	return state == api.FeatureRegistered || state == api.FeatureUnregistering
}

// RegisterFeature begins to register a preview feature in the subscription.
func (c *Cluster) RegisterFeature(ctx context.Context, name string) (api.Feature, error) {
	return c.setFeature(ctx, name, true)
}

// UnregisterFeature begins to end that.
func (c *Cluster) UnregisterFeature(ctx context.Context, name string) (api.Feature, error) {
	return c.setFeature(ctx, name, false)
}

func (c *Cluster) setFeature(ctx context.Context, name string, wanted bool) (api.Feature, error) {
	f, err := preview.Lookup(c.spec.Edition, name)
	if err != nil {
		return api.Feature{}, err
	}
	if f.Stages[c.spec.Edition] == preview.Available {
		return api.Feature{}, fmt.Errorf("%s/%s is already generally available: it is there without a registration", api.FeatureNamespace, f.Name)
	}
	if _, err := c.operations.operator.RegisterFeature(ctx, c.operations.replicas, f.Name, wanted); err != nil {
		return api.Feature{}, err
	}
	return c.feature(f), nil
}

// require refuses an option whose preview feature is not registered.
func (c *Cluster) require(name string) error {
	if err := preview.Require(c.spec.Edition, name, c.registered(name)); err != nil {
		return c.refuse(timeline.Customer, "feature/"+name, err.Error(), err)
	}
	return nil
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
