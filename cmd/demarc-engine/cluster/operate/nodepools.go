package operate

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"demarc/controlplane/provider"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// ScaleNodePool begins to bring a pool to another number of nodes.
func (m *Management) ScaleNodePool(ctx context.Context, pool string, r api.ScaleRequest) (api.Operation, error) {
	return m.Operator.ScalePool(ctx, m.Memory, pool, r.Count)
}

// AddNodePool begins to make another pool.
func (m *Management) AddNodePool(ctx context.Context, r api.AddPoolRequest) (api.Operation, error) {
	r.MaxPods = cmp.Or(r.MaxPods, m.Spec.DefaultMaxPods())
	shape, err := checkPool(r.Name, r.PoolShape.WithDefaults(api.ModeUser))
	if err != nil {
		return api.Operation{}, err
	}
	scaling, err := checkAutoscaler(api.Autoscaling{}, r.Autoscaler, shape.Mode)
	if err != nil {
		return api.Operation{}, err
	}
	return m.Operator.AddPool(ctx, m.Memory, provider.Pool{Name: r.Name, Count: r.Count, PoolShape: shape, Autoscaling: scaling, KubernetesVersion: r.KubernetesVersion})
}

// room says in AKS's words why the network has no room for the nodes of some pools: for as many
// as the autoscaler can make.
func (m *Management) room(pools []provider.Pool) error {
	nodes, addresses := 0, 0
	for _, p := range pools {
		n := p.Count
		nodes += n
		if p.EnableAutoScaling {
			n = max(n, p.MaxCount)
		}
		addresses += n * m.Spec.NodeAddresses(p.MaxPods)
	}
	return m.Spec.CheckNetwork(nodes, addresses)
}

// UpdateNodePool begins to give a pool other labels, taints or another mode, or has the
// autoscaler do something else with it.
func (m *Management) UpdateNodePool(ctx context.Context, pool string, r api.UpdatePoolRequest) (api.Operation, error) {
	if r.Labels == nil && r.Taints == nil && r.Mode == "" && !r.Autoscaler.Asked() {
		return api.Operation{}, api.Coded("InvalidParameter", "nothing to update: want labels, taints, a mode or the cluster autoscaler")
	}
	return m.Operator.UpdatePool(ctx, m.Memory, pool, func(p provider.Pool) (_ provider.Pool, err error) {
		if r.Labels != nil {
			p.Labels = r.Labels
		}
		if r.Taints != nil {
			p.Taints = r.Taints
		}
		p.Mode = cmp.Or(r.Mode, p.Mode)
		if p.PoolShape, err = checkPool(pool, p.PoolShape); err != nil {
			return p, err
		}
		p.Autoscaling, err = checkAutoscaler(p.Autoscaling, r.Autoscaler, p.Mode)
		return p, err
	})
}

// DeleteNodePool begins to drain and delete a pool.
func (m *Management) DeleteNodePool(ctx context.Context, pool string, r api.DeletePoolRequest) (api.Operation, error) {
	return m.Operator.DeletePool(ctx, m.Memory, pool, r.IgnorePDB)
}

// NodePools are the cluster's node pools: what is wanted of them, and what there is.
func (m *Management) NodePools() ([]api.NodePool, error) {
	objects, err := m.Fleet.NodeObjects()
	if err != nil {
		return nil, err
	}
	byName := map[string]*corev1.Node{}
	for _, n := range objects {
		byName[n.Name] = n
	}
	operations := m.Operations()
	wanted := map[string]provider.Pool{}
	for _, p := range m.Memory.State().Cluster.Pools {
		wanted[p.Name] = p
	}
	pools := []api.NodePool{}
	for _, p := range m.Operator.Profile(m.Memory).Pools {
		x := api.NodePool{
			Name: p.Name, PoolShape: wanted[p.Name].PoolShape, Autoscaling: wanted[p.Name].Autoscaling, Count: p.Count,
			KubernetesVersion: p.KubernetesVersion, NodeImage: p.NodeImage, ProvisioningState: p.ProvisioningState,
		}
		for _, op := range slices.Backward(operations) {
			if op.Subject == "nodepool/"+p.Name {
				x.Error = op.Error
				break
			}
		}
		m.describeNodes(&x, byName)
		pools = append(pools, x)
	}
	return pools, nil
}

// describeNodes enters the pool's nodes, those of all its VMs.
func (m *Management) describeNodes(x *api.NodePool, byName map[string]*corev1.Node) {
	machines := map[string]api.Machine{}
	for _, machine := range m.Fleet.Machines() {
		machines[machine.Name] = machine
	}
	x.Nodes = []api.NodePoolNode{}
	for _, vm := range m.Fleet.VMs() {
		machine := machines[vm.Name]
		if machine.Pool != x.Name {
			continue
		}
		n := api.NodePoolNode{
			Name: vm.Name, InstanceID: vm.InstanceID, Power: vm.Power, Surge: machine.Surge,
			KubernetesVersion: strings.TrimPrefix(machine.KubeletVersion, "v"), NodeImage: vm.NodeImage,
		}
		if object := byName[vm.Name]; object != nil {
			n.Ready, n.Schedulable = NodeOf(object).Ready, !object.Spec.Unschedulable
		}
		if n.Ready {
			x.Ready++
		}
		x.VMs, x.Nodes = x.VMs+1, append(x.Nodes, n)
	}
}

// NodePool is the node pool of that name.
func (m *Management) NodePool(name string) (api.NodePool, error) {
	pools, err := m.NodePools()
	if err != nil {
		return api.NodePool{}, err
	}
	for _, p := range pools {
		if p.Name == name {
			return p, nil
		}
	}
	return api.NodePool{}, api.Errorf(http.StatusNotFound, "(NotFound) the cluster has no node pool %q: demarc nodepool list lists them", name)
}
