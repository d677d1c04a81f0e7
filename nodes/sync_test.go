package nodes

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes/fake"
)

// What the informers have not read yet is not taken for what is not there.
func TestFleetSaysThatItHasNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := NewFleet(Config{ClusterName: "test", Nodes: 1, Seed: 1, KubeletVersion: "v1.37.2", Client: fake.NewClientset(), Timeline: timeline.New()})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := f.NodeObjects(); !errors.Is(err, ErrNotSynced) {
			t.Errorf("nodes before anything was read: %v, %v; want ErrNotSynced", list, err)
		}
		if f.machines()[0].kubelet.Deleted() {
			t.Error("a Node that was not read yet is taken for deleted")
		}
		if err := f.Synced(); !errors.Is(err, ErrNotSynced) {
			t.Errorf("synced before anything was read: %v", err)
		}

		w := newWorld(t, 1, nil)
		defer w.stop()
		w.pass(5 * time.Second)
		if list, err := w.f.NodeObjects(); err != nil || len(list) != 1 {
			t.Errorf("nodes: %v, %v; want one", list, err)
		}
	})
}
