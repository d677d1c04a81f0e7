package nodes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestNoNeedlessRestartInALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		defer w.stop()
		for i := range 9 {
			w.create(testPod(w.f, fmt.Sprint("p", i), func(p *corev1.Pod) { p.Spec.NodeName = w.f.NodeNames()[i%3] }))
		}
		w.pass(10 * time.Second)
		w.absent.Store(true)
		w.pass(6 * time.Hour)
		requests := len(w.api.Actions())
		w.pass(time.Minute)
		if n := len(w.api.Actions()) - requests; n > 60 {
			t.Errorf("%d requests in a minute of outage: only one node should try", n)
		}
		w.absent.Store(false)
		w.pass(2 * time.Second)
		for _, name := range w.f.NodeNames() {
			lease, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if age := time.Since(lease.Spec.RenewTime.Time); age > 2*time.Second {
				t.Errorf("%s renewed its lease %v ago, want at once", name, age)
			}
		}
		for _, c := range w.f.Containers() {
			if c.State != "running" || c.Restarts != 0 {
				t.Errorf("%s is %s after %d restarts, want running without any", c.Pod, c.State, c.Restarts)
			}
		}
	})
}

func TestNodeDiesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		w.absent.Store(true)
		w.pass(time.Minute)
		// The first node is the one that tries; another must take its place.
		if _, err := w.f.PowerOff("0", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.absent.Store(false)
		w.pass(5 * time.Second)
		lease, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), w.f.NodeNames()[1], metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(lease.Spec.RenewTime.Time); age > 10*time.Second {
			t.Errorf("the other node renewed its lease %v ago", age)
		}
		if _, ok := w.f.Backend(netip.MustParseAddr("10.244.0.2")); ok {
			t.Error("the dead node's pod still has its address")
		}
	})
}

func TestRefusedRequestsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		refusals := 3
		w.api.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			if refusals == 0 {
				return false, nil, nil
			}
			refusals--
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", fmt.Errorf("no relationship found"))
		})
		w.create(testPod(w.f, "web"))
		w.pass(10 * time.Second)
		if got := w.pod("web").Status.Phase; got != corev1.PodRunning {
			t.Errorf("phase = %s, want Running after %d refusals were left", got, refusals)
		}
	})
}

func TestPodFromABackupIsStartedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		backup := w.pod("web")
		w.remove("web", 30)
		w.pass(5 * time.Second)
		if !w.gone("web") {
			t.Fatal("the pod is still there")
		}
		backup.ResourceVersion = ""
		w.create(backup)
		w.pass(5 * time.Second)
		c := w.pod("web").Status.ContainerStatuses[0]
		if c.State.Running == nil || c.RestartCount != 1 {
			t.Errorf("container = %+v, want running after one restart", c)
		}
	})
}

func TestDeletedNodeStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		name := w.f.NodeNames()[0]
		if err := w.api.CoreV1().Nodes().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(20 * time.Minute)
		if _, err := w.api.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("a running kubelet made its Node again: %v", err)
		}
		w.f.CrashKubelet("0", timeline.Customer, true, true)
		w.f.StartKubelet("0", timeline.Customer)
		w.pass(5 * time.Second)
		if _, err := w.api.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Errorf("a restarted kubelet did not register: %v", err)
		}
	})
}

func TestMachinesAreSavedAndRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, nil)
		w.f.PowerOff("0", timeline.Platform)
		w.f.CutNetwork("1", timeline.Platform)
		w.f.CrashKubelet("2", timeline.Provider, true, true)
		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		want := w.f.Machines()
		w.stop()
		v := newWorld(t, 4, state)
		defer v.stop()
		for i, got := range v.f.Machines() {
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Errorf("machine %d (-want +got):\n%s", i, diff)
			}
		}
	})
	for state, want := range map[string]string{
		`{`:                                    "read the saved machines",
		`{"version":99}`:                       "version 99",
		`{"version":2,"machines":{"nope":{}}}`: "a node nope",
	} {
		_, err := NewFleet(Config{Nodes: 1, Client: fake.NewClientset(), State: []byte(state)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("state %s: error %v, want %q", state, err, want)
		}
	}
}

func TestLargeFleetStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	synctest.Test(t, func(t *testing.T) {
		const nodes, pods = 110, 220 // more than a small fleet
		w := newWorld(t, nodes, nil)
		defer w.stop()
		for i := range pods {
			p := testPod(w.f, fmt.Sprint("p", i), func(p *corev1.Pod) { p.Spec.NodeName = w.f.NodeNames()[i%nodes] })
			if _, err := w.api.CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(5 * time.Second)
		list, err := w.api.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ips := map[string]string{}
		for _, p := range list.Items {
			if p.Status.Phase != corev1.PodRunning {
				t.Errorf("%s is %s, want Running", p.Name, p.Status.Phase)
			}
			if other, taken := ips[p.Status.PodIP]; taken {
				t.Errorf("%s and %s both have %s", p.Name, other, p.Status.PodIP)
			}
			ips[p.Status.PodIP] = p.Name
		}
		if len(list.Items) != pods {
			t.Errorf("%d pods, want %d", len(list.Items), pods)
		}
	})
}
