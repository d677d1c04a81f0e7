package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/preview"
	"demarc/sim/timeline"
)

// Settings are what the customer has set of the cluster.
func (m *Management) Settings() api.ClusterSettings { return m.Memory.State().Settings }

// configure hands the settings to what is to have them from its next start on.
func (m *Management) configure(s api.ClusterSettings) error {
	m.Plane.Configure(controlplane.Settings{FeatureGates: s.FeatureGates, Audit: s.AuditLog})
	m.Addons.Want(addon.AppRouting, s.AppRouting)
	return m.Addons.KubeProxyMode(strings.ToLower(s.KubeProxyMode))
}

// Update implements [run.World].
func (m *Management) Update(ctx context.Context, req api.UpdateRequest) (api.ClusterSettings, error) {
	m.updating.Lock()
	defer m.updating.Unlock()
	if s := m.State(); s != "ready" {
		return api.ClusterSettings{}, fmt.Errorf("the cluster is %s: it can be updated when it is ready", s)
	}
	if busy := m.Memory.State().OperationInProgress(); busy != nil {
		return api.ClusterSettings{}, provider.Busy(*busy)
	}
	if err := m.Runs(); err != nil {
		return api.ClusterSettings{}, err
	}
	before := m.Settings()
	after, err := m.updated(before, req)
	if err != nil {
		return before, err
	}
	m.Log.Append(timeline.Event{Actor: timeline.Customer, Verb: "updated", Subject: "cluster/" + m.Spec.Name, Message: changedText(before, after), Asker: timeline.Asker(ctx)})
	if err := m.bring(ctx, before, after); err != nil {
		// As it was: a control plane that does not start helps nobody.
		return before, errors.Join(fmt.Errorf("update the cluster: %w", err), m.bring(ctx, after, before))
	}
	m.NoteGates(before.FeatureGates, after.FeatureGates)
	return after, nil
}

// updated is what the settings are to be. What is no part of the request follows
// the defaults of the subscription.
func (m *Management) updated(s api.ClusterSettings, req api.UpdateRequest) (api.ClusterSettings, error) {
	gates, err := CheckGates(m.Spec.Edition, req.FeatureGates, req.AllowUnsupportedGates)
	if err != nil {
		var refused *controlplane.GateError
		if errors.As(err, &refused) && refused.Gate != "" {
			return s, m.Refuse(timeline.Customer, "featuregate/"+refused.Gate, err.Error(), err)
		}
		return s, err
	}
	s.FeatureGates = maps.Clone(s.FeatureGates)
	for _, g := range gates {
		if s.FeatureGates == nil {
			s.FeatureGates = map[string]bool{}
		}
		s.FeatureGates[g.Name] = req.FeatureGates[g.Name]
		if req.FeatureGates[g.Name] == g.Default {
			delete(s.FeatureGates, g.Name)
		}
	}
	if _, err := controlplane.CheckGates(s.FeatureGates); err != nil {
		return s, err
	}
	s.KubeProxyMode, err = m.option("kube-proxy-mode", req.KubeProxyMode, s.KubeProxyMode, api.KubeProxyModes, preview.KubeProxy)
	if err != nil {
		return s, err
	}
	s.Restriction, err = m.option("nrg-lockdown", req.Restriction, s.Restriction, api.RestrictionLevels, preview.NRGLockdown)
	if err != nil {
		return s, err
	}
	if err := req.LoadBalancer.Validate(); err != nil {
		return s, err
	}
	s.LoadBalancer = s.LoadBalancer.With(req.LoadBalancer)
	if err := s.LoadBalancer.Fits(m.Memory.State().Cluster.Nodes()); err != nil {
		return s, err
	}
	if req.AppRouting != nil {
		s.AppRouting = *req.AppRouting
	}
	if s.NodeOSChannel, err = oneOf("node-os-upgrade-channel", req.NodeOSChannel, s.NodeOSChannel, api.NodeOSChannels); err != nil {
		return s, err
	}
	if s.UpgradeChannel, err = oneOf("auto-upgrade-channel", req.UpgradeChannel, s.UpgradeChannel, api.UpgradeChannels); err != nil {
		return s, err
	}
	s.AuditLog = m.registered(preview.AuditLog)
	return s, nil
}

// option is the value of an option after a request. Its first value is its default
// and kept as nothing; each other needs a feature.
func (m *Management) option(name, wanted, has string, values []string, feature string) (string, error) {
	value, err := oneOf(name, wanted, has, values)
	if err != nil || wanted == "" || value == "" {
		return value, err
	}
	return value, m.require(feature)
}

// oneOf is the value of an option after a request. Its first value is its default and kept as
// nothing.
func oneOf(name, wanted, has string, values []string) (string, error) {
	if wanted == "" {
		return has, nil
	}
	i := slices.IndexFunc(values, func(v string) bool { return strings.EqualFold(v, wanted) })
	switch {
	case i < 0:
		return has, api.Errorf(http.StatusBadRequest, "%s=%s: want %s", name, wanted, strings.Join(values, " or "))
	case i == 0:
		return "", nil
	}
	return values[i], nil
}

// bring puts new settings in force and returns when they are.
func (m *Management) bring(ctx context.Context, before, after api.ClusterSettings) error {
	if err := m.Memory.Apply(ctx, provider.SetSettings(after)); err != nil {
		return err
	}
	if before.AppRouting != after.AppRouting {
		if err := m.Addons.Enable(ctx, addon.AppRouting, after.AppRouting); err != nil {
			return fmt.Errorf("application routing add-on: %w", err)
		}
	}
	if err := m.configure(after); err != nil {
		return err
	}
	m.Fleet.SetOutbound(after.LoadBalancer)
	m.PatchNodes()
	m.Operator.Maintain()
	if !maps.Equal(before.FeatureGates, after.FeatureGates) || before.AuditLog != after.AuditLog {
		if err := m.Plane.Roll(ctx); err != nil {
			return err
		}
	}
	if before.KubeProxyMode != after.KubeProxyMode {
		return m.Addons.WriteKubeProxy(ctx)
	}
	return nil
}

// changedText says what an update changes.
func changedText(before, after api.ClusterSettings) string {
	if reflect.DeepEqual(before, after) {
		return "to its settings: nothing differs"
	}
	var words []string
	if !maps.Equal(before.FeatureGates, after.FeatureGates) {
		words = append(words, "other feature gates: the control plane restarts")
	}
	if before.AuditLog != after.AuditLog {
		words = append(words, fmt.Sprintf("audit log %s: the control plane restarts", onOff(after.AuditLog)))
	}
	for _, x := range []struct{ name, before, after, first string }{
		{"kube-proxy-mode", before.KubeProxyMode, after.KubeProxyMode, api.KubeProxyModes[0]},
		{"nrg-lockdown", before.Restriction, after.Restriction, api.RestrictionLevels[0]},
		{"node-os-upgrade-channel", before.NodeOSChannel, after.NodeOSChannel, api.NodeOSChannels[0]},
		{"auto-upgrade-channel", before.UpgradeChannel, after.UpgradeChannel, api.UpgradeChannels[0]},
	} {
		if x.before != x.after {
			words = append(words, x.name+"="+cmp.Or(x.after, x.first))
		}
	}
	if before.AppRouting != after.AppRouting {
		words = append(words, "application routing add-on "+onOff(after.AppRouting))
	}
	if before.LoadBalancer != after.LoadBalancer {
		words = append(words, "outbound connections: "+after.LoadBalancer.String())
	}
	return strings.Join(words, "; ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
