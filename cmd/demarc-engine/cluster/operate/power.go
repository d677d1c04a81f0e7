package operate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/drain"
)

// StopCluster begins to stop the cluster.
func (m *Management) StopCluster(ctx context.Context) (api.Operation, error) {
	m.updating.Lock() // an update is done when it returns
	defer m.updating.Unlock()
	if s := m.State(); s != "ready" {
		return api.Operation{}, fmt.Errorf("the cluster is %s: it can be stopped when it is ready", s)
	}
	return m.Operator.StopCluster(ctx, m.Memory)
}

// StartCluster begins to start a cluster that is stopped.
func (m *Management) StartCluster(ctx context.Context) (api.Operation, error) {
	return m.Operator.StartCluster(ctx, m.Memory)
}

// ManagedCluster is the cluster as its customer has it.
func (m *Management) ManagedCluster() api.ManagedCluster {
	c := m.Operator.ManagedCluster(m.Memory)
	c.NodeResourceGroup, c.Server = m.Fleet.ResourceGroup(), m.Plane.URL()
	return c
}

// Off says whether the control plane and the VMs are down since the cluster is stopped.
func (m *Management) Off() bool { return m.Memory.State().Off() }

// Runs refuses what a cluster that is stopped cannot do.
func (m *Management) Runs() error { return m.Memory.State().Runs() }

// settleTime is what add-ons and workloads have to be back after a start.
const settleTime = time.Minute

// Resting says whether the cluster is stopped, on its way there or back, or has only just
// come: nobody counts then what does not serve.
func (m *Management) Resting() bool {
	s := m.Memory.State()
	if s.Resting() {
		return true
	}
	list := provider.Operations.List(s)
	i := slices.IndexFunc(list, func(op api.Operation) bool {
		return op.Kind == api.OpStartCluster && time.Since(op.Ended) < settleTime
	})
	return i >= 0
}

// AwaitPower returns when the cluster runs: it is not stopped, and not on its way there or
// back; or with an error when ctx ends.
func (m *Management) AwaitPower(ctx context.Context) error {
	for {
		changed := m.Memory.Changed()
		if !m.Memory.State().Resting() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// PowerOff implements [provider.ControlPlane].
func (p managed) PowerOff(ctx context.Context) error { return p.m.Plane.PowerOff(ctx) }

// PowerOn implements [provider.ControlPlane].
func (p managed) PowerOn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, resumeTimeout)
	defer cancel()
	return p.m.Plane.PowerOn(ctx)
}

// Deallocate implements [provider.Cloud].
func (p vms) Deallocate(_ context.Context, cause int64) error {
	p.m.Fleet.Deallocate(cause)
	return p.m.Save()
}

// Allocate implements [provider.Cloud].
func (p vms) Allocate(_ context.Context, cause int64) error {
	p.m.Fleet.Allocate(cause)
	return p.m.Save()
}

// Delete implements [provider.Nodes].
func (p workers) Delete(ctx context.Context, node string) error {
	return drain.Delete(ctx, p.m.Client, node)
}
