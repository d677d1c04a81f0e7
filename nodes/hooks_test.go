package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Hooks run: what they do is done, and what they take is taken.
func TestHooksRun(t *testing.T) {
	script := func(text string) *corev1.LifecycleHandler {
		return &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", text}}}
	}
	hooked := func(start, stop *corev1.LifecycleHandler) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: start, PreStop: stop}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "server", func(p *corev1.Pod) {
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Args = "registry.k8s.io/e2e-test-images/agnhost:2.66.0", []string{"netexec"}
		}))
		w.pass(5 * time.Second)
		to := w.pod("server").Status.PodIP
		asks := &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Host: to, Port: intstr.FromInt32(8080), Path: "/echo?msg=stops"}}

		w.create(testPod(w.f, "both", hooked(script("sleep 4; echo started > /tmp/hook"), asks)))
		w.pass(4 * time.Second)
		if c := w.pod("both").Status.ContainerStatuses[0]; c.Ready || c.State.Waiting == nil {
			t.Errorf("ready during the postStart hook: %+v", c)
		}
		w.pass(5 * time.Second)
		if got := w.exec("both", "cat /tmp/hook"); !strings.Contains(got, "started") || !w.pod("both").Status.ContainerStatuses[0].Ready {
			t.Errorf("the postStart hook left %q: %+v", got, w.pod("both").Status.ContainerStatuses[0])
		}
		w.remove("both", 30)
		w.pass(3 * time.Second)
		if log := w.logged("server"); !w.gone("both") || !strings.Contains(log, "GET /echo?msg=stops") {
			t.Errorf("the preStop hook asked nothing: %q, gone %t", log, w.gone("both"))
		}

		w.create(testPod(w.f, "slow", hooked(nil, script("sleep 600"))))
		w.pass(5 * time.Second)
		w.remove("slow", 10)
		w.pass(9 * time.Second)
		if w.gone("slow") {
			t.Error("the pod went before its preStop hook was over")
		}
		w.pass(5 * time.Second)
		if !w.gone("slow") {
			t.Error("a preStop hook keeps the pod beyond its grace period")
		}

		w.create(testPod(w.f, "fails", hooked(script("exit 3"), nil)))
		w.pass(40 * time.Second)
		if c := w.pod("fails").Status.ContainerStatuses[0]; c.RestartCount == 0 || !strings.Contains(w.events("fails"), "FailedPostStartHook: PostStartHook failed") {
			t.Errorf("a postStart hook failed: %d restarts, and\n%s", c.RestartCount, w.events("fails"))
		}
	})
}

// A web server ends in order when it is told to quit, also by its preStop hook, and goes on
// when it is told to reload.
func TestAServerHeedsSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.create(testPod(w.f, "idle", script("sleep 3600"), func(p *corev1.Pod) { p.Spec.Containers[0].Image = "nginx:1.29" }))
		w.pass(5 * time.Second)
		for _, c := range []struct {
			command  string
			restarts int32
			code     int32
		}{
			{"nginx -s reload", 0, 0}, {"kill -HUP 1", 0, 0}, {"nginx -s quit", 1, 0}, {"kill -USR1 1", 1, 0}, {"kill -9 1", 2, 137},
		} {
			w.exec("web", c.command)
			w.pass(15 * time.Second)
			s := w.pod("web").Status.ContainerStatuses[0]
			if last := s.LastTerminationState.Terminated; s.State.Running == nil || s.RestartCount != c.restarts || last != nil && last.ExitCode != c.code {
				t.Errorf("%s: got %+v", c.command, s)
			}
		}
		if got := w.exec("idle", "nginx -s quit 2>&1 || echo failed"); got != "nginx: [error] open() \"/run/nginx.pid\" failed (2: No such file or directory)\nfailed\n" {
			t.Errorf("where no nginx runs: got %q", got)
		}

		w.create(testPod(w.f, "leaves", func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "/usr/sbin/nginx -s quit; sleep 20"}}}}
		}))
		w.pass(5 * time.Second)
		w.remove("leaves", 30)
		w.pass(3 * time.Second)
		if !w.gone("leaves") || strings.Contains(w.events("leaves"), "FailedPreStopHook") {
			t.Errorf("nginx has quit, and its pod is gone: %t\n%s", w.gone("leaves"), w.events("leaves"))
		}
	})
}
