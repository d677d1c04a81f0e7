package demarctest

import (
	"os"
	"strings"
	"testing"
	"time"
)

// Several clusters are there at a time. Their clocks go by themselves, and their faults are
// their own.
func TestTwoClusters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts clusters")
	}
	one, two := Start(t, Nodes(1)), Start(t, Nodes(2), Rate("pause"))
	if one.Name() == two.Name() || one.Config().Host == two.Config().Host || one.Kubeconfig() == two.Kubeconfig() {
		t.Errorf("they are one: %s, %s", one.Config().Host, two.Config().Host)
	}
	before := two.Now()
	fault := one.Fault("crash etcd hold=yes")
	one.Check(`!components["etcd"].healthy`, Within(2*time.Minute))
	one.Advance(30 * time.Minute)
	two.Check(`nodes.size() == 2 && components.all(name, components[name].healthy)`)
	if now := two.Now(); now.Sub(before) > time.Second {
		t.Errorf("the clock of the other has gone from %v to %v", before, now)
	}
	fault.End()
	one.SetRate("60x")
	one.Check(`components.all(name, components[name].healthy) && nodes.size() == 1`, Within(10*time.Minute))
	one.Check(`nodes.size() == 1`, Throughout(30*time.Second))

	if held, seen, err := one.Holds(`nodes.size() == 7`); held || err != nil || !strings.Contains(seen, "1") {
		t.Errorf("got %v, %q, %v", held, seen, err)
	}
	if _, _, err := one.Holds(`node.size() == 7`); err == nil || !strings.Contains(err.Error(), `did you mean "nodes"?`) {
		t.Errorf("a mistake: got %v", err)
	}
	if _, _, err := two.Holds(`nodes.size() == 7`, Within(time.Minute)); err == nil || !strings.Contains(err.Error(), "paused") {
		t.Errorf("the clock stands still: got %v", err)
	}
	crashed := false
	for _, e := range one.Timeline() {
		crashed = crashed || e.Verb == "crashed" && e.Subject == "etcd"
	}
	if !crashed {
		t.Error("the crash is not on the timeline")
	}
	dir := one.status.DataDir
	one.Stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a cluster has left %s: %v", dir, err)
	}
}

// A test that fails logs what happened in its cluster, and one whose cluster does not start
// why.
func TestFailureIsExplained(t *testing.T) {
	if testing.Short() {
		t.Skip("starts clusters")
	}
	play := func(do func(t testing.TB)) string {
		f := &failing{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer f.finish()
			do(f)
		}()
		<-done
		return f.log.String()
	}
	if log := play(func(t testing.TB) {
		c := Start(t, Nodes(1))
		c.Fault("power-off node/0")
		c.Check("nodes.size() == 7")
	}); !strings.Contains(log, "nodes.size() == 7 does not hold") || !strings.Contains(log, "powered-off") {
		t.Errorf("a check: got %s", log)
	}
	if log := play(func(t testing.TB) { Start(t, Nodes(0)) }); !strings.Contains(log, "--nodes 0: want 1 to") {
		t.Errorf("a mistake: got %s", log)
	}
}
