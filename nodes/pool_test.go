package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/kubelet"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// diary is a watcher that remembers.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// read is what it remembers by now.
func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

func (d *diary) Broke(subject string, _ timeline.Event, _ time.Time) { d.add("broke " + subject) }
func (d *diary) Noticed(subject string, _ time.Time)                 { d.add("noticed " + subject) }
func (d *diary) Mended(subject string, _ time.Time)                  { d.add("mended " + subject) }

// watched gives the fleet a diary.
func (w *world) watched() *diary {
	d := &diary{}
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.f.watcher = d
	for _, m := range w.f.machines() {
		m.Watcher = d
	}
	return d
}

func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	n, err := w.api.CoreV1().Nodes().Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) add(key, version string, surge bool) string {
	w.t.Helper()
	name, err := w.f.Add(key, api.DefaultPool, version, surge, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return name
}

func TestAddedVMBecomesANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		d := w.watched()
		w.pass(5 * time.Second)
		name := w.add("scale/1", "v1.36.4", false)
		if again := w.add("scale/1", "v1.36.4", false); again != name || !strings.HasSuffix(name, "vmss000002") {
			t.Errorf("names %s and %s: want the third instance, twice", name, again)
		}
		if got, _ := w.f.NodeName("2"); got != name {
			t.Errorf("node 2 is %q, want %s", got, name)
		}
		w.pass(createTime)
		if _, err := w.api.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{}); err == nil {
			t.Error("there is a Node before the machine has booted")
		}
		w.pass(bootTime + time.Second)
		n := w.node(name)
		if got := n.Status.NodeInfo.KubeletVersion; got != "v1.36.4" || n.Labels[kubelet.ImageLabel] != Images("v1.36.4")[0] {
			t.Errorf("kubelet %s, image %s", got, n.Labels[kubelet.ImageLabel])
		}
		if !nodeReady(n) || n.Spec.PodCIDR != "10.244.2.0/24" || w.f.NodeIP(name).String() != "10.224.0.6" {
			t.Errorf("ready %t, pods in %s, address %s", nodeReady(n), n.Spec.PodCIDR, w.f.NodeIP(name))
		}
		w.create(testPod(w.f, "web", func(p *corev1.Pod) { p.Spec.NodeName = name }))
		w.pass(5 * time.Second)
		if p := w.pod("web"); p.Status.PodIP != "10.244.2.2" || condition(p, corev1.PodReady) != corev1.ConditionTrue {
			t.Errorf("the pod there has address %q and is ready: %s", p.Status.PodIP, condition(p, corev1.PodReady))
		}
		if got := w.f.Machines()[2].KubeletVersion; got != "v1.36.4" {
			t.Errorf("the machine says kubelet %s", got)
		}
		if w.count("created node/"+name) != 1 || len(d.read()) != 0 {
			t.Errorf("%d creations on the timeline, outages %v; want 1 and none", w.count("created node/"+name), d.read())
		}
	})
}

func TestRemovedVMIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		d := w.watched()
		name := w.f.NodeNames()[1]
		w.create(testPod(w.f, "web", func(p *corev1.Pod) { p.Spec.NodeName = name }))
		w.pass(5 * time.Second)
		for range 2 { // the second time it is done already
			if err := w.f.Remove("scale/1", name, 0); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.f.NodeNames(); len(got) != 1 || w.f.Exists(name) || len(w.f.Nodes()) != 1 {
			t.Errorf("after the removal: nodes %v, load balancers send to %v", got, w.f.Nodes())
		}
		if _, err := w.f.PowerOff(name, timeline.Customer); err == nil {
			t.Error("a fault hit a machine that is leaving")
		}
		ip := w.f.NodeIP(name)
		w.pass(lingerTime - time.Second)
		if _, ok := w.f.Backend(ip); !ok || !w.f.Reachable(name) || len(w.f.Containers()) != 1 {
			t.Error("connections to what ran on the machine had no time to end")
		}
		w.pass(2 * time.Second)
		if w.f.Reachable(name) || len(w.f.Containers()) != 0 {
			t.Errorf("after %s: containers %v", lingerTime, w.f.Containers())
		}
		if _, ok := w.f.Backend(ip); ok {
			t.Error("something has the address of the VM that is gone")
		}
		if got := w.f.Missing(api.DefaultPool); got != nil {
			t.Errorf("missing: %v", got)
		}
		if err := w.f.Remove("scale/2", name, 0); err == nil || !api.HasCode(err, "ResourceNotFound") {
			t.Errorf("removed again for another reason: %v", err)
		}
		w.pass(time.Minute)
		if got := w.add("scale/3", "v1.37.2", false); !strings.HasSuffix(got, "vmss000002") {
			t.Errorf("the next VM is %s: an instance number is never used twice", got)
		}
		if _, err := w.f.PowerOff("1", timeline.Customer); err == nil {
			t.Error("a fault hit the instance that is gone")
		}
		if w.count("deleted node/"+name) != 1 || len(d.read()) != 0 {
			t.Errorf("timeline %v, outages %v: want one deletion and no outage", w.verbs(), d.read())
		}
	})
}

func TestPoolIsCompleteWhenTheMissingVMIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		defer w.stop()
		d := w.watched()
		name := w.f.NodeNames()[1]
		if _, err := w.f.DoVM(api.VMRequest{Action: "delete", VM: "1"}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{name}, w.f.Missing(api.DefaultPool)); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		if err := w.f.Remove("scale/1", name, 0); err != nil {
			t.Fatal(err)
		}
		want := []string{"broke node/" + name, "mended node/" + name, "broke nodepool/nodepool1", "noticed nodepool/nodepool1", "mended nodepool/nodepool1"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Errorf("outages (-want +got):\n%s", diff)
		}
		if w.count("deleted node/"+name) != 1 {
			t.Error("the provider deleted what was deleted already")
		}
	})
}

func TestUpgradedNodeHasItsVersionAndLosesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		d := w.watched()
		w.pass(5 * time.Second)
		name := w.f.NodeNames()[0]
		w.ssh("0", "sudo apt-get install -y htop")
		images := Images("v1.34.1")
		if images[0] == images[1] || w.f.Machines()[0].Image != images[0] {
			t.Fatalf("images %v, the node has %s", images, w.f.Machines()[0].Image)
		}
		lost, err := w.f.Upgrade("up/1", name, "v1.34.1", images[1], 0)
		if err != nil || !slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, "htop") }) {
			t.Errorf("lost %v, %v; want the customer's package", lost, err)
		}
		if again, err := w.f.Upgrade("up/1", name, "v1.34.1", images[1], 0); err != nil || !slices.Equal(again, lost) || w.f.machines()[0].Boots != 2 {
			t.Errorf("asked again: %v, %v, %d boots", again, err, w.f.machines()[0].Boots)
		}
		w.pass(reimageTime + bootTime + 15*time.Second)
		n := w.node(name)
		if n.Status.NodeInfo.KubeletVersion != "v1.34.1" || n.Labels[kubelet.ImageLabel] != images[1] || n.Status.NodeInfo.KernelVersion == "5.15.0-1110-azure" || !nodeReady(n) {
			t.Errorf("the Node says %+v, image %s", n.Status.NodeInfo, n.Labels[kubelet.ImageLabel])
		}
		if got := w.ssh("0", "htop --version; uname -r; dpkg -l curl"); !strings.Contains(got, "not found") || !strings.Contains(got, n.Status.NodeInfo.KernelVersion) || strings.Contains(got, "7.81.0-1ubuntu1.20") {
			t.Errorf("on the node: %s", got)
		}
		if len(d.read()) != 0 {
			t.Errorf("outages %v: an upgrade is none", d.read())
		}
		if _, err := w.f.Upgrade("up/2", name, "v1.34.1", "AKSUbuntu-1804", 0); err == nil || !strings.Contains(err.Error(), images[0]) {
			t.Errorf("an image that there is not: %v", err)
		}
	})
}

