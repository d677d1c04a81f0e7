package nodes

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/host"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// attach types into a container, and returns what it shows until it ends.
func (w *world) attach(pod, container, typed string) string {
	w.t.Helper()
	conn := stream(w.t, w.f, "/attach/default/"+pod+"/"+container+"?input=1&output=1&tty=1", "v4.channel.k8s.io")
	defer conn.Close()
	synctest.Wait()
	if err := conn.WriteMessage(websocket.BinaryMessage, append([]byte{0}, typed...)); err != nil {
		w.t.Fatal(err)
	}
	return readAll(w.t, conn)[1]
}

// A container that is added to a running pod runs in it, has a status, and can be attached to.
func TestAnEphemeralContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "app"))
		w.pass(5 * time.Second)
		p := w.pod("app")
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{
			{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger", Image: "busybox:1.36", Stdin: true, TTY: true}},
			{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "ends", Image: "busybox:1.36", Command: []string{"sh", "-c", "exit 4"}}},
		}
		if _, err := w.api.CoreV1().Pods("default").Update(context.Background(), p, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		s := w.pod("app").Status
		if len(s.EphemeralContainerStatuses) != 2 || s.EphemeralContainerStatuses[0].State.Running == nil {
			t.Fatalf("the status is %+v", s.EphemeralContainerStatuses)
		}
		if end := s.EphemeralContainerStatuses[1].State.Terminated; end == nil || end.ExitCode != 4 || s.Phase != corev1.PodRunning || condition(w.pod("app"), corev1.PodReady) != corev1.ConditionTrue {
			t.Errorf("the other ended with %+v, and the pod is %s", end, s.Phase)
		}
		if got, want := w.attach("app", "debugger", "echo ab\x7fc; exit 3\r"), "echo ab\b \bc; exit 3\r\nac\r\n"; !strings.Contains(got, want) {
			t.Errorf("it shows %q, want %q in it", got, want)
		}
		w.pass(5 * time.Second)
		if end := w.pod("app").Status.EphemeralContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 3 {
			t.Errorf("it is %+v", w.pod("app").Status.EphemeralContainerStatuses[0].State)
		}
		if w.count("crashed container/default/app/ends") > 0 {
			t.Error("the end of a debugger is told as a crash")
		}
	})
}

// A privileged pod that sees the node's file system works on the node itself; another does not.
func TestAPodThatRulesItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		debugger := func(hostPID bool, command ...string) func(*corev1.Pod) {
			return func(p *corev1.Pod) {
				p.Spec.HostPID, p.Spec.RestartPolicy = hostPID, corev1.RestartPolicyNever
				p.Spec.Containers[0].Image, p.Spec.Containers[0].Ports, p.Spec.Containers[0].Command = "busybox:1", nil, command
				p.Spec.Volumes = []corev1.Volume{{Name: "host-root", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
				p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "host-root", MountPath: "/host"}}
			}
		}
		w.create(testPod(w.f, "asks", debugger(true, "chroot", "/host", "systemctl", "is-active", "kubelet")))
		w.create(testPod(w.f, "enters", debugger(true, "nsenter", "-t", "1", "-m", "-u", "--", "hostname")))
		w.create(testPod(w.f, "may-not", debugger(false, "chroot", "/host", "systemctl", "stop", "kubelet")))
		w.create(testPod(w.f, "looks", debugger(false, "cat", "/host/etc/hostname")))
		w.pass(10 * time.Second)
		node := w.f.NodeNames()[0]
		for name, want := range map[string]string{"asks": "active", "enters": node, "looks": node, "may-not": "chroot: can't change root directory to '/host': Operation not permitted"} {
			if got := w.logged(name); got != want {
				t.Errorf("%s says %q, want %q", name, got, want)
			}
		}
		w.create(testPod(w.f, "types", debugger(true), func(p *corev1.Pod) { p.Spec.Containers[0].Stdin = true }))
		w.pass(5 * time.Second)
		if got := w.attach("types", "c", "chroot /host\rhostname\rexit\rexit\r"); !strings.Contains(got, "root@"+node+":~# "+node+"\r\n") {
			t.Errorf("what is typed shows %q", got)
		}
		w.create(testPod(w.f, "stops", debugger(true, "chroot", "/host", "systemctl", "stop", "kubelet")))
		w.pass(5 * time.Second)
		w.f.mu.Lock()
		defer w.f.mu.Unlock()
		if w.f.machines()[0].OS.Running(host.Kubelet) {
			t.Error("the kubelet runs")
		}
	})
}
