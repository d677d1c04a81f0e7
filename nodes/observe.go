package nodes

import (
	"maps"
	"slices"

	"demarc/nodes/kubelet"
	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
)

// PodObjects are all pods as the fleet's informer has them; they are not to be changed.
// Before it has read them the error is [ErrNotSynced].
func (f *objects) PodObjects() ([]*corev1.Pod, error) {
	if err := f.Synced(); err != nil {
		return nil, err
	}
	return f.informers.Core().V1().Pods().Lister().List(labels.Everything())
}

// Observe calls changed when there is something new about where pods are and can be, until
// end is called: a node's heartbeat is none of it, nor what containers do.
func (f *objects) Observe(changed func()) (end func()) {
	handler := func(differs func(before, now any) bool) cache.ResourceEventHandlerFuncs {
		return cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { changed() },
			DeleteFunc: func(any) { changed() },
			UpdateFunc: func(before, now any) {
				if differs(before, now) {
					changed()
				}
			},
		}
	}
	pods, nodes := f.informers.Core().V1().Pods().Informer(), f.informers.Core().V1().Nodes().Informer()
	// Without a handler, as when the fleet has ended, nothing changes any more.
	ofPods, _ := pods.AddEventHandler(handler(podMoved))
	ofNodes, _ := nodes.AddEventHandler(handler(nodeMoved))
	return func() {
		_ = pods.RemoveEventHandler(ofPods)
		_ = nodes.RemoveEventHandler(ofNodes)
	}
}

// podMoved says whether a pod's place has changed, or what keeps it there.
func podMoved(before, now any) bool {
	a, aok := before.(*corev1.Pod)
	b, bok := now.(*corev1.Pod)
	if !aok || !bok {
		return true
	}
	unschedulable := func(p *corev1.Pod) bool {
		return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse
		})
	}
	return a.Spec.NodeName != b.Spec.NodeName || a.Status.Phase != b.Status.Phase || (a.DeletionTimestamp == nil) != (b.DeletionTimestamp == nil) ||
		unschedulable(a) != unschedulable(b) || !maps.Equal(a.Labels, b.Labels) || !maps.Equal(a.Annotations, b.Annotations)
}

// nodeMoved says whether what a node can take has changed.
func nodeMoved(before, now any) bool {
	a, aok := before.(*corev1.Node)
	b, bok := now.(*corev1.Node)
	if !aok || !bok {
		return true
	}
	isReady := func(n *corev1.Node) bool {
		return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		})
	}
	return isReady(a) != isReady(b) || a.Spec.Unschedulable != b.Spec.Unschedulable ||
		!slices.EqualFunc(a.Spec.Taints, b.Spec.Taints, func(x, y corev1.Taint) bool { return x.MatchTaint(&y) && x.Value == y.Value }) ||
		!maps.Equal(a.Labels, b.Labels) || !maps.Equal(a.Annotations, b.Annotations)
}

// Template is the Node that the next VM of a pool would register, with a kubelet's version such
// as v1.37.2; nil if there is no such pool.
func (f *nodePools) Template(pool, version string) *corev1.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pool(pool)
	if p == nil {
		return nil
	}
	index, _ := f.nextOf(p) // if all of its zones are lost, as it would be otherwise
	next := vm.New(&f.cluster, p.name, p.shape, f.log, f.watcher, index, f.present.Load().slot(index), f.poolImage(pool, version, false))
	return kubelet.Template(&next)
}

// ScaleSet is the name of a pool's scale set.
func (f *nodePools) ScaleSet(pool string) string { return f.cluster.ScaleSet(pool) }

// ResourceGroup is the node resource group.
func (f *nodePools) ResourceGroup() string { return f.cluster.ResourceGroup() }
