package report

import (
	"fmt"
	"testing"

	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// TestUndone restores a backup of the 10th minute after a loss in the 20th.
func TestUndone(t *testing.T) {
	did := func(minutes float64, verb timeline.Verb, subject string) timeline.Event {
		return acted(0, minutes, verb, subject)
	}
	events := []timeline.Event{
		did(5, "applied", "deployment/default/old"),
		did(6, "created", "configmap/default/before"),
		did(11, "created", "configmap/default/new"),
		did(11, "applied", "deployment/default/fresh"),
		did(12, "applied", "deployment/default/old"),
		did(12, "patched", "deployment/default/fresh"),
		did(13, "deleted", "configmap/default/before"),
		did(13, "created", "secret/default/brief"),
		did(14, "deleted", "secret/default/brief"),
		did(14, "scaled", "deployment/default/shop"),
		did(15, "deleted", "service/default/web"),
		did(16, "created", "service/default/web"),
		did(16, "changed", "nsg"),
		did(17, "created", "nodepool/extra"),
		did(21, "created", "configmap/default/after"),
		{Time: after(22), Actor: timeline.Provider, Verb: "restored", Subject: "etcd", Message: "from a backup", Detail: &timeline.Detail{Undone: &timeline.Span{From: after(10), To: after(20)}}},
	}
	for i := range events {
		events[i].Seq = int64(i + 1)
	}
	r := Make(Input{From: eight, To: after(60), Events: events})
	if len(r.Lost) != 1 || r.Lost[0].RPOSeconds != 600 {
		t.Fatalf("lost: %+v", r.Lost)
	}
	want := &Undone{
		From: after(10), To: after(20), Gone: []string{"configmap/default/new", "deployment/default/fresh"}, Back: []string{"configmap/default/before"},
		Older: []string{"deployment/default/old", "deployment/default/shop", "service/default/web"},
	}
	if d := cmp.Diff(want, r.Lost[0].Undone); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}

	for n := range 150 {
		events = append(events[:len(events)-1:len(events)-1], did(11, "created", fmt.Sprintf("secret/default/s%03d", n)), events[len(events)-1])
	}
	if u := Make(Input{Events: events}).Lost[0].Undone; len(u.Gone)+len(u.Back)+len(u.Older) != maxUndone || u.More != 156-maxUndone {
		t.Errorf("%d, %d and %d are named, and %d more", len(u.Gone), len(u.Back), len(u.Older), u.More)
	}
}
