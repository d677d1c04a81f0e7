package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// What a kubelet does not admit ends with its reason, in its words.
func TestAKubeletDoesNotAdmit(t *testing.T) {
	asks := func(name corev1.ResourceName, what string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{name: resource.MustParse(what)}
		}
	}
	port := func(p *corev1.Pod) {
		p.Spec.Containers[0].Ports[0].HostPort, p.Spec.Containers[0].Ports[0].Protocol = 80, corev1.ProtocolTCP
	}
	sysctl := func(name string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: name, Value: "1"}}}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "first", port, asks("cpu", "1")))
		w.pass(5 * time.Second)
		for name, tc := range map[string]struct {
			change          func(*corev1.Pod)
			reason, message string
		}{
			"cpu":      {asks("cpu", "3"), "OutOfcpu", "Node didn't have enough resource: cpu, requested: 3000, used: 1000, capacity: 3860"},
			"memory":   {asks("memory", "64Gi"), "OutOfmemory", "Node didn't have enough resource: memory, requested: 68719476736, used: 0, capacity: 13208694784"},
			"port":     {port, "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"},
			"selector": {func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"disk": "ssd"} }, "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"},
			"sysctl":   {sysctl("kernel.msgmax"), "SysctlForbidden", `forbidden sysctl: "kernel.msgmax" not allowlisted`},
			"fits":     {asks("cpu", "100m"), "", ""},
			"safe":     {sysctl("net.ipv4.tcp_syncookies"), "", ""},
			"critical": {func(p *corev1.Pod) { p.Spec.Priority = ptr.To[int32](2_000_001_000); asks("cpu", "3")(p) }, "", ""},
		} {
			w.create(testPod(w.f, name, tc.change))
			w.pass(5 * time.Second)
			s := w.pod(name).Status
			switch {
			case tc.reason == "" && s.Phase != corev1.PodRunning:
				t.Errorf("%s is %s: %s", name, s.Phase, s.Message)
			case tc.reason != "" && (len(s.ContainerStatuses) > 0 || s.Phase != corev1.PodFailed || s.Reason != tc.reason || s.Message != "Pod was rejected: "+tc.message):
				t.Errorf("%s is %s, %s: %s", name, s.Phase, s.Reason, s.Message)
			case tc.reason != "" && !strings.Contains(w.events(name), tc.reason+": "+tc.message):
				t.Errorf("of %s it is said:\n%s", name, w.events(name))
			}
			w.remove(name, 0)
			w.pass(5 * time.Second)
		}
	})
}

// A container that must not run as root does not run if its image would.
func TestAContainerThatMustNotBeRoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		for name, tc := range map[string]struct {
			image string
			user  *int64
			want  string
		}{
			"root":    {"nginx:1.27", nil, `container has runAsNonRoot and image will run as root (pod: "root_default(uid-root)", container: c)`},
			"named":   {"memcached:1", nil, `container has runAsNonRoot and image has non-numeric user (memcache), cannot verify user is non-root (pod: "named_default(uid-named)", container: c)`},
			"zero":    {"example.com/own:1", ptr.To[int64](0), `container's runAsUser breaks non-root policy (pod: "zero_default(uid-zero)", container: c)`},
			"own":     {"nginxinc/nginx-unprivileged:1.27", nil, ""},
			"user":    {"nginx:1.27", ptr.To[int64](101), ""},
			"unknown": {"example.com/own:1", nil, ""},
		} {
			w.create(testPod(w.f, name, func(p *corev1.Pod) {
				p.Spec.Containers[0].Image = tc.image
				p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), RunAsUser: tc.user}
			}))
			w.pass(10 * time.Second)
			s := w.pod(name).Status.ContainerStatuses[0].State
			if tc.want == "" && s.Running == nil || tc.want != "" && (s.Waiting == nil || s.Waiting.Reason != "CreateContainerConfigError" || s.Waiting.Message != tc.want) {
				t.Errorf("%s is %+v", name, s)
			}
		}
	})
}

