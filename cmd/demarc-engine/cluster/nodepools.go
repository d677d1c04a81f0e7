package cluster

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// ScaleNodePool implements [script.World].
func (c *Cluster) ScaleNodePool(ctx context.Context, pool string, count int) (api.Operation, error) {
	return c.operations.operator.ScalePool(ctx, c.operations.replicas, pool, count)
}

// NodePools are the cluster's node pools: what is wanted of them, and what there is.
func (c *Cluster) NodePools() ([]api.NodePool, error) {
	objects, err := c.fleet.NodeObjects()
	if err != nil {
		return nil, err
	}
	byName := map[string]*corev1.Node{}
	for _, n := range objects {
		byName[n.Name] = n
	}
	operations := c.Operations()
	pools := []api.NodePool{}
	for _, p := range c.operations.operator.Profile(c.operations.replicas).Pools {
		x := api.NodePool{
			Name: p.Name, Mode: "System", Count: p.Count, KubernetesVersion: p.KubernetesVersion, NodeImage: p.NodeImage, ProvisioningState: p.ProvisioningState,
		}
		for _, op := range slices.Backward(operations) {
			if op.Subject == "nodepool/"+p.Name {
				x.Error = op.Error
				break
			}
		}
		c.describeNodes(&x, byName)
		pools = append(pools, x)
	}
	return pools, nil
}

// describeNodes enters the pool's nodes, those of all VMs: there is one pool.
func (c *Cluster) describeNodes(x *api.NodePool, byName map[string]*corev1.Node) {
	machines := map[string]api.Machine{}
	for _, m := range c.fleet.Machines() {
		machines[m.Name] = m
	}
	x.Nodes = []api.NodePoolNode{}
	for _, vm := range c.fleet.VMs() {
		m := machines[vm.Name]
		n := api.NodePoolNode{
			Name: vm.Name, InstanceID: vm.InstanceID, Power: vm.Power, Surge: m.Surge,
			KubernetesVersion: strings.TrimPrefix(m.KubeletVersion, "v"), NodeImage: vm.NodeImage,
		}
		if object := byName[vm.Name]; object != nil {
			n.Ready, n.Schedulable = nodeOf(object).Ready, !object.Spec.Unschedulable
		}
		if n.Ready {
			x.Ready++
		}
		x.VMs, x.Size, x.Nodes = x.VMs+1, vm.Size, append(x.Nodes, n)
	}
}

// nodePoolRoutes are the node pools.
func (s *Server) nodePoolRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathNodePools, func(w http.ResponseWriter, _ *http.Request) {
		pools, err := c.NodePools()
		answer(w, pools, err)
	})
	mux.HandleFunc("GET "+api.PathNodePools+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		pools, err := c.NodePools()
		i := slices.IndexFunc(pools, func(p api.NodePool) bool { return p.Name == r.PathValue("name") })
		switch {
		case err != nil:
			answer(w, nil, err)
		case i < 0:
			fail(w, http.StatusNotFound, fmt.Errorf("(NotFound) the cluster has no node pool %q: demarc nodepool list lists them", r.PathValue("name")))
		default:
			reply(w, pools[i])
		}
	})
	mux.HandleFunc("POST "+api.PathNodePools+"/{name}/scale", posted(func(ctx context.Context, r *http.Request, req api.ScaleRequest) (any, error) {
		return c.ScaleNodePool(ctx, r.PathValue("name"), req.Count)
	}))
}
