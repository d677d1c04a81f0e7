package cluster

import (
	"context"
	"fmt"
	"net"
	"time"

	"demarc/nodes"
	"demarc/sim/api"
	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/route"
)

// Periods of the route controller and of Azure's driver below it: how often routes are
// compared with the nodes (Kubernetes v1.37, cloud-controller-manager:
// --route-reconciliation-period), how often those are written that have been asked for, and
// how old what is known of the route table may be (kubernetes-sigs/cloud-provider-azure,
// routeUpdateIntervalInSeconds, routeTableCacheTTLInSeconds).
const (
	routePeriod      = 10 * time.Second
	routeWritePeriod = 30 * time.Second
	routeCacheAge    = 2 * time.Minute
)

// podRanges are what the pods of all nodes have their addresses from.
var podRanges = []*net.IPNet{
	{IP: net.IPv4(10, 244, 0, 0).To4(), Mask: net.CIDRMask(14, 32)},
	{IP: net.IPv4(10, 248, 0, 0).To4(), Mask: net.CIDRMask(13, 32)},
}

// VirtualNetwork is the virtual network of the node resource group.
func (c *Cluster) VirtualNetwork() api.VirtualNetwork { return c.fleet.VirtualNetwork() }

// Routes are the routes of the subnet's route table.
func (c *Cluster) Routes() []api.AzureRoute { return c.fleet.Routes().List() }

// DoRoute does something with a route past AKS.
func (c *Cluster) DoRoute(by api.Role, req api.RouteRequest) (r api.AzureRoute, err error) {
	if err := c.spec.NetworkPlugin.CheckRoutes(); err != nil {
		return r, err
	}
	if name, ok := c.fleet.NodeName(req.Route); ok {
		req.Route = name
	}
	err = c.pastAKS(by, req.Action+" route/"+req.Route, func() error {
		r, err = c.fleet.Routes().Do(req, by.Actor())
		return err
	})
	return r, err
}

// watchRoutes runs Kubernetes' own route controller over the simulated cloud, if the network
// plugin has routes.
func (c *Cluster) watchRoutes(ctx context.Context) error {
	if !c.spec.NetworkPlugin.Routes() {
		return nil
	}
	factory := informers.NewSharedInformerFactoryWithOptions(c.provider, 0, informers.WithTransform(suspectOf))
	nodes := factory.Core().V1().Nodes()
	routes := &routes{fleet: c.fleet, nodes: nodes.Lister()}
	controller, err := route.New(routes, c.provider, unrouted{nodes, routes}, c.spec.Name, podRanges)
	if err != nil {
		return fmt.Errorf("route controller: %w", err)
	}
	factory.Start(ctx.Done())
	c.work.Go(func() {
		defer factory.Shutdown()
		factory.WaitForCacheSync(ctx.Done())
		// On whole periods, so that it costs no step of the clock of its own.
		if clock.Sleep(ctx, clock.UntilTick(time.Now(), routePeriod)) {
			controller.Run(ctx, routePeriod, controllersMetrics)
		}
	})
	return nil
}

// routes is the route table as the route controller sees it, through Azure's driver. One
// goroutine of the controller's lists it and then the nodes.
type routes struct {
	fleet *nodes.Fleet
	nodes corelisters.NodeLister

	table []api.AzureRoute // as it was at read
	read  time.Time
	known map[string]bool // nodes of which there is nothing to do
}

var _ cloudprovider.Routes = (*routes)(nil)

// ListRoutes implements [cloudprovider.Routes]. It leaves out those that are as they should
// be, with their nodes: the controller would write a line and start a goroutine for each.
func (r *routes) ListRoutes(context.Context, string) (list []*cloudprovider.Route, err error) {
	if now := time.Now(); now.Sub(r.read) >= routeCacheAge {
		if r.table, err = r.fleet.Routes().Read(); err != nil {
			return nil, err
		}
		r.read = now
	}
	r.known = map[string]bool{}
	for _, x := range r.table {
		if n, err := r.nodes.Get(x.Name); err == nil && n.Spec.PodCIDR == x.Prefix && hasRoute(n) {
			r.known[x.Name] = true
			continue
		}
		list = append(list, &cloudprovider.Route{Name: x.Name, TargetNode: types.NodeName(x.Name), DestinationCIDR: x.Prefix})
	}
	r.changes(len(list))
	return list, nil
}

// changes has the table be read anew if there is something to do about that many routes or
// nodes: a write makes what was read before worthless.
func (r *routes) changes(n int) {
	if n > 0 {
		r.read = time.Time{}
	}
}

// hasRoute says whether a node's status says so.
func hasRoute(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeNetworkUnavailable {
			return c.Status == corev1.ConditionFalse
		}
	}
	return false
}

// CreateRoute implements [cloudprovider.Routes]. Routes are written together with others.
func (r *routes) CreateRoute(ctx context.Context, _, _ string, x *cloudprovider.Route) error {
	hop := r.fleet.NodeIP(string(x.TargetNode))
	if !hop.IsValid() {
		return cloudprovider.InstanceNotFound
	}
	return r.write(ctx, func() error { return r.fleet.Routes().Ensure(string(x.TargetNode), x.DestinationCIDR, hop.String()) })
}

// DeleteRoute implements [cloudprovider.Routes].
func (r *routes) DeleteRoute(ctx context.Context, _ string, x *cloudprovider.Route) error {
	return r.write(ctx, func() error { return r.fleet.Routes().Remove(x.Name) })
}

// write changes the table when the driver writes next.
func (r *routes) write(ctx context.Context, change func() error) error {
	if !clock.Sleep(ctx, clock.UntilTick(time.Now(), routeWritePeriod)) {
		return ctx.Err()
	}
	return change()
}

// unrouted is an informer of nodes whose lister leaves out those of which there is nothing to
// do for the route controller.
type unrouted struct {
	coreinformers.NodeInformer
	of *routes
}

// Lister implements [coreinformers.NodeInformer].
func (u unrouted) Lister() corelisters.NodeLister { return unroutedLister{u.of.nodes, u.of} }

type unroutedLister struct {
	corelisters.NodeLister
	of *routes
}

// List implements [corelisters.NodeLister].
func (l unroutedLister) List(selector labels.Selector) (out []*corev1.Node, err error) {
	all, err := l.NodeLister.List(selector)
	for _, n := range all {
		if !l.of.known[n.Name] {
			out = append(out, n)
		}
	}
	l.of.changes(len(out))
	return out, err
}
