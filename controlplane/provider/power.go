package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/backup"
	"demarc/sim/api"
)

// Stop and start of the managed cluster (Microsoft, "Stop and start an Azure Kubernetes
// Service (AKS) cluster", 2026-03-04): nodes are drained, VMs deallocated and the control
// plane shut down, whose state is kept; pods that nobody makes again are gone.

// KeptFor is for how long the state of a stopped cluster is kept, in months (the same).
const KeptFor = 12

// Off says that the control plane and the VMs are down because the cluster is stopped, or
// that they go or come just now.
func (s State) Off() bool { return !s.Cluster.Stopped.IsZero() }

// Resting says that the cluster is stopped, or on its way there or back: what is not well
// then is so on purpose.
func (s State) Resting() bool {
	op := s.OperationInProgress()
	return s.Off() || op != nil && op.PowerChange != nil
}

// Power is the code of the cluster's power state: what its customer wants.
func (s State) Power() string {
	op := s.OperationInProgress()
	switch {
	case op != nil && op.Kind == api.OpStopCluster:
		return api.PowerStopped
	case op != nil && op.Kind == api.OpStartCluster, !s.Off():
		return api.PowerRunning
	}
	return api.PowerStopped
}

// Provisioning is the cluster's provisioning state: what an operation is at, or what came of
// the last one of the cluster as a whole.
func (s State) Provisioning() string {
	if op := s.OperationInProgress(); op != nil {
		if op.Upgrade == nil && op.PowerChange == nil { // of a pool
			return "Updating"
		}
		return cmp.Or(map[string]string{api.OpUpgradePool: api.OpUpgradeCluster}[op.Kind], op.Kind)
	}
	for _, op := range slices.Backward(Operations.List(s)) {
		if op.PowerChange != nil || op.Kind == api.OpUpgradeCluster {
			return op.State
		}
	}
	return api.OpSucceeded
}

// cannot is AKS's refusal of what the cluster's state does not allow (MicrosoftDocs/azure-docs
// issue 85161, 2021-12).
func (s State) cannot(what, hint string) error {
	return api.Coded("OperationNotAllowed", "managed cluster is in Provisioning State(%s) and Power State(%s), %s cannot be performed%s", s.Provisioning(), s.Power(), what, hint)
}

// Runs refuses what a stopped cluster cannot do: only start and delete are allowed.
func (s State) Runs() error {
	if !s.Off() {
		return nil
	}
	return s.cannot("this operation", ": a cluster that is stopped can only be started or deleted; start it with demarc aks start")
}

// awake refuses what has no place beside a stop or a start, either.
func (s State) awake() error {
	if op := s.OperationInProgress(); op != nil && op.PowerChange != nil {
		return Busy(*op)
	}
	return s.Runs()
}

// ManagedCluster is the cluster as its customer has it, as far as the plane knows it.
func (o *Operator) ManagedCluster(r *Replicas) api.ManagedCluster {
	s := r.State()
	m := api.ManagedCluster{
		Name: o.cfg.Name, KubernetesVersion: s.Cluster.KubernetesVersion, ProvisioningState: s.Provisioning(), PowerState: api.PowerState{Code: s.Power()},
	}
	if s.Off() {
		m.Stopped, m.KeptUntil = s.Cluster.Stopped, s.Cluster.Stopped.AddDate(0, KeptFor, 0)
	}
	return m
}

// errNoVMs says that there is nothing to stop.
var errNoVMs = errors.New("the provider's plane looks after no nodes of this cluster: it can be neither stopped nor started")

// StopCluster has the leader stop the cluster. It returns as soon as that is in the log. The
// error has AKS's code.
func (o *Operator) StopCluster(ctx context.Context, r *Replicas) (api.Operation, error) {
	return o.changePower(ctx, r, api.OpStopCluster, func(s State) (op api.Operation, err error) {
		if s.Off() {
			return op, s.cannot("stopping", "")
		}
		op.Message, op.PowerChange = "its nodes are drained and deallocated, its control plane is shut down, and its state is kept", &api.PowerChange{}
		return op, s.busy()
	})
}

// StartCluster has the leader start the cluster again, likewise.
func (o *Operator) StartCluster(ctx context.Context, r *Replicas) (api.Operation, error) {
	return o.changePower(ctx, r, api.OpStartCluster, func(s State) (op api.Operation, err error) {
		if !s.Off() {
			return op, s.cannot("starting", "")
		}
		op.Message, op.PowerChange = "its control plane has the state that was kept, and its VMs are allocated again", &api.PowerChange{}
		for _, last := range slices.Backward(Operations.List(s)) {
			if last.Kind == api.OpStopCluster {
				for _, n := range last.PowerChange.Nodes {
					op.PowerChange.Nodes = append(op.PowerChange.Nodes, api.NodeUpgrade{Name: n.Name})
				}
				op.PowerChange.Unschedulable = last.PowerChange.Unschedulable
				break
			}
		}
		return op, nil
	})
}

