package faults

import (
	"strings"
	"testing"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

func TestZones(t *testing.T) {
	w := newFake(t)
	inject := func(verb, target string) (fault.Active, error) {
		s, err := fault.Parse(verb, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.Inject(t.Context(), s)
	}
	a, err := inject("outage", "zone/2")
	if e := w.lost["2"]; err != nil || a.ID == "" || w.state() != "zone 2 lost" || e.Seq != a.Event || e.Verb != "failed" || e.Actor != timeline.Platform {
		t.Fatalf("got %+v, %v, %s by %+v", a, err, w.state(), w.lost)
	}
	for target, want := range map[string]string{"zone/2": "that is so already, by f1", "zone/3": "the zones are 1, 2"} {
		if _, err := inject("outage", target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", target, err, want)
		}
	}
	again := New(w.World)
	again.Resume()
	if list := again.List(); len(list) != 1 || list[0].String() != "outage zone/2" || list[0].Event != a.Event || list[0].By != timeline.Platform {
		t.Errorf("after a restart: %+v", list)
	}
	if _, err := again.Inject(t.Context(), fault.Spec{Verb: "heal", Target: "zone/2", By: timeline.Platform}); err != nil || w.state() != "" {
		t.Errorf("healed: %v, %s", err, w.state())
	}
}
