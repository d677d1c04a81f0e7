package nodes

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// world is a fleet with an API server that can be taken away.
type world struct {
	t      *testing.T
	f      *Fleet
	api    *fake.Clientset
	absent atomic.Bool
	stop   func()
}

// newWorld runs a fleet in the bubble of a synctest.
func newWorld(t *testing.T, nodes int, state []byte, objects ...runtime.Object) *world {
	t.Helper()
	return makeWorld(t, Config{Nodes: nodes, State: state}, objects...)
}

// makeWorld is newWorld of more than is usual.
func makeWorld(t *testing.T, cfg Config, objects ...runtime.Object) *world {
	t.Helper()
	w := &world{t: t, api: fake.NewClientset(objects...)}
	w.api.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		if w.absent.Load() {
			return true, nil, fmt.Errorf("dial tcp 10.0.0.1:443: connect: connection refused")
		}
		return false, nil, nil
	})
	cfg.ClusterName, cfg.Seed, cfg.KubeletVersion, cfg.Client, cfg.Timeline = "test", 1, "v1.37.2", w.api, timeline.New()
	f, err := NewFleet(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.f = f
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	w.stop = func() { cancel(); <-done }
	synctest.Wait()
	return w
}

// pass lets virtual time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// testPod is a pod on the first node, with one container that serves port 80.
func testPod(f *Fleet, name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("uid-" + name), Generation: 1},
		Spec: corev1.PodSpec{
			NodeName:      f.machines()[0].Name,
			RestartPolicy: corev1.RestartPolicyAlways,
			Containers: []corev1.Container{{
				Name: "c", Image: "nginx:1", ImagePullPolicy: corev1.PullIfNotPresent,
				Ports: []corev1.ContainerPort{{ContainerPort: 80}},
			}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

// exits makes the pod's program end with a code after a time.
func exits(code int, after time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Image = "busybox:1"
		p.Spec.Containers[0].Command = []string{"sh", "-c", fmt.Sprintf("sleep %d; exit %d", int(after.Seconds()), code)}
	}
}

func policy(r corev1.RestartPolicy) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.RestartPolicy = r }
}

func (w *world) create(p *corev1.Pod) {
	w.t.Helper()
	if _, err := w.api.CoreV1().Pods(p.Namespace).Create(context.Background(), p, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) pod(name string) *corev1.Pod {
	w.t.Helper()
	p, err := w.api.CoreV1().Pods("default").Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// remove marks a pod as deleted, as the API server does.
func (w *world) remove(name string, grace int64) {
	w.t.Helper()
	p := w.pod(name)
	now := metav1.Now()
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &now, &grace
	if _, err := w.api.CoreV1().Pods("default").Update(context.Background(), p, metav1.UpdateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) gone(name string) bool {
	_, err := w.api.CoreV1().Pods("default").Get(context.Background(), name, metav1.GetOptions{})
	return apierrors.IsNotFound(err)
}

// events are the pod's events as "Reason: message", in order of their names' times.
func (w *world) events(name string) string {
	w.t.Helper()
	list, err := w.api.CoreV1().Events("default").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name {
			out = append(out, e.Reason+": "+e.Message)
		}
	}
	return strings.Join(out, "\n")
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) corev1.ConditionStatus {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return ""
}

// verbs are the timeline's events as "verb subject".
func (w *world) verbs() []string {
	var out []string
	events, _ := w.f.log.Since(0)
	for _, e := range events {
		out = append(out, string(e.Verb)+" "+e.Subject)
	}
	return out
}

func (w *world) count(event string) (n int) {
	for _, v := range w.verbs() {
		if v == event {
			n++
		}
	}
	return n
}

func TestNodesRegisterAndRenewTheirLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, nil)
		defer w.stop()
		name := w.f.NodeNames()[2]
		node, err := w.api.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := node.Spec.PodCIDR, "10.244.2.0/24"; got != want {
			t.Errorf("podCIDR = %s, want %s", got, want)
		}
		if !nodeReady(node) {
			t.Errorf("the node is not ready: %v", node.Status.Conditions)
		}
		if !w.f.Ready() {
			t.Error("the fleet is not ready")
		}
		w.pass(65 * time.Second)
		lease, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(lease.Spec.RenewTime.Time); age >= 10*time.Second {
			t.Errorf("the lease was renewed %v ago, want under %v", age, 10*time.Second)
		}
	})
}

func TestPodStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		p := w.pod("web")
		if got := p.Status.ContainerStatuses[0].State.Waiting; got == nil || got.Reason != "ContainerCreating" {
			t.Errorf("while the image is pulled: %+v", p.Status.ContainerStatuses[0].State)
		}
		w.pass(3 * time.Second)
		p = w.pod("web")
		c := p.Status.ContainerStatuses[0]
		switch {
		case p.Status.Phase != corev1.PodRunning:
			t.Errorf("phase = %s, want Running", p.Status.Phase)
		case condition(p, corev1.PodReady) != corev1.ConditionTrue:
			t.Errorf("Ready = %s, want True", condition(p, corev1.PodReady))
		case p.Status.PodIP != "10.244.0.2":
			t.Errorf("podIP = %s, want 10.244.0.2", p.Status.PodIP)
		case c.State.Running == nil || !c.Ready || c.RestartCount != 0:
			t.Errorf("container = %+v, want running and ready", c)
		case !strings.HasPrefix(c.ContainerID, "containerd://"):
			t.Errorf("containerID = %s", c.ContainerID)
		}
		for _, want := range []string{`Pulling: Pulling image "nginx:1"`, "Pulled: Successfully pulled image", "Created: Container created", "Started: Container started"} {
			if !strings.Contains(w.events("web"), want) {
				t.Errorf("no event %q in:\n%s", want, w.events("web"))
			}
		}
	})
}

func TestCrashingContainerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "bad", exits(3, 0)))
		w.pass(8 * time.Second)
		c := w.pod("bad").Status.ContainerStatuses[0]
		if c.State.Waiting == nil || c.State.Waiting.Reason != "CrashLoopBackOff" {
			t.Fatalf("state = %+v, want CrashLoopBackOff", c.State)
		}
		if want := "back-off 10s restarting failed container=c pod=bad_default(uid-bad)"; c.State.Waiting.Message != want {
			t.Errorf("message = %q, want %q", c.State.Waiting.Message, want)
		}
		if c.LastTerminationState.Terminated == nil || c.LastTerminationState.Terminated.ExitCode != 3 || c.RestartCount != 1 {
			t.Errorf("container = %+v, want one restart after exit code 3", c)
		}
		w.pass(10 * time.Minute)
		// 1 s, then 10, 20, 40, 80, 160 and 300 s apart.
		if got := w.pod("bad").Status.ContainerStatuses[0].RestartCount; got != 6 {
			t.Errorf("restarts = %d, want 6", got)
		}
	})
}

func TestContainersAreRestartedWithoutAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		w.absent.Store(true)
		w.pass(30 * time.Second)
		e, err := w.f.CrashContainer("default", "web", "c", 1, "", timeline.Customer)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		if c := w.f.Containers()[0]; c.State != "running" || c.Restarts != 1 {
			t.Errorf("container = %+v, want running after one restart", c)
		}
		events, _ := w.f.log.Since(e.Seq)
		if len(events) != 1 || events[0].Verb != "restarted" || events[0].Cause != e.Seq {
			t.Errorf("timeline after the crash = %+v, want the restart caused by it", events)
		}
		w.pass(2 * time.Hour)
		w.absent.Store(false)
		w.pass(5 * time.Second)
		if c := w.pod("web").Status.ContainerStatuses[0]; c.RestartCount != 1 || !c.Ready {
			t.Errorf("status after the outage = %+v, want one restart and ready", c)
		}
		if got := w.count("restarted container/default/web/c"); got != 1 {
			t.Errorf("restarts = %d, want 1", got)
		}
	})
}

func TestStoppedKubeletLeavesContainersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.create(testPod(w.f, "old"))
		w.pass(5 * time.Second)
		if _, err := w.f.CrashKubelet("0", timeline.Provider, true, true); err != nil {
			t.Fatal(err)
		}
		if _, err := w.f.CrashContainer("default", "web", "", 1, "", timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.remove("old", 30)
		w.pass(time.Minute)
		for _, c := range w.f.Containers() {
			if want := map[string]string{"web": "exited", "old": "running"}[c.Pod]; c.State != want {
				t.Errorf("%s is %s, want %s", c.Pod, c.State, want)
			}
		}
		if _, err := w.f.StartKubelet("0", timeline.Provider); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		if c := w.pod("web").Status.ContainerStatuses[0]; c.RestartCount != 1 || c.State.Running == nil {
			t.Errorf("web = %+v, want restarted", c)
		}
		if !w.gone("old") {
			t.Error("the deleted pod is still there")
		}
	})
}

func TestPowerLossAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.create(testPod(w.f, "job", exits(0, time.Hour), policy(corev1.RestartPolicyNever)))
		w.pass(5 * time.Second)
		if _, err := w.f.PowerOff("vmss000000", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		if _, err := w.f.PowerOff("0", timeline.Platform); err == nil {
			t.Error("powering off a machine that is off: no error")
		}
		if w.f.Reachable(w.f.NodeNames()[0]) {
			t.Error("the machine is reachable without power")
		}
		w.pass(time.Minute)
		if w.pod("web").Status.ContainerStatuses[0].State.Running == nil {
			t.Error("somebody told the API server of the power loss")
		}
		if _, err := w.f.PowerOn("0", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.pass(bootTime - time.Second)
		if got := w.f.Machines()[0].Kubelet; got != "stopped" {
			t.Errorf("the kubelet is %s before the machine has booted", got)
		}
		w.pass(5 * time.Second)
		p := w.pod("web")
		c := p.Status.ContainerStatuses[0]
		if c.State.Running == nil || c.RestartCount != 1 {
			t.Errorf("container = %+v, want running after one restart", c)
		}
		if last := c.LastTerminationState.Terminated; last == nil || last.ExitCode != 255 || last.Reason != "Unknown" {
			t.Errorf("last state = %+v, want 255 Unknown", c.LastTerminationState)
		}
		if got := w.pod("job").Status.Phase; got != corev1.PodFailed {
			t.Errorf("the pod that is never restarted is %s, want Failed", got)
		}
		if !strings.Contains(w.events("web"), "SandboxChanged") {
			t.Errorf("no SandboxChanged in:\n%s", w.events("web"))
		}
	})
}

func TestCutNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.create(testPod(w.f, "old"))
		w.pass(5 * time.Second)
		if _, err := w.f.CutNetwork("0", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.remove("old", 0)
		if err := w.api.CoreV1().Pods("default").Delete(t.Context(), "old", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.f.CrashContainer("default", "web", "", 1, "", timeline.Customer)
		w.pass(2 * time.Minute)
		if c := w.pod("web").Status.ContainerStatuses[0]; c.RestartCount != 0 {
			t.Error("a cut node wrote a status")
		}
		lease, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), w.f.NodeNames()[0], metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(lease.Spec.RenewTime.Time); age < 2*time.Minute {
			t.Errorf("a cut node renewed its lease %v ago", age)
		}
		if got := len(w.f.Containers()); got != 2 {
			t.Errorf("%d containers on the cut node, want 2", got)
		}
		if _, err := w.f.RestoreNetwork("0", timeline.Platform); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		if c := w.pod("web").Status.ContainerStatuses[0]; c.RestartCount != 1 {
			t.Errorf("restarts = %d, want 1", c.RestartCount)
		}
		if got := len(w.f.Containers()); got != 1 {
			t.Errorf("%d containers after the return, want 1: %+v", got, w.f.Containers())
		}
	})
}

func TestGracefulDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web", func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 7}}}
		}))
		w.pass(5 * time.Second)
		w.remove("web", 30)
		w.pass(6 * time.Second)
		if w.gone("web") {
			t.Fatal("the pod went before its preStop hook was over")
		}
		if c := w.f.Containers()[0]; c.State != "running" {
			t.Errorf("the container is %s during its preStop hook", c.State)
		}
		w.pass(2 * time.Second)
		if !w.gone("web") {
			t.Errorf("the pod is still there: %+v", w.pod("web").Status)
		}
		if len(w.f.Containers()) != 0 {
			t.Errorf("containers are left: %+v", w.f.Containers())
		}
	})
}

func TestJobPodsComplete(t *testing.T) {
	for _, tc := range []struct {
		code int
		want corev1.PodPhase
	}{{0, corev1.PodSucceeded}, {4, corev1.PodFailed}} {
		t.Run(string(tc.want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, nil)
				defer w.stop()
				w.create(testPod(w.f, "job", exits(tc.code, 5*time.Second), policy(corev1.RestartPolicyNever)))
				w.pass(20 * time.Second)
				p := w.pod("job")
				if p.Status.Phase != tc.want {
					t.Errorf("phase = %s, want %s", p.Status.Phase, tc.want)
				}
				end := p.Status.ContainerStatuses[0].State.Terminated
				if end == nil || int(end.ExitCode) != tc.code {
					t.Errorf("state = %+v, want exit code %d", p.Status.ContainerStatuses[0].State, tc.code)
				}
				if got := condition(p, corev1.PodReady); got != corev1.ConditionFalse {
					t.Errorf("Ready = %s, want False", got)
				}
			})
		})
	}
}

func TestResumeKeepsContainersRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.create(testPod(w.f, "web"))
		w.pass(time.Minute)
		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		before := w.pod("web")
		w.stop()
		w.pass(time.Hour)
		v := newWorld(t, 1, state, before)
		defer v.stop()
		v.pass(time.Minute)
		after := v.pod("web")
		b, a := before.Status.ContainerStatuses[0], after.Status.ContainerStatuses[0]
		if a.RestartCount != b.RestartCount || a.ContainerID != b.ContainerID || !a.State.Running.StartedAt.Equal(&b.State.Running.StartedAt) {
			t.Errorf("after the resume %+v, want %+v", a, b)
		}
		if after.Status.PodIP != before.Status.PodIP {
			t.Errorf("podIP = %s, want %s", after.Status.PodIP, before.Status.PodIP)
		}
		if n := v.count("restarted container/default/web/c"); n != 0 {
			t.Errorf("%d restarts, want none", n)
		}
		for _, a := range v.api.Actions() {
			if a.Matches("patch", "pods/status") {
				t.Errorf("the fleet wrote a status that had not changed: %s", a.(clienttesting.PatchAction).GetPatch())
			}
		}
		backend, ok := v.f.Backend(netip.MustParseAddr(v.pod("web").Status.PodIP))
		if !ok {
			t.Fatal("nobody has the pod's address")
		}
		if _, ok := backend.Handler(80); !ok {
			t.Error("the adopted container does not serve")
		}
	})
}

// nodeReady says whether a Node's condition Ready is True.
func nodeReady(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}
