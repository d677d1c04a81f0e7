//go:build faketime

package cluster

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// clusterOfFaults is a cluster with a control plane that does not run, with a provider's plane
// and with what makes faults happen.
func clusterOfFaults(t *testing.T) (c *Cluster, end func()) {
	t.Helper()
	dir := t.TempDir()
	plane, err := controlplane.New(controlplane.Config{Name: "test", Dir: dir, Logs: dir + "/logs", Ephemeral: true, Note: func(string, timeline.Verb, string) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plane.Stop(context.Background()) })
	replicas, err := provider.Open(provider.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c = &Cluster{Management: &operate.Management{Config: operate.Config{Plane: plane}, Memory: replicas}, ctx: ctx, cfg: api.EngineConfig{Ephemeral: true}, plane: plane, log: timeline.New(), dial: clock.Start(time.Now())}
	c.faults = c.newFaults()
	c.faults.Plane = struckPlane{plane}
	c.incidents = incident.NewLedger(c.log, c.faults.Holds, c.faults.Event)
	c.faults.Replicas = replicas
	return c, func() {
		cancel()
		c.Management.Close()
	}
}

// inject injects a fault that must succeed, and returns its ID.
func (c *Cluster) mustInject(t *testing.T, verb, target string, args ...string) string {
	t.Helper()
	spec := fault.Spec{Verb: verb, Target: target, Args: map[string]string{}}
	for i := 0; i < len(args); i += 2 {
		spec.Args[args[i]] = args[i+1]
	}
	a, err := c.Inject(t.Context(), api.RoleDirector, spec)
	if err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	return a.ID
}

func (c *Cluster) mustHeal(t *testing.T, id string) {
	t.Helper()
	if err := c.Heal(t.Context(), api.RoleDirector, id); err != nil {
		t.Fatalf("heal %s: %v", id, err)
	}
}

// wantFaults wants exactly these in force.
func (c *Cluster) wantFaults(t *testing.T, when string, want ...string) {
	t.Helper()
	var got []string
	for _, a := range c.Faults() {
		got = append(got, a.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: in force are %v, want %v", when, got, want)
	}
}

// TestHealEndsOneFault heals faults that have the same target, one after the other.
func TestHealEndsOneFault(t *testing.T) {
	c, end := clusterOfFaults(t)
	defer end()
	if err := c.plane.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	hung := c.mustInject(t, "hang", "kube-scheduler", "hold", "yes")
	slow := c.mustInject(t, "slow", "kube-scheduler", "latency", "100ms")
	all := c.mustInject(t, "hang", "control-plane", "hold", "yes")
	scheduler := c.plane.Group("kube-scheduler")[0]
	answers := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return scheduler.Healthy(ctx) == nil
	}
	c.mustHeal(t, hung)
	c.wantFaults(t, "one hang healed", slow, all)
	if answers() {
		t.Error("the scheduler answers, though another fault in force hangs it")
	}
	c.mustHeal(t, all)
	c.wantFaults(t, "both hangs healed", slow)
	began := time.Now()
	if !answers() || time.Since(began) < 100*time.Millisecond {
		t.Errorf("the scheduler answers: %t, after %s; want that it is slow", answers(), time.Since(began))
	}
	c.mustHeal(t, slow)
	c.wantFaults(t, "all healed")
	end()
	c.work.Wait()
}

// TestStartPartByPart starts what one fault has taken down, one component at a time.
func TestStartPartByPart(t *testing.T) {
	c, end := clusterOfFaults(t)
	defer end()
	if err := c.plane.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := c.mustInject(t, "crash", "kube-scheduler", "hold", "yes")
	all := c.mustInject(t, "crash", "control-plane", "hold", "yes")
	if _, err := c.Inject(t.Context(), api.RoleDirector, fault.Spec{Verb: "crash", Target: "etcd"}); err == nil || !strings.Contains(err.Error(), all) {
		t.Errorf("a second crash of etcd: got %v, want that %s keeps it down", err, all)
	}
	for _, name := range []string{"etcd", "kube-apiserver"} {
		c.mustInject(t, "start", name)
		if c.faults.Holds(name) {
			t.Errorf("%s was started and is still held", name)
		}
	}
	c.wantFaults(t, "two were started", first, all)
	if !c.faults.Holds("kube-controller-manager") || !c.faults.Holds("kube-scheduler") {
		t.Error("what was not started is not held")
	}
	c.mustInject(t, "start", "kube-controller-manager")
	c.wantFaults(t, "all that the second has struck were started", first)
	c.mustHeal(t, first)
	c.wantFaults(t, "the scheduler was started")
	c.work.Wait()
	for _, i := range c.Incidents() {
		if i.End.IsZero() {
			t.Errorf("the incident of %s goes on", i.Subject)
		}
	}
}

// TestFaultThatFailsHoldsNothing crashes what does not run: nobody is kept from
// starting it afterwards.
func TestFaultThatFailsHoldsNothing(t *testing.T) {
	c, end := clusterOfFaults(t)
	defer end()
	if _, err := c.Inject(t.Context(), api.RoleDirector, fault.Spec{Verb: "crash", Target: "etcd", Args: map[string]string{"hold": "yes"}}); err == nil {
		t.Fatal("crashing what does not run succeeded")
	}
	c.wantFaults(t, "it failed")
	if err := c.plane.Group("etcd")[0].Start(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestReplicasDownAccountedFor crashes replicas of the provider's plane that are
// partly down already.
func TestReplicasDownAccountedFor(t *testing.T) {
	c, end := clusterOfFaults(t)
	defer end()
	first := c.mustInject(t, "crash", "provider/0")
	rest := c.mustInject(t, "crash", "provider")
	if _, err := c.Inject(t.Context(), api.RoleDirector, fault.Spec{Verb: "crash", Target: "provider"}); err == nil {
		t.Error("all are down, and crashing them succeeded")
	}
	c.mustInject(t, "start", "provider/2")
	c.wantFaults(t, "one was started", first, rest)
	c.mustHeal(t, rest)
	c.wantFaults(t, "the second fault was healed", first)
	for i, want := range []bool{true, false, false} {
		if stopped := c.Memory.Status()[i].State == "stopped"; stopped != want {
			t.Errorf("replica %d is stopped: %t, want %t", i, stopped, want)
		}
	}
	c.mustHeal(t, first)
	c.wantFaults(t, "all were healed")
	end()
	c.work.Wait()
}
