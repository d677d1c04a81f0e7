package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
)

// Upgrades of Kubernetes and of node images. The provider provides them, and the
// customer starts them (Microsoft, "Support policies for Azure Kubernetes
// Service", 2019-04-01, on customer responsibilities for worker nodes).

// maxSkew is how many minor versions pools may be older than the control plane
// (Kubernetes' version skew policy, which AKS follows).
const maxSkew = 3

// Upgrade has the leader upgrade the cluster, or one pool of it. It returns as
// soon as that is in the log. The error has AKS's code.
func (o *Operator) Upgrade(ctx context.Context, r *Replicas, req api.UpgradeRequest) (api.Operation, error) {
	if o.cfg.Cloud == nil {
		return api.Operation{}, errors.New("the provider's plane looks after no nodes of this cluster: nothing can be upgraded")
	}
	return o.beginOperation(ctx, r, func(s State) (api.Operation, error) {
		op, err := o.planUpgrade(s, req)
		if err != nil || op.Upgrade.Pools == nil {
			return op, err
		}
		return op, o.checkBudgets(ctx)
	})
}

// Profile says what the cluster and its pools can be upgraded to.
func (o *Operator) Profile(r *Replicas) api.UpgradeProfile {
	c := r.State().Cluster
	p := api.UpgradeProfile{KubernetesVersion: c.KubernetesVersion, Upgrades: availableUpgrades(c)}
	for _, pool := range c.Pools {
		v := c.version(pool)
		state := api.OpSucceeded
		for _, op := range Operations.List(r.State()) {
			if op.Subject == poolSubject(pool.Name) || op.Upgrade != nil && slices.ContainsFunc(op.Upgrade.Pools, func(p api.PoolUpgrade) bool { return p.Name == pool.Name }) {
				state = op.State
			}
		}
		x := api.PoolProfile{Name: pool.Name, Count: pool.Count, KubernetesVersion: v, NodeImage: pool.NodeImage, Upgrades: poolUpgrades(c, pool), ProvisioningState: state}
		if o.cfg.Cloud != nil {
			x.LatestNodeImage = o.cfg.Cloud.LatestImage(v)
		}
		p.Pools = append(p.Pools, x)
	}
	return p
}

// poolSubject names a pool on the timeline.
func poolSubject(pool string) string { return "nodepool/" + pool }

// availableUpgrades are the versions that the control plane can be upgraded to:
// not those for which a pool would be too old.
func availableUpgrades(c Cluster) []string {
	return slices.DeleteFunc(api.KubernetesUpgrades(c.KubernetesVersion), func(v string) bool {
		return slices.ContainsFunc(c.Pools, func(p Pool) bool { return api.KubernetesSkew(v, c.version(p)) > maxSkew })
	})
}

// poolUpgrades are the versions that a pool can be upgraded to: newer ones, up to
// the control plane's. A pool may skip minor versions.
func poolUpgrades(c Cluster, p Pool) []string {
	list := []string{}
	for _, r := range api.KubernetesReleases {
		if api.CompareKubernetes(r, c.version(p)) > 0 && api.CompareKubernetes(r, c.KubernetesVersion) <= 0 {
			list = append(list, r)
		}
	}
	return list
}

