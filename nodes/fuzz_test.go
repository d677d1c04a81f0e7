package nodes

import (
	"bytes"
	"testing"
	"time"

	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes/fake"
)

// FuzzRestore restores machines from whatever a state may have in their place: they can
// be saved again, and are the same when they are restored from that.
func FuzzRestore(f *testing.F) {
	restored := func(state []byte) (*Fleet, error) {
		return NewFleet(Config{ClusterName: "test", Nodes: 2, Seed: 1, KubeletVersion: "v1.37.2", Client: fake.NewClientset(), Timeline: timeline.New(), State: state})
	}
	first, err := restored(nil)
	if err != nil {
		f.Fatal(err)
	}
	first.machines()[1].OS.Write(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), "/etc/motd", []byte("hello"), false)
	whole, err := first.Save()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"version":3,"next":9000000000000000000,"pool":[{"image":"x","kubelet":"v1","instances":"0-1999,0-1999,0-1999"}]}`))
	f.Add([]byte(`{"version":3,"next":3,"pool":[{"image":"","kubelet":"","instances":"0,2"}],"machines":{"aks-nodepool1-00000000-vmss000000":{"slot":-1,"boots":-1,"os":{"version":1,"host":{}}}}}`))
	f.Add([]byte(`{"version":2,"machines":{"x":{}}}`))
	f.Add([]byte(`{"version":3,"next":1,"pool":[{"instances":"0"}],"nsg":{},"patches":[{}],"stocked":-1,"repairs":[{}]}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		fleet, err := restored(state)
		if err != nil {
			return
		}
		if n := len(fleet.machines()); n > maxSaved {
			t.Errorf("%d machines", n)
		}
		saved, err := fleet.Save()
		if err != nil {
			t.Fatalf("what was restored cannot be saved: %v", err)
		}
		again, err := restored(saved)
		if err != nil {
			t.Fatalf("what was saved cannot be restored: %v\n%s", err, saved)
		}
		if twice, err := again.Save(); err != nil || !bytes.Equal(twice, saved) {
			t.Errorf("saved:\n%s\nand again:\n%s\n%v", saved, twice, err)
		}
	})
}
