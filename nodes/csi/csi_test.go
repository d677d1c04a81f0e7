package csi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

const group = "/subscriptions/x/resourceGroups/mc_a"

// world is a fake API server with two nodes, of which only the second is in a zone, and the
// controller of their disks.
type world struct {
	t      *testing.T
	ctx    context.Context
	client *fake.Clientset
	disks  *cloud.Disks
	shares *cloud.Shares
	named  atomic.Int64 // events
}

// inBubble runs the controller in a bubble until check is over. Goroutines that stay make
// the test fail.
func inBubble(t *testing.T, check func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{t: t, ctx: ctx, client: fake.NewClientset(node("a", ""), node("b", "westeurope-2"))}
		w.client.PrependReactor("create", "events", func(a k8stesting.Action) (bool, runtime.Object, error) {
			m, err := meta.Accessor(a.(k8stesting.CreateAction).GetObject())
			w.ok(err)
			m.SetName(fmt.Sprintf("%s-%d", m.GetName(), w.named.Add(1))) // they are all of one instant
			return false, nil, nil
		})
		w.disks = cloud.NewDisks(new(sync.Mutex), timeline.New(), group, func(name string) (cloud.Machine, bool) {
			m, ok := map[string]cloud.Machine{"a": {Size: "Standard_D2s_v5"}, "b": {Size: "Standard_D2s_v5", Zone: "2"}}[name]
			return m, ok
		})
		w.shares = cloud.NewShares(new(sync.Mutex), timeline.New(), group)
		c, err := New(w.client, w.disks, w.shares, "test")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); c.Run(ctx) }()
		synctest.Wait()
		check(w)
		cancel()
		<-done
	})
}

func node(name, zone string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{cloud.DiskZoneLabel: zone}}}
}

// after lets time pass.
func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) class(name string, binding storagev1.VolumeBindingMode, parameters map[string]string) {
	policy := corev1.PersistentVolumeReclaimDelete
	_, err := w.client.StorageV1().StorageClasses().Create(w.ctx, &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: cloud.DiskDriver, Parameters: parameters, VolumeBindingMode: &binding, ReclaimPolicy: &policy,
		MountOptions: []string{"noatime"},
	}, metav1.CreateOptions{})
	w.ok(err)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// claim is one of a class, as Kubernetes' volume controller hands it to the driver.
func claim(name, class, node, size string) *corev1.PersistentVolumeClaim {
	x := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), Annotations: map[string]string{annProvisioner: cloud.DiskDriver}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{storage: resource.MustParse(size)}},
		},
	}
	if node != "" {
		x.Annotations[annSelectedNode] = node
	}
	return x
}

func (w *world) create(x *corev1.PersistentVolumeClaim) {
	w.t.Helper()
	_, err := w.client.CoreV1().PersistentVolumeClaims(x.Namespace).Create(w.ctx, x, metav1.CreateOptions{})
	w.ok(err)
}

// volume is a PersistentVolume, nil if there is none.
func (w *world) volume(name string) *corev1.PersistentVolume {
	x, err := w.client.CoreV1().PersistentVolumes().Get(w.ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return x
}

// bound has a claim be bound to its volume, as Kubernetes does.
func (w *world) bound(name string) {
	w.t.Helper()
	v := w.volume("pvc-uid-" + name)
	if v == nil {
		w.t.Fatalf("no volume of claim %s: %q", name, w.events())
	}
	v.Status.Phase = corev1.VolumeBound
	_, err := w.client.CoreV1().PersistentVolumes().UpdateStatus(w.ctx, v, metav1.UpdateOptions{})
	w.ok(err)
	x, err := w.client.CoreV1().PersistentVolumeClaims("shop").Get(w.ctx, name, metav1.GetOptions{})
	w.ok(err)
	x.Spec.VolumeName, x.Status.Phase, x.Status.Capacity = v.Name, corev1.ClaimBound, v.Spec.Capacity
	_, err = w.client.CoreV1().PersistentVolumeClaims("shop").Update(w.ctx, x, metav1.UpdateOptions{})
	w.ok(err)
	synctest.Wait()
}

// provisioned is a claim with a volume of 5 GiB on node a.
func (w *world) provisioned(name string) *corev1.PersistentVolume {
	w.t.Helper()
	if _, err := w.client.StorageV1().StorageClasses().Get(w.ctx, "late", metav1.GetOptions{}); err != nil {
		w.class("late", storagev1.VolumeBindingWaitForFirstConsumer, nil)
	}
	w.create(claim(name, "late", "a", "5Gi"))
	w.after(5 * time.Second)
	w.bound(name)
	return w.volume("pvc-uid-" + name)
}

// released has a volume be released, as Kubernetes does when its claim is gone.
func (w *world) released(name string) {
	w.t.Helper()
	v := w.volume(name)
	v.Status.Phase = corev1.VolumeReleased
	_, err := w.client.CoreV1().PersistentVolumes().UpdateStatus(w.ctx, v, metav1.UpdateOptions{})
	w.ok(err)
}

// events are what was said of all objects, in no order.
func (w *world) events() (out []string) {
	list, err := w.client.CoreV1().Events("").List(w.ctx, metav1.ListOptions{})
	w.ok(err)
	for _, e := range list.Items {
		out = append(out, e.Reason+" "+e.Message)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *world) said(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, w.events()); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// names are those of the disks, with the VMs that they are attached to.
func (w *world) attached() string {
	var out []string
	for _, d := range w.disks.List() {
		out = append(out, strings.TrimSuffix(d.Name+"@"+d.VM, "@"))
	}
	return strings.Join(out, " ")
}

// down has Azure refuse every call, until it is called with false.
func (w *world) down(yes bool) {
	var err error
	if yes {
		err = api.Coded("ServiceUnavailable", "The service is unavailable.")
	}
	w.disks.Break(err)
	w.shares.Break(err)
}

func TestIdle(t *testing.T) {
	inBubble(t, func(w *world) {
		before := len(w.client.Actions())
		w.after(100 * time.Hour)
		if got := len(w.client.Actions()) - before; got != 0 {
			t.Errorf("got %d requests in four idle days, want none", got)
		}
	})
}

func TestBackoff(t *testing.T) {
	var got []time.Duration
	for n := range 11 {
		got = append(got, backoff(n)/time.Second)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}; !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
}