// planUpgrade is the operation that a request asks for.
func (o *Operator) planUpgrade(s State, req api.UpgradeRequest) (api.Operation, error) {
	if req.Pool != "" {
		return o.planPool(s.Cluster, req)
	}
	if req.ControlPlaneOnly && req.NodeImageOnly {
		return api.Operation{}, api.Coded("InvalidParameter", "an upgrade is of the control plane only or of node images only, not both")
	}
	c := s.Cluster
	to, err := api.ResolveKubernetes(cmp.Or(req.KubernetesVersion, c.KubernetesVersion))
	if err != nil {
		return api.Operation{}, err
	}
	if err := checkControlPlane(c, to, req); err != nil {
		return api.Operation{}, err
	}
	u := &api.Upgrade{From: c.KubernetesVersion, To: to}
	op := api.Operation{Kind: api.OpUpgradeCluster, Subject: "cluster/" + o.cfg.Name, Message: "Kubernetes " + u.From + " to " + to, Upgrade: u}
	switch {
	case req.ControlPlaneOnly:
		op.Message += ", the control plane only"
		return op, nil
	case req.NodeImageOnly:
		op.Message = "the newest node images"
	}
	for _, p := range c.Pools {
		version := to
		if req.NodeImageOnly {
			version = c.version(p)
		}
		x, err := o.poolUpgrade(c, p, version, req)
		if err != nil {
			return op, err
		}
		u.Pools = append(u.Pools, x)
	}
	return op, nil
}

// checkControlPlane refuses a version that the control plane cannot be upgraded
// to. To ask again for what it has is allowed: that resumes an upgrade of pools.
func checkControlPlane(c Cluster, to string, req api.UpgradeRequest) error {
	if to == c.KubernetesVersion {
		if req.ControlPlaneOnly {
			return api.Coded("OperationNotAllowed", "the control plane has Kubernetes version %s already", to)
		}
		return nil
	}
	if req.NodeImageOnly {
		return api.Coded("InvalidParameter", "an upgrade of node images only keeps the version of Kubernetes: leave it out")
	}
	if list := availableUpgrades(c); !slices.Contains(list, to) {
		return notAllowed(c.KubernetesVersion, to, list)
	}
	return nil
}

// notAllowed is AKS's refusal (MicrosoftDocs/SupportArticles-docs, errors of
// blocked upgrades).
func notAllowed(from, to string, list []string) error {
	return api.Coded("OperationNotAllowed", "Upgrading Kubernetes version %s to %s is not allowed. Available upgrades: [%s]. Please see https://aka.ms/aks-supported-k8s-ver for version details",
		from, to, strings.Join(list, " "))
}

// newerThanControlPlane is AKS's refusal (as above).
func newerThanControlPlane(c Cluster, version string) error {
	return api.Coded("NodePoolMcVersionIncompatible", "Node pool version %s and control plane version %s are incompatible. "+
		"Minor version of node pool version %s is bigger than control plane version %s", version, c.KubernetesVersion, version, c.KubernetesVersion)
}

// planPool is the operation of one pool.
func (o *Operator) planPool(c Cluster, req api.UpgradeRequest) (op api.Operation, err error) {
	p, ok := c.pool(req.Pool)
	if !ok {
		return op, noPool(req.Pool)
	}
	if req.ControlPlaneOnly {
		return op, api.Coded("InvalidParameter", "a node pool has no control plane: leave out control plane only")
	}
	from := c.version(p)
	to := from
	if !req.NodeImageOnly {
		if to, err = api.ResolveKubernetes(cmp.Or(req.KubernetesVersion, c.KubernetesVersion)); err != nil {
			return op, err
		}
	} else if req.KubernetesVersion != "" {
		return op, api.Coded("InvalidParameter", "an upgrade of node images only keeps the version of Kubernetes: leave it out")
	}
	switch {
	case api.CompareKubernetes(to, c.KubernetesVersion) > 0:
		return op, newerThanControlPlane(c, to)
	case api.CompareKubernetes(to, from) < 0:
		return op, notAllowed(from, to, poolUpgrades(c, p))
	}
	x, err := o.poolUpgrade(c, p, to, req)
	op = api.Operation{
		Kind: api.OpUpgradePool, Subject: poolSubject(p.Name), Message: "Kubernetes " + from + " to " + to,
		Upgrade: &api.Upgrade{From: c.KubernetesVersion, To: c.KubernetesVersion, Pools: []api.PoolUpgrade{x}},
	}
	if to == from {
		op.Message = "node image " + x.Image
	}
	return op, err
}

