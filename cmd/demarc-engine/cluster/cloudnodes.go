package cluster

import (
	"context"
	"fmt"
	"time"

	"demarc/nodes"
	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/nodelifecycle"
	"k8s.io/component-base/metrics/prometheus/controllers"
)

// nodeMonitorPeriod is how often the cloud is asked about nodes that are not
// Ready (Kubernetes v1.37, cloud-controller-manager: --node-monitor-period).
const nodeMonitorPeriod = 5 * time.Second

// watchCloudNodes runs Kubernetes' own cloud node lifecycle controller over the
// simulated cloud: the Node of a machine that is deleted goes, and the one of a
// machine that is stopped gets the shutdown taint.
func (c *Cluster) watchCloudNodes(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(c.provider, 0, informers.WithTransform(suspectOf))
	controller, err := nodelifecycle.NewCloudNodeLifecycleController(
		suspects{factory.Core().V1().Nodes()}, c.provider, cloudProvider{c.fleet}, nodeMonitorPeriod, 1)
	if err != nil {
		return fmt.Errorf("cloud node lifecycle controller: %w", err)
	}
	factory.Start(ctx.Done())
	c.work.Go(func() {
		defer factory.Shutdown()
		factory.WaitForCacheSync(ctx.Done())
		// On whole periods, so that it costs no step of the clock of its own.
		if clock.Sleep(ctx, clock.UntilTick(time.Now(), nodeMonitorPeriod)) {
			controller.Run(ctx, controllersMetrics)
		}
	})
	return nil
}

var controllersMetrics = controllers.NewControllerManagerMetrics("cloud-controller-manager")

// suspectOf leaves of a node what the controller reads. It changes a copy: a client
// may have shared the object with somebody else.
func suspectOf(obj any) (any, error) {
	n, ok := obj.(*corev1.Node)
	if !ok {
		return obj, nil
	}
	c := &corev1.Node{ObjectMeta: n.ObjectMeta, Spec: n.Spec, Status: corev1.NodeStatus{Conditions: n.Status.Conditions}}
	c.ManagedFields, c.Labels = nil, nil
	return c, nil
}

// suspects is an informer of nodes whose lister leaves out those of which the
// controller has nothing to ask: Ready and without the shutdown taint. It would
// copy every node every five seconds to find that out.
type suspects struct{ coreinformers.NodeInformer }

// Lister implements [coreinformers.NodeInformer].
func (s suspects) Lister() corelisters.NodeLister { return suspectLister{s.NodeInformer.Lister()} }

type suspectLister struct{ corelisters.NodeLister }

// List implements [corelisters.NodeLister].
func (l suspectLister) List(selector labels.Selector) (out []*corev1.Node, err error) {
	all, err := l.NodeLister.List(selector)
	for _, n := range all {
		if x := nodeOf(n); !x.Ready || x.Shutdown {
			out = append(out, n)
		}
	}
	return out, err
}

// cloudProvider is the simulated cloud as Kubernetes' controllers ask it.
type cloudProvider struct{ fleet *nodes.Fleet }

var (
	_ cloudprovider.Interface   = cloudProvider{}
	_ cloudprovider.InstancesV2 = cloudProvider{}
)

// Initialize implements [cloudprovider.Interface].
func (cloudProvider) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}

// LoadBalancer implements [cloudprovider.Interface].
func (cloudProvider) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return nil, false }

// Instances implements [cloudprovider.Interface].
func (cloudProvider) Instances() (cloudprovider.Instances, bool) { return nil, false }

// InstancesV2 implements [cloudprovider.Interface].
func (p cloudProvider) InstancesV2() (cloudprovider.InstancesV2, bool) { return p, true }

// Zones implements [cloudprovider.Interface].
func (cloudProvider) Zones() (cloudprovider.Zones, bool) { return nil, false }

// Clusters implements [cloudprovider.Interface].
func (cloudProvider) Clusters() (cloudprovider.Clusters, bool) { return nil, false }

// Routes implements [cloudprovider.Interface].
func (cloudProvider) Routes() (cloudprovider.Routes, bool) { return nil, false }

// ProviderName implements [cloudprovider.Interface].
func (cloudProvider) ProviderName() string { return "azure" }

// HasClusterID implements [cloudprovider.Interface].
func (cloudProvider) HasClusterID() bool { return true }

// InstanceExists implements [cloudprovider.InstancesV2].
func (p cloudProvider) InstanceExists(_ context.Context, n *corev1.Node) (bool, error) {
	return p.fleet.Exists(n.Name), nil
}

// InstanceShutdown implements [cloudprovider.InstancesV2].
func (p cloudProvider) InstanceShutdown(_ context.Context, n *corev1.Node) (bool, error) {
	return p.fleet.Shutdown(n.Name), nil
}

// InstanceMetadata implements [cloudprovider.InstancesV2].
func (p cloudProvider) InstanceMetadata(_ context.Context, n *corev1.Node) (*cloudprovider.InstanceMetadata, error) {
	return &cloudprovider.InstanceMetadata{ProviderID: n.Spec.ProviderID}, nil
}
