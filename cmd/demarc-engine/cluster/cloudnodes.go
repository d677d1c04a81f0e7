package cluster

import (
	"context"
	"fmt"
	"time"

	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
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
		suspects{factory.Core().V1().Nodes()}, c.provider, cloud{fleet: c.fleet}, nodeMonitorPeriod, 1)
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
		if x := operate.NodeOf(n); !x.Ready || x.Shutdown {
			out = append(out, n)
		}
	}
	return out, err
}
