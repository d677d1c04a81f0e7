package nodes

import (
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/timeline"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A kubelet makes its Node when it starts, and not while it runs.
func TestKubeletRegistersAtEveryStart(t *testing.T) {
	for how, restart := range map[string]func(w *world, node string){
		"systemctl": func(w *world, node string) {
			w.ssh(node, "sudo systemctl restart kubelet")
		},
		"stop and start": func(w *world, node string) {
			if _, err := w.f.CrashKubelet(node, timeline.Customer, true, true); err != nil {
				w.t.Fatal(err)
			}
			w.pass(time.Second)
			if _, err := w.f.StartKubelet(node, timeline.Customer); err != nil {
				w.t.Fatal(err)
			}
		},
		"crash": func(w *world, node string) {
			if _, err := w.f.CrashKubelet(node, timeline.Customer, false, false); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, nil)
				defer w.stop()
				w.pass(time.Minute)
				node := w.f.NodeNames()[0]
				nodes := w.api.CoreV1().Nodes()
				if err := nodes.Delete(t.Context(), node, metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				w.pass(time.Minute)
				if _, err := nodes.Get(t.Context(), node, metav1.GetOptions{}); err == nil {
					t.Fatal("the kubelet made its Node again without a restart")
				}
				restart(w, node)
				w.pass(30 * time.Second)
				if _, err := nodes.Get(t.Context(), node, metav1.GetOptions{}); err != nil {
					t.Errorf("after the restart: %v", err)
				}
			})
		})
	}
}
