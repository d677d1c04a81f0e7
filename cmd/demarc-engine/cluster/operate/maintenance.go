package operate

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Maintenance lists the maintenance configurations, by name.
func (m *Management) Maintenance() []api.PlannedMaintenance {
	all, list := m.Settings().Maintenance, []api.PlannedMaintenance{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, planned(all[name]))
	}
	return list
}

func planned(c api.MaintenanceConfiguration) api.PlannedMaintenance {
	return api.PlannedMaintenance{MaintenanceConfiguration: c, NextWindow: c.Window(time.Now())}
}

// AddMaintenance makes a maintenance configuration.
func (m *Management) AddMaintenance(ctx context.Context, c api.MaintenanceConfiguration) (api.PlannedMaintenance, error) {
	return m.plan(ctx, c, func(exists bool) error {
		if exists {
			return api.Errorf(http.StatusConflict, "(BadRequest) Maintenance configuration '%s' already exists: demarc aks maintenanceconfiguration update changes it", c.Name)
		}
		return nil
	})
}

// UpdateMaintenance replaces a maintenance configuration.
func (m *Management) UpdateMaintenance(ctx context.Context, c api.MaintenanceConfiguration) (api.PlannedMaintenance, error) {
	return m.plan(ctx, c, func(exists bool) error { return needMaintenance(c.Name, exists) })
}

func needMaintenance(name string, exists bool) error {
	if exists {
		return nil
	}
	return api.NoMaintenance(name)
}

// plan puts a maintenance configuration in force.
func (m *Management) plan(ctx context.Context, c api.MaintenanceConfiguration, allowed func(exists bool) error) (api.PlannedMaintenance, error) {
	if err := c.Validate(); err != nil {
		return api.PlannedMaintenance{}, err
	}
	c = c.With(time.Now())
	err := m.replan(ctx, c.Name, c.String(), func(all map[string]api.MaintenanceConfiguration, exists bool) error {
		all[c.Name] = c
		return allowed(exists)
	})
	return planned(c), err
}

// DeleteMaintenance deletes a maintenance configuration.
func (m *Management) DeleteMaintenance(ctx context.Context, name string) error {
	return m.replan(ctx, name, "none", func(all map[string]api.MaintenanceConfiguration, exists bool) error {
		delete(all, name)
		return needMaintenance(name, exists)
	})
}

// replan changes the maintenance configurations.
func (m *Management) replan(ctx context.Context, name, message string, change func(all map[string]api.MaintenanceConfiguration, exists bool) error) error {
	m.updating.Lock()
	defer m.updating.Unlock()
	s := m.Settings()
	_, exists := s.Maintenance[name]
	all := maps.Clone(s.Maintenance)
	if all == nil {
		all = map[string]api.MaintenanceConfiguration{}
	}
	if err := change(all, exists); err != nil {
		return err
	}
	s.Maintenance = all
	if err := m.Memory.Apply(ctx, provider.SetSettings(s)); err != nil {
		return err
	}
	m.Log.Append(timeline.Event{Actor: timeline.Customer, Verb: "updated", Subject: "cluster/" + m.Spec.Name, Message: "maintenance configuration " + name + ": " + message, Asker: timeline.Asker(ctx)})
	m.Operator.Maintain()
	return nil
}

// PatchNodes has Ubuntu's unattended-upgrades patch the nodes at night, or not, as the customer
// has set it: with a channel that brings images they do not.
func (m *Management) PatchNodes() { m.Fleet.SetNightly(m.Settings().NodeOSChannel == "") }