func (o *Operator) changePower(ctx context.Context, r *Replicas, kind string, plan func(State) (api.Operation, error)) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errNoVMs
	}
	return o.beginAny(ctx, r, func(s State) (api.Operation, *Cluster, error) {
		op, err := plan(s)
		op.Kind, op.Subject = kind, "cluster/"+o.cfg.Name
		return op, nil, err
	})
}

// stop goes on where the record ends: the nodes are emptied, and then all of it goes.
func (x *operation) stop(ctx context.Context) error {
	if x.rec.PowerChange.Began.IsZero() {
		if err := x.poll(ctx, x.empty); err != nil {
			return err
		}
		now, c := time.Now().UTC(), x.l.State().Cluster
		c.Stopped = now
		if err := x.change(ctx, func(op *api.Operation) { op.PowerChange.Began = now }, SetCluster(c)); err != nil {
			return err
		}
	}
	err := x.poll(ctx, func(ctx context.Context) (bool, error) {
		x.o.mending.Lock() // who is at a component has been told to give up
		defer x.o.mending.Unlock()
		// Not with ctx: what ends, ends whoever leads then.
		return x.o.cfg.Cloud.Deallocate(ctx, x.cause) == nil && x.o.cfg.ControlPlane.PowerOff(context.WithoutCancel(ctx)) == nil, nil
	})
	if err != nil {
		return err
	}
	if !x.rec.PowerChange.Done.IsZero() {
		return nil
	}
	x.o.cfg.Ledger.Rest(time.Now())
	x.note("shut down", "control-plane", fmt.Sprintf("its state is kept for %d months", KeptFor))
	return x.change(ctx, func(op *api.Operation) { op.PowerChange.Done = time.Now().UTC() })
}

// empty takes the drain of all nodes a step further, and says whether it is over. What is
// left of a node when its time is over ends all the same: AKS drains for a certain time, and
// then goes on by force (MicrosoftDocs/azure-docs pull request 107739, 2023-04). Nor does it
// wait longer for an API server that does not answer.
func (x *operation) empty(ctx context.Context) (over bool, err error) {
	list, err := ask(ctx, x.o.cfg.Nodes.Nodes)
	if err != nil {
		return time.Since(x.rec.Began) >= api.DefaultDrainTimeout, nil
	}
	if x.rec.PowerChange.Nodes == nil {
		if err := x.change(ctx, func(op *api.Operation) { op.PowerChange.Nodes, op.PowerChange.Unschedulable = drainable(list) }); err != nil {
			return false, err
		}
	}
	var changed []api.NodeUpgrade
	here, pools := byName(list), x.l.State().Cluster
	for _, n := range x.rec.PowerChange.Nodes {
		_, ok := here[n.Name]
		if !ok && n.Drained.IsZero() { // deleted meanwhile
			n.Drained = time.Now().UTC()
			changed = append(changed, n)
		} else if n.Cordoned.IsZero() && ok && x.cordon(ctx, n.Name, true) {
			n.Cordoned = time.Now().UTC()
			changed = append(changed, n)
			x.note("draining", nodeSubject(n.Name), "the cluster is being stopped: its pods end, as their disruption budgets allow")
		}
	}
	if len(changed) == 0 { // no pod comes to any of them any more
		for _, n := range x.rec.PowerChange.Nodes {
			if n.Drained.IsZero() && !n.Cordoned.IsZero() {
				pool, _ := pools.pool(here[n.Name].Pool)
				if n, further := x.emptyNode(ctx, n, here[n.Name], time.Duration(cmp.Or(pool.DrainTimeout, api.Duration(api.DefaultDrainTimeout)))); further {
					changed = append(changed, n)
				}
			}
		}
	}
	if len(changed) > 0 {
		if err := x.change(ctx, func(op *api.Operation) { enter(op.PowerChange.Nodes, changed) }); err != nil {
			return false, err
		}
	}
	return !slices.ContainsFunc(x.rec.PowerChange.Nodes, func(n api.NodeUpgrade) bool { return n.Drained.IsZero() }), nil
}

// drainable are the nodes of a cluster, and those of them that are cordoned already.
func drainable(list []Node) (nodes []api.NodeUpgrade, cordoned []string) {
	nodes = []api.NodeUpgrade{}
	for _, n := range list {
		nodes = append(nodes, api.NodeUpgrade{Name: n.Name})
		if n.Unschedulable {
			cordoned = append(cordoned, n.Name)
		}
	}
	return nodes, cordoned
}

