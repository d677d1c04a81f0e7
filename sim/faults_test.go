//go:build faketime

package sim

import (
	"context"
	"testing"

	"demarc/controlplane"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// TestFlapEndsWithTheCluster checks that something that flaps is left alone once
// the cluster is closed: nothing is started, and nothing is noted any more.
func TestFlapEndsWithTheCluster(t *testing.T) {
	dir := t.TempDir()
	plane, err := controlplane.New(controlplane.Config{Name: "test", Dir: dir, Logs: dir + "/logs", Ephemeral: true, Note: func(string, string, string) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer plane.Stop(context.Background())
	ctx, end := context.WithCancel(t.Context())
	c := &Cluster{ctx: ctx, plane: plane, log: timeline.New()}
	c.faults = &faults{cluster: c, ends: map[string]func(){}}
	c.incidents = newIncidents(c.log, c.faults.holds, c.faults.struck)
	end()
	spec := fault.Spec{Verb: "flap", Target: "kube-scheduler", By: timeline.Provider, Args: map[string]string{"times": "3", "down": "1s", "up": "1s"}}
	target, err := fault.ParseTarget(spec.Target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.faults.flap(spec, target); err != nil {
		t.Fatal(err)
	}
	c.work.Wait()
	events, _ := c.log.Since(0)
	if len(events) != 1 || events[0].Verb != "flapping" {
		t.Errorf("got %+v, want flapping and nothing else", events)
	}
	if list := c.Faults(); len(list) > 0 {
		t.Errorf("still in force: %+v", list)
	}
}
