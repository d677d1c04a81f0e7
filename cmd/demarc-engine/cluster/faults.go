package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"demarc/cmd/demarc-engine/cluster/faults"
	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/fault"
)

// newFaults makes faults happen in the cluster. The parts that are not made yet are set
// when they are.
func (c *Cluster) newFaults() *faults.Faults {
	return faults.New(faults.World{
		Log: c.log, Context: c.ctx, Go: c.work.Go, Fine: c.dial.Fine, Outage: c.outage,
		Clients: customerClients{c},
		Well:    func(subject string) { c.incidents.Close(subject, time.Now()) },
	})
}

// struckPlane is the control plane as faults strike it.
type struckPlane struct{ *controlplane.Plane }

// Components implements [faults.Plane].
func (p struckPlane) Components(name string) (list []faults.Component) {
	for _, x := range p.Group(name) {
		list = append(list, x)
	}
	return list
}

// Start implements [faults.Plane].
func (p struckPlane) Start(ctx context.Context, list []faults.Component) error {
	var some []*controlplane.Component
	for _, x := range list {
		some = append(some, x.(*controlplane.Component))
	}
	return p.StartSome(ctx, some)
}

// Inject makes a fault happen, or a repair. All but the director act in their own names.
// What it returns has an ID only if it stays in force.
func (c *Cluster) Inject(ctx context.Context, by api.Role, spec fault.Spec) (fault.Active, error) {
	spec, err := c.askedFault(by, spec)
	if err != nil {
		return fault.Active{}, err
	}
	if err := c.strikable(spec); err != nil {
		return fault.Active{}, err
	}
	a, err := c.faults.Inject(ctx, spec)
	return a, errors.Join(err, c.saveState())
}

// Heal ends the fault with the ID given, and no other: what it has taken down is
// started again.
func (c *Cluster) Heal(ctx context.Context, by api.Role, id string) error {
	repair, err := c.faults.Repair(id)
	if err != nil {
		return err
	}
	if by != api.RoleDirector {
		repair.By = ""
	}
	if repair, err = c.askedFault(by, repair); err != nil {
		return err
	}
	return errors.Join(c.faults.End(ctx, id, repair), c.saveState())
}

// beyond are the targets of faults that are there when the cluster is stopped: the provider's
// own plane, its backups, and Azure.
var beyond = []fault.TargetKind{
	fault.Provider, fault.Replica, fault.BackupStore, fault.Backup, fault.Cloud, fault.CloudDisks, fault.CloudBalancers, fault.CloudDNS,
}

// strikable refuses a fault of what a stopped cluster has not.
func (c *Cluster) strikable(spec fault.Spec) error {
	target, err := fault.ParseTarget(spec.Target)
	if err != nil || slices.Contains(beyond, target.Kind) || spec.Verb == "heal" {
		return err
	}
	return c.Runs()
}

// askedFault reads the words of a fault that a role asks for, if it may.
func (c *Cluster) askedFault(by api.Role, spec fault.Spec) (fault.Spec, error) {
	if spec.By == "" && by != api.RoleDirector {
		spec.By = by.Actor()
	}
	args := map[string]string{}
	maps.Copy(args, spec.Args)
	if spec.By != "" {
		args[fault.By().Name] = string(spec.By)
	}
	spec, err := fault.Parse(spec.Verb, spec.Target, args)
	if err != nil {
		return spec, err
	}
	target, err := fault.ParseTarget(spec.Target)
	if err != nil {
		return spec, err
	}
	action, err := api.CheckFault(by, spec, target.Kind)
	return spec, c.refuse(by.Actor(), spec.Target, action, err)
}

// Faults are those in force, oldest first.
func (c *Cluster) Faults() []fault.Active { return c.faults.List() }