// enter puts changed nodes in the place of what a list has of them.
func enter(list, changed []api.NodeUpgrade) {
	for _, n := range changed {
		if i := slices.IndexFunc(list, func(old api.NodeUpgrade) bool { return old.Name == n.Name }); i >= 0 {
			list[i] = n
		}
	}
}

// emptyNode takes the drain of a node a step further, and says whether its record has changed.
func (x *operation) emptyNode(ctx context.Context, n api.NodeUpgrade, at Node, timeout time.Duration) (api.NodeUpgrade, bool) {
	d, ok := x.drain(ctx, at, n.Cordoned, timeout)
	switch {
	case !ok:
		return n, false
	case d.left == 0 || d.over:
		n.Drained, n.Blocked = time.Now().UTC(), ""
		return n, true
	case d.late:
		if !did(ctx, func(ctx context.Context) error { return x.o.cfg.Nodes.Delete(ctx, n.Name) }) {
			return n, false
		}
		x.note("drained", nodeSubject(n.Name), plural(d.left, "pod")+" ended by force: the drain has taken "+timeout.String())
		n.Drained = time.Now().UTC()
		return n, true
	}
	pod, message := d.waits(n.Blocked)
	if message == "" {
		return n, false
	}
	n.Blocked = pod
	x.note("waits to drain", nodeSubject(n.Name), message)
	return n, true
}

// start goes on where the record ends: the control plane and the VMs come, and then pods may
// come to the nodes again.
func (x *operation) start(ctx context.Context) error {
	if x.rec.PowerChange.Done.IsZero() {
		if err := x.powerOn(ctx); err != nil {
			return err
		}
	}
	wake(x.o.published)
	wake(x.o.escalated)
	return x.pollNodes(ctx, x.welcome)
}

// powerOn starts the control plane and the VMs. Of what was not taken while the cluster was
// stopped no backup is missing.
func (x *operation) powerOn(ctx context.Context) error {
	if x.rec.PowerChange.Began.IsZero() {
		if err := x.change(ctx, func(op *api.Operation) { op.PowerChange.Began = time.Now().UTC() }); err != nil {
			return err
		}
	}
	last := ""
	err := x.poll(ctx, func(ctx context.Context) (bool, error) {
		err := cmp.Or(x.o.cfg.Cloud.Allocate(ctx, x.cause), x.o.cfg.ControlPlane.PowerOn(context.WithoutCancel(ctx)))
		if err != nil && err.Error() != last {
			last = err.Error()
			x.note("waits to start", "control-plane", last)
		}
		lost, _ := remedyFor(x.o.cfg.ControlPlane.Members())
		return err == nil || lost != nothing, nil // what is lost the watchdog mends
	})
	if err != nil {
		return err
	}
	now, c := time.Now().UTC(), x.l.State().Cluster
	c.Stopped = time.Time{}
	x.note("started", "control-plane", "it has the state that was kept")
	return x.change(ctx, func(op *api.Operation) { op.PowerChange.Done = now }, SetCluster(c), SetLastSlot(backup.Slot(now, api.BackupInterval)))
}

// welcome lets pods come to the nodes that are Ready, and says whether all are. One that does
// not come in time fails the start; it is node auto-repair's then.
func (x *operation) welcome(ctx context.Context, here map[string]Node) (over bool, err error) {
	var changed []api.NodeUpgrade
	late, waits := time.Since(x.rec.PowerChange.Began) >= nodeTimeout, false
	var missing *Node
	for _, n := range x.rec.PowerChange.Nodes {
		at, ok := here[n.Name]
		// Until then it may be the node's last word of before.
		ready := ok && at.Ready && time.Since(x.rec.PowerChange.Began) >= bootGrace
		switch {
		case !n.Ready.IsZero():
			continue
		case !ready && !late:
			waits = true
			continue
		case !ready && missing == nil:
			at.Name = n.Name
			missing = &at
		}
		if ok && !slices.Contains(x.rec.PowerChange.Unschedulable, n.Name) && !x.cordon(ctx, n.Name, false) {
			waits = true
			continue
		}
		if ready {
			n.Ready = time.Now().UTC()
			changed = append(changed, n)
		}
	}
	if len(changed) > 0 {
		if err := x.change(ctx, func(op *api.Operation) { enter(op.PowerChange.Nodes, changed) }); err != nil {
			return false, err
		}
	}
	if !waits && missing != nil {
		return false, x.notReady(missing.Name, *missing)
	}
	return !waits, nil
}
