package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	core "k8s.io/client-go/testing"
)

// world is a cluster for a controller, as far as it sees it.
type world struct {
	t       *testing.T
	client  *fake.Clientset
	changed chan struct{}

	mu      sync.Mutex
	groups  []Group
	busy    bool
	down    error // of the API server
	refusal error // of the cloud
	kept    error // why pods cannot be evicted
	did     []string
	looks   int
	observe func()
}

func (w *world) Groups() ([]Group, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	if w.busy {
		return nil, len(w.groups) > 0
	}
	return slices.Clone(w.groups), false
}

func (w *world) Changed() <-chan struct{} { return w.changed }

func (w *world) Grow(_ context.Context, pool string, by, pods int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, fmt.Sprintf("grow %s by %d for %d", pool, by, pods))
	return w.refusal
}

func (w *world) Shrink(_ context.Context, _, node string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, "shrink "+node)
	w.groups[0].VMs = slices.DeleteFunc(slices.Clone(w.groups[0].VMs), func(vm string) bool { return vm == node })
	return w.refusal
}

func (w *world) Draining(node string, pods int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, fmt.Sprintf("drain %s of %d", node, pods))
}

func (w *world) Nodes() (out []*corev1.Node, err error) {
	list, err := w.client.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	for i := range list.Items {
		out = append(out, &list.Items[i])
	}
	return out, err
}

func (w *world) Pods() (out []*corev1.Pod, err error) {
	list, err := w.client.CoreV1().Pods("").List(w.t.Context(), metav1.ListOptions{})
	for i := range list.Items {
		out = append(out, &list.Items[i])
	}
	return out, err
}

func (w *world) Observe(changed func()) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observe = changed
	return func() {}
}

// set changes the world, and has the controller hear of it.
func (w *world) set(change func()) {
	w.mu.Lock()
	change()
	heard := w.observe
	w.mu.Unlock()
	heard()
}

// done is what was asked of the cloud since it was asked last, in the order of the alphabet.
func (w *world) done() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.did)
	all := strings.Join(w.did, ", ")
	w.did = nil
	return all
}

// said are the events of a reason.
func (w *world) said(reason string) (texts []string) {
	w.t.Helper()
	list, err := w.client.CoreV1().Events("").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list.Items {
		if e.Reason == reason {
			texts = append(texts, fmt.Sprintf("%s %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message))
		}
	}
	return texts
}

// taints are the keys of a node's taints.
func (w *world) taints(node string) (keys []string) {
	n, err := w.client.CoreV1().Nodes().Get(w.t.Context(), node, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, t := range n.Spec.Taints {
		keys = append(keys, t.Key)
	}
	return keys
}

// evict answers an eviction: the pod is gone, unless something keeps it.
func (w *world) evict(a core.Action) (bool, runtime.Object, error) {
	if a.GetSubresource() != "eviction" {
		return false, nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kept == nil {
		name := a.(core.CreateAction).GetObject().(metav1.Object).GetName()
		_ = w.client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), "default", name)
	}
	return true, nil, w.kept
}

// run runs a controller for the objects, and test in the same bubble.
func run(t *testing.T, g Group, test func(w *world), objects ...runtime.Object) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, client: fake.NewClientset(objects...), groups: []Group{g}, changed: make(chan struct{}, 1)}
		w.client.PrependReactor("create", "pods", w.evict)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			New(Config{Client: w.client, Cloud: w, Objects: w, Serving: func(context.Context) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.down
			}}).Run(ctx)
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		test(w)
		cancel()
		<-ended
	})
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPoolThatCannotGrowIsLeftAlone(t *testing.T) {
	// The bubble's time is not that of the other tests.
	a0 := node("a0", func(n *corev1.Node) { n.CreationTimestamp = metav1.Time{} })
	run(t, group("a", 1, 1, 3), func(w *world) {
		w.set(func() { w.refusal = api.Coded("QuotaExceeded", "no cores are left") })
		after(20 * time.Second)
		if got := w.done(); got != "grow a by 1 for 1" {
			t.Errorf("did %q", got)
		}
		if got := w.said("FailedToScaleUpGroup"); len(got) != 1 || got[0] != "ConfigMap cluster-autoscaler-status: Scale-up failed for group aks-a-1-vmss: (QuotaExceeded) no cores are left" {
			t.Errorf("said %q", got)
		}
		after(4 * time.Minute)
		if got, said := w.done(), w.said("NotTriggerScaleUp"); got != "" || len(said) != 1 || said[0] != "Pod p: pod didn't trigger scale-up: 1 in backoff after failed scale-up" {
			t.Errorf("in the back-off it did %q and said %q", got, said)
		}
		m, err := w.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(t.Context(), statusName, metav1.GetOptions{})
		if err != nil || !strings.Contains(m.Data[statusKey], "errorCode: QuotaExceeded") || !strings.Contains(m.Data[statusKey], "status: Backoff") {
			t.Errorf("status %+v, %v", m, err)
		}
		w.set(func() { w.refusal = nil })
		after(time.Minute)
		if got, said := w.done(), w.said("TriggeredScaleUp"); !strings.HasPrefix(got, "grow a by 1") || len(said) != 1 || said[0] != "Pod p: pod triggered scale-up: [{aks-a-1-vmss 1->2 (max: 3)}]" {
			t.Errorf("after it: %q, %q", got, said)
		}
	}, a0, pod("full", "a0", "2"), pod("p", "", "1"))
}

func TestNodesAreTakenAway(t *testing.T) {
	objects := []runtime.Object{
		node("a0"), node("a1"), node("a2", tainted(TaintToBeDeleted)), pod("busy", "a0", "1"),
		pod("q", "a1", "100m", func(p *corev1.Pod) { p.UID = "q" }),
	}
	run(t, group("a", 3, 1, 3), func(w *world) {
		after(20 * time.Second)
		if got := w.taints("a2"); !slices.Equal(got, []string{TaintCandidate}) {
			t.Errorf("what was left of before: %q", got)
		}
		w.set(func() { w.down = errors.New("down") })
		after(15 * time.Minute)
		if got := w.done(); got != "" {
			t.Errorf("without an API server it did %q", got)
		}
		w.set(func() { w.down = nil })
		after(time.Minute)
		if got := w.done(); got != "drain a1 of 1, drain a2 of 0, shrink a1, shrink a2" {
			t.Errorf("did %q", got)
		}
		if got := w.said("ScaleDownEmpty"); len(got) != 2 || !strings.Contains(got[1]+got[0], "Scale-down: empty node a2 removed") {
			t.Errorf("said %q", got)
		}
		seen := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.looks
		}
		before := seen()
		after(24 * time.Hour)
		if n := seen() - before; n > 1 {
			t.Errorf("%d looks on a day on which nothing happens", n)
		}
	}, objects...)
	run(t, group("a", 3, 1, 3), func(w *world) {
		w.set(func() { w.kept = errors.New("no") })
		after(14 * time.Minute)
		if got := w.done(); got != "drain a1 of 1, drain a2 of 0, shrink a2" {
			t.Errorf("did %q", got)
		}
		if got := w.said("ScaleDownFailed"); len(got) != 1 || !strings.Contains(got[0], "Node a1: failed to drain and delete node: Failed to drain node /a1, due to following errors:") {
			t.Errorf("said %q", got)
		}
		if got := w.taints("a1"); slices.Contains(got, TaintToBeDeleted) {
			t.Errorf("the node that stays has %q", got)
		}
	}, objects...)
}