// A container that ended says why: in the runtime's words, in its own, or with its log.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		policy := func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyNever }
		w.create(testPod(w.f, "unknown", policy, script(""), func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"nosuchprogram"} }))
		w.create(testPod(w.f, "own", policy, script("sleep 2 && echo Sleep expired > /dev/termination-log; exit 3")))
		w.create(testPod(w.f, "log", policy, script("echo boom; exit 3"), func(p *corev1.Pod) {
			p.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		}))
		w.create(testPod(w.f, "large", policy, func(p *corev1.Pod) {
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Ports = "polinux/stress", nil
			p.Spec.Containers[0].Command, p.Spec.Containers[0].Args = []string{"stress"}, []string{"--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"}
			p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("100Mi")}
		}))
		w.pass(20 * time.Second)
		for name, want := range map[string]corev1.ContainerStateTerminated{
			"unknown": {ExitCode: 128, Reason: "StartError", Message: `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nosuchprogram": executable file not found in $PATH: unknown`},
			"own":     {ExitCode: 3, Reason: "Error", Message: "Sleep expired\n"},
			"log":     {ExitCode: 3, Reason: "Error", Message: "boom\n"},
			"large":   {ExitCode: 137, Reason: "OOMKilled"},
		} {
			end := w.pod(name).Status.ContainerStatuses[0].State.Terminated
			if end == nil || end.ExitCode != want.ExitCode || end.Reason != want.Reason || end.Message != want.Message {
				t.Errorf("%s ended with %+v, want %+v", name, end, want)
			}
		}
		if want := "Failed: Error: failed to create containerd task"; !strings.Contains(w.events("unknown"), want) {
			t.Errorf("of what is unknown it is said:\n%s", w.events("unknown"))
		}
	})
}

// A container is started again by its own rules, whatever its pod's policy is.
func TestRestartRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		rules := func(p *corev1.Pod) {
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
			p.Spec.Containers[0].RestartPolicy = ptr.To(corev1.ContainerRestartPolicyNever)
			p.Spec.Containers[0].RestartPolicyRules = []corev1.ContainerRestartRule{{
				Action:    corev1.ContainerRestartRuleActionRestart,
				ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: corev1.ContainerRestartRuleOnExitCodesOpIn, Values: []int32{42}},
			}}
		}
		w.create(testPod(w.f, "again", exits(42, 5*time.Second), rules))
		w.create(testPod(w.f, "once", exits(41, 5*time.Second), rules))
		w.pass(time.Minute)
		if p := w.pod("again"); p.Status.Phase != corev1.PodRunning || p.Status.ContainerStatuses[0].RestartCount < 2 {
			t.Errorf("the one is %s after %d restarts", p.Status.Phase, p.Status.ContainerStatuses[0].RestartCount)
		}
		if p := w.pod("once"); p.Status.Phase != corev1.PodFailed || p.Status.ContainerStatuses[0].RestartCount != 0 {
			t.Errorf("the other is %s after %d restarts", p.Status.Phase, p.Status.ContainerStatuses[0].RestartCount)
		}
	})
}

// A pod waits for a runtime that its node has not.
func TestARuntimeThatTheNodeHasNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		class := func(name, handler string) *nodev1.RuntimeClass {
			return &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Handler: handler}
		}
		w := newWorld(t, 1, nil, class("plain", "runc"), class("sealed", "kata"))
		defer w.stop()
		for name, want := range map[string]string{
			"plain": "", "sealed": `: no runtime for "kata" is configured`, "none": `FailedCreatePodSandBox: Failed to create pod sandbox: runtimeclasses.node.k8s.io "none" not found`,
		} {
			w.create(testPod(w.f, name, func(p *corev1.Pod) { p.Spec.RuntimeClassName = &name }))
			w.pass(30 * time.Second)
			if phase := w.pod(name).Status.Phase; (phase == corev1.PodRunning) != (want == "") || !strings.Contains(w.events(name), want) {
				t.Errorf("%s is %s:\n%s", name, phase, w.events(name))
			}
		}
	})
}
