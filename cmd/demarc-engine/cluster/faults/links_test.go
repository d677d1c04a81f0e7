package faults

import (
	"testing"

	"demarc/sim/fault"
)

func TestLinks(t *testing.T) {
	w := newFake(t)
	inject := func(verb, target string, args map[string]string) (fault.Active, error) {
		s, err := fault.Parse(verb, target, args)
		if err != nil {
			t.Fatal(err)
		}
		return w.Inject(t.Context(), s)
	}
	a, err := inject("lose", "node/0", map[string]string{"packets": "10%", "to": "node/1"})
	if err != nil || a.String() != "lose node/a packets=10% to=node/b" {
		t.Fatalf("got %s, %v", a, err)
	}
	if got, want := w.state(), "link {A:{Node:a Zone: Outside:false} B:{Node:b Zone: Outside:false} Loss:0.1 Latency:0s}, fine"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := inject("delay", "zone/2", map[string]string{"latency": "1s", "to": "outside"}); err != nil {
		t.Fatal(err)
	}
	if _, err := inject("heal", "node/0", nil); err != nil {
		t.Fatal(err)
	}
	if got, want := w.state(), "link {A:{Node: Zone:2 Outside:false} B:{Node: Zone: Outside:true} Loss:0 Latency:1s}, fine"; got != want {
		t.Errorf("of two, one healed: got %s, want %s", got, want)
	}
	for want, args := range map[string]map[string]string{
		`no node "7"; the nodes are [a b]`: {"packets": "1%", "to": "node/7"},
		"to=node/a is the target itself":   {"packets": "1%", "to": "node/a"},
		`no zone "3"; the zones are 1, 2`:  {"packets": "1%", "to": "zone/3"},
	} {
		if _, err := inject("lose", "node/0", args); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
