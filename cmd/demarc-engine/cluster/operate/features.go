package operate

import (
	"context"
	"fmt"

	"demarc/sim/api"
	"demarc/sim/preview"
	"demarc/sim/timeline"
)

// Features implements [run.World].
func (m *Management) Features() []api.Feature {
	var list []api.Feature
	for _, f := range preview.Catalogue(m.Spec.Edition) {
		list = append(list, m.feature(f))
	}
	return list
}

// feature is a preview feature as it is at this moment.
func (m *Management) feature(f preview.Feature) api.Feature {
	x := api.Feature{
		Registration: m.registration(f.Name), Stage: f.Stages[m.Spec.Edition],
		Doc: f.Doc, Changes: f.Changes, Source: f.Source,
	}
	s := m.Settings()
	switch f.Name {
	case preview.AuditLog:
		x.InForce = m.Plane.Audits()
	case preview.KubeProxy:
		x.InForce = s.KubeProxyMode != ""
	case preview.NRGLockdown:
		x.InForce = s.Restriction != ""
	}
	return x
}

// registration is what the subscription has of a preview feature.
func (m *Management) registration(name string) api.Registration {
	if r, ok := m.Memory.State().Registrations[name]; ok {
		return r
	}
	return api.Registration{Name: name, State: api.FeatureNotRegistered}
}

// registered says whether a preview feature may be used by its registration. One
// that is being unregistered is not taken away yet.
func (m *Management) registered(name string) bool {
	state := m.registration(name).State
	return state == api.FeatureRegistered || state == api.FeatureUnregistering
}

// RegisterFeature begins to register a preview feature in the subscription.
func (m *Management) RegisterFeature(ctx context.Context, name string) (api.Feature, error) {
	return m.setFeature(ctx, name, true)
}

// UnregisterFeature begins to end that.
func (m *Management) UnregisterFeature(ctx context.Context, name string) (api.Feature, error) {
	return m.setFeature(ctx, name, false)
}

func (m *Management) setFeature(ctx context.Context, name string, wanted bool) (api.Feature, error) {
	f, err := preview.Lookup(m.Spec.Edition, name)
	if err != nil {
		return api.Feature{}, err
	}
	if f.Stages[m.Spec.Edition] == preview.Available {
		return api.Feature{}, fmt.Errorf("%s/%s is already generally available: it is there without a registration", api.FeatureNamespace, f.Name)
	}
	if _, err := m.Operator.RegisterFeature(ctx, m.Memory, f.Name, wanted); err != nil {
		return api.Feature{}, err
	}
	return m.feature(f), nil
}

// require refuses an option whose preview feature is not registered.
func (m *Management) require(name string) error {
	if err := preview.Require(m.Spec.Edition, name, m.registered(name)); err != nil {
		return m.Refuse(timeline.Customer, "feature/"+name, err.Error(), err)
	}
	return nil
}