func TestImageOfAnAddedVM(t *testing.T) {
	images := Images("v1.37.2")
	f, err := NewFleet(Config{ClusterName: "test", Nodes: 2, KubeletVersion: "v1.37.2", NodeImage: images[1], Client: fake.NewClientset()})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{images[1], images[0]} { // by the pool's image; by the newest
		if _, err := f.Add(fmt.Sprint(i), api.DefaultPool, "v1.37.2", i == 1, 0); err != nil {
			t.Fatal(err)
		}
		if got := f.Machines()[2+i].Image; got != want {
			t.Errorf("VM %d has image %s, want %s", 2+i, got, want)
		}
	}
}

func TestPoolOutlivesItsProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		w.add("a", "v1.37.2", false)
		w.add("b", "v1.36.1", true)
		if err := w.f.Remove("c", w.f.NodeNames()[1], 0); err != nil {
			t.Fatal(err)
		}
		if _, err := w.f.Upgrade("d", "0", "v1.36.1", Images("v1.36.1")[1], 0); err != nil {
			t.Fatal(err)
		}
		before := w.f.NodeNames()
		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		w = newWorld(t, 3, state)
		defer w.stop()
		if diff := cmp.Diff(before, w.f.NodeNames()); diff != "" {
			t.Errorf("nodes (-before +after):\n%s", diff)
		}
		if got := w.add("b", "v1.36.1", true); got != before[3] {
			t.Errorf("asked again for what there is: %s, want %s", got, before[3])
		}
		w.pass(bootTime + 5*time.Second)
		var got []string
		for _, m := range w.f.Machines() {
			got = append(got, fmt.Sprintf("%s %s %s %t %s", m.Name[len(m.Name)-1:], m.KubeletVersion, m.Kubelet, m.Surge, strings.TrimPrefix(m.Image, "AKSUbuntu-2204gen2containerd-")))
		}
		want := []string{
			"0 v1.36.1 running false 202604.24.0",
			"2 v1.37.2 running false 202605.14.0",
			"3 v1.37.2 running false 202605.14.0",
			"4 v1.36.1 running true 202605.14.0",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("machines (-want +got):\n%s", diff)
		}
		if name := w.add("e", "v1.37.2", false); !strings.HasSuffix(name, "vmss000005") {
			t.Errorf("the next VM is %s", name)
		}
	})
}

