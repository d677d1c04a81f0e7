package nodes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/kubelet"

	corev1 "k8s.io/api/core/v1"
)

// What a container is given is bounded, and says so.
func TestAContainerThatIsGivenTooMuchSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "big", func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: strings.Repeat("x", 128<<10)}}
		}))
		w.pass(5 * time.Second)
		if s := w.pod("big").Status.ContainerStatuses[0].State.Waiting; s == nil || s.Reason != "RunContainerError" || !strings.Contains(s.Message, "argument list too long") {
			t.Errorf("it is %+v", w.pod("big").Status.ContainerStatuses[0].State)
		}
	})
}

func TestAProgramThatEndedTheEngineIsNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "uid-bad_c"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		starts, err := kubelet.OpenStarts(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		w := makeWorld(t, Config{Nodes: 1, Starts: starts})
		defer w.stop()
		script := func(p *corev1.Pod) {
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Command = "busybox", []string{"sh", "-c", "while true; do date; sleep 5; done"}
		}
		w.create(testPod(w.f, "bad", script))
		w.create(testPod(w.f, "good", script))
		w.pass(20 * time.Second)
		if s := w.pod("bad").Status.ContainerStatuses[0].State.Waiting; s == nil || s.Reason != "RunContainerError" || !strings.Contains(s.Message, "the engine ended") {
			t.Errorf("the bad one is %+v", w.pod("bad").Status.ContainerStatuses[0].State)
		}
		if !strings.Contains(w.events("bad"), "Error: failed to start container: the engine ended by a fault") {
			t.Errorf("events:\n%s", w.events("bad"))
		}
		if w.pod("good").Status.Phase != corev1.PodRunning {
			t.Errorf("the good one is %s", w.pod("good").Status.Phase)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("a program that runs well is still noted: %v, %v", entries, err)
		}
	})
}