// poolUpgrade is the upgrade of one pool that is to be done.
func (o *Operator) poolUpgrade(c Cluster, p Pool, to string, req api.UpgradeRequest) (api.PoolUpgrade, error) {
	x := api.PoolUpgrade{
		Name: p.Name, From: c.version(p), To: to, Image: o.cfg.Cloud.LatestImage(to),
		DrainTimeout: cmp.Or(req.DrainTimeout, p.DrainTimeout, api.Duration(api.DefaultDrainTimeout)),
		Soak:         cmp.Or(req.NodeSoak, p.NodeSoak),
	}
	var err error
	if x.Surge, err = surge(cmp.Or(req.MaxSurge, p.MaxSurge, api.DefaultMaxSurge), p.Count); err != nil {
		return x, err
	}
	return x, checkTimes(x.DrainTimeout, x.Soak)
}

// checkBudgets refuses an upgrade of pools that no drain could end. The typing
// error is AKS's (MicrosoftDocs/SupportArticles-docs, error UnsatisfiablePDB).
func (o *Operator) checkBudgets(ctx context.Context) error {
	list, err := ask(ctx, o.cfg.Nodes.Budgets)
	if err != nil {
		return fmt.Errorf("look at the PodDisruptionBudgets before the upgrade: %w", err)
	}
	for _, b := range list {
		if b.Unsatisfiable {
			return api.Coded("UnsatisfiablePDB", "1 error occurred: * PDB %s has maxunavailble == 0 can't proceed with put operation", b.Name)
		}
	}
	return nil
}

// upgrade goes on where the record ends: the control plane, then one pool after
// the other.
func (x *operation) upgrade(ctx context.Context) error {
	if err := x.upgradeControlPlane(ctx); err != nil {
		return err
	}
	for n := range x.rec.Upgrade.Pools {
		if x.rec.Upgrade.Pools[n].Done.IsZero() {
			if err := x.upgradePool(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// upgradeControlPlane restarts the control plane with the version. What has it
// already is left alone, so a new leader does the rest.
func (x *operation) upgradeControlPlane(ctx context.Context) error {
	u := x.rec.Upgrade
	if u.From == u.To || !u.ControlPlaneDone.IsZero() {
		return nil
	}
	if u.ControlPlaneBegan.IsZero() {
		if err := x.change(ctx, func(op *api.Operation) { op.Upgrade.ControlPlaneBegan = time.Now().UTC() }); err != nil {
			return err
		}
		x.note("upgrading", "control-plane", x.rec.Message)
	}
	var last error
	err := x.poll(ctx, func(ctx context.Context) (bool, error) {
		// Not with ctx: a restart that has begun is ended whoever leads then.
		err := x.o.cfg.ControlPlane.Upgrade(context.WithoutCancel(ctx), u.To, func(component string) {
			x.note("upgrading", component, "restarted with Kubernetes "+u.To)
		})
		if err != nil && (last == nil || last.Error() != err.Error()) {
			last = err
			x.note("waits to upgrade", "control-plane", err.Error())
		}
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	c := x.l.State().Cluster
	pools := slices.Clone(c.Pools)
	for i := range pools {
		pools[i].KubernetesVersion = c.version(pools[i]) // not the cluster's new one
	}
	c.KubernetesVersion, c.Pools = u.To, pools
	if err := x.change(ctx, func(op *api.Operation) { op.Upgrade.ControlPlaneDone = time.Now().UTC() }, SetCluster(c)); err != nil {
		return err
	}
	x.note("upgraded", "control-plane", x.rec.Message)
	return nil
}

// ControlPlaneVersion is the version with which the control plane is to be started:
// the new one as soon as an upgrade has begun to restart it.
func (s State) ControlPlaneVersion() string {
	if op := s.OperationInProgress(); op != nil && op.Upgrade != nil && !op.Upgrade.ControlPlaneBegan.IsZero() {
		return op.Upgrade.To
	}
	return s.Cluster.KubernetesVersion
}