func TestReadsThePoollessState(t *testing.T) {
	f, err := NewFleet(Config{ClusterName: "test", Nodes: 2, KubeletVersion: "v1.37.2", Client: fake.NewClientset(),
		State: []byte(`{"version":2,"machines":{"` + (&vm.Cluster{Name: "test"}).ScaleSet(api.DefaultPool) + `000001":{"cut":true,"boots":3}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	m := f.Machines()
	if len(m) != 2 || m[1].Network != "cut" || m[0].Image != poollessImage || m[0].KubeletVersion != "v1.37.2" {
		t.Errorf("machines %+v", m)
	}
	if name, _ := f.Add("k", api.DefaultPool, "v1.37.2", false, 0); !strings.HasSuffix(name, "vmss000002") {
		t.Errorf("the next VM is %s", name)
	}
}

func TestDamagedPoolIsRefused(t *testing.T) {
	for _, pool := range []string{`"0-5"`, `"x"`, `"1-0"`, `"-1"`, `""`, `"0,0"`, `"0-99999999999"`} {
		_, err := NewFleet(Config{ClusterName: "test", Nodes: 2, Client: fake.NewClientset(),
			State: []byte(`{"version":3,"next":2,"pool":[{"image":"i","kubelet":"v1.37.2","instances":` + pool + `}]}`)})
		if err == nil || !strings.Contains(err.Error(), "read the saved machines") {
			t.Errorf("instances %s: %v", pool, err)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, n := range [][]int{{0}, {0, 1, 2, 5}, {3, 7, 8}} {
		got, err := parseRanges(ranges(n), 9)
		if err != nil || !slices.Equal(got, n) {
			t.Errorf("%v is %q, which is %v, %v", n, ranges(n), got, err)
		}
	}
}

func TestPoolHasALimitAndPlacesAreUsedAgainLate(t *testing.T) {
	f, err := NewFleet(Config{ClusterName: "test", Nodes: MaxNodes, Client: fake.NewClientset()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add("k", api.DefaultPool, "v1.37.2", false, 0); err == nil || !api.HasCode(err, "InvalidParameter") {
		t.Errorf("node %d: %v", MaxNodes+1, err)
	}
	f.pools[0].next = slots // as if as many had come and gone
	if _, err := f.PowerOff("7", timeline.Customer); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("r", f.NodeNames()[7], 0); err != nil { // at once, as nothing runs there
		t.Fatal(err)
	}
	name, err := f.Add("k2", api.DefaultPool, "v1.37.2", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.NodeIP(name), vm.NodeIP(7); got != want {
		t.Errorf("address %s, want %s, the only place that is free below %d", got, want, MaxNodes)
	}
	state, err := f.Save()
	if err != nil {
		t.Fatal(err)
	}
	f, err = NewFleet(Config{ClusterName: "test", Nodes: 1, Client: fake.NewClientset(), State: state})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.NodeIP(name), vm.NodeIP(7); got != want {
		t.Errorf("after a restart the address is %s, want %s", got, want)
	}
}

func TestNodeWithoutEgressIsNotProvisioned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		rule := api.NSGRule{Name: "no-443", Priority: 200, Direction: "Outbound", Access: "Deny", Protocol: "Tcp", Ports: []string{"443"}, Source: "*", Destination: "*"}
		if err := w.f.SetNSGRule(rule, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			name, err := w.f.Add("k", api.DefaultPool, "v1.37.2", false, 0)
			if name == "" || err == nil || !api.HasCode(err, "VMExtensionProvisioningError") || !strings.Contains(err.Error(), "no-443") {
				t.Errorf("added %q: %v", name, err)
			}
		}
		w.pass(createTime + bootTime + time.Minute)
		if got := w.f.Egress(w.f.NodeNames()[1]); !strings.Contains(got, "no-443") {
			t.Errorf("egress %q", got)
		}
	})
}

// TestAnswerOfBefore reads an answer that has its code in its text only.
func TestAnswerOfBefore(t *testing.T) {
	var now, before answered
	now.isolated("rule no-443")
	if err := json.Unmarshal([]byte(`{"error":"VMExtensionProvisioningError: `+now.Error+`"}`), &before); err != nil {
		t.Fatal(err)
	}
	if want, got := now.err(), before.err(); !api.HasCode(got, "VMExtensionProvisioningError") || got.Error() != want.Error() {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestRosterChangesUnderReaders is for the race detector.
func TestRosterChangesUnderReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5, nil)
		defer w.stop()
		ctx, cancel := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for ctx.Err() == nil {
					for _, n := range w.f.NodeNames() {
						w.f.Exists(n)
						w.f.Shutdown(n)
						w.f.Backend(w.f.NodeIP(n))
						w.f.Rules(n)
						w.f.Egress(n)
						w.f.NodeName(n[len(n)-6:])
						dial, stop := context.WithTimeout(ctx, time.Second)
						if c, err := w.f.DialKubelet(dial, n+":10250"); err == nil {
							c.Close()
						}
						stop()
					}
					w.f.Machines()
					w.f.VMs()
					w.f.Ready()
					w.f.Missing(api.DefaultPool)
					_, _ = w.f.Save()
					time.Sleep(time.Second)
				}
			})
		}
		for i := range 12 {
			name := w.add(fmt.Sprint("add", i), "v1.37.2", i%2 == 0)
			w.create(testPod(w.f, fmt.Sprint("p", i), func(p *corev1.Pod) { p.Spec.NodeName = name }))
			w.pass(time.Minute)
			if _, err := w.f.Upgrade(fmt.Sprint("up", i), "0", "v1.36.1", "", 0); err != nil {
				t.Error(err)
			}
			w.pass(2 * time.Minute)
			if i%3 == 0 {
				continue
			}
			if err := w.f.Remove(fmt.Sprint("del", i), name, 0); err != nil {
				t.Error(err)
			}
		}
		cancel()
		readers.Wait()
		w.pass(3 * time.Minute)
		if got := len(w.f.NodeNames()); got != 5+4 {
			t.Errorf("%d nodes, want 9", got)
		}
		if !w.f.Ready() {
			t.Error("not all are registered")
		}
	})
}
