package torture

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// phase is something that an engine is killed in.
type phase struct {
	name string
	// window is within which real time of the request the kill falls.
	window time.Duration
	// members says in which clusters there is such a phase; any if 0.
	members int
	// prepare makes that there is something to ask for; nil for nothing. With
	// errNothing there is nothing, and no kill.
	prepare func(context.Context, *cluster) error
	// act asks for it, while customers write; nil for nothing. Its error is not
	// looked at: the engine is killed meanwhile.
	act func(context.Context, *cluster) error
}

var phases = []phase{
	{name: "writes", window: 1500 * time.Millisecond},
	{name: "a backup", window: 400 * time.Millisecond, act: takeBackup},
	{name: "a restore", window: 3 * time.Second, prepare: takeBackup, act: restore},
	{name: "two restores at once", window: 3 * time.Second, prepare: takeBackup, act: twoRestores},
	{name: "loss of etcd's disk", window: 4 * time.Second, prepare: takeBackup, act: inject("wipe", "etcd")},
	{name: "an upgrade", window: 8 * time.Second, prepare: upgradable, act: upgrade},
	{name: "a scaling", window: 5 * time.Second, act: scale},
	{name: "a restart of a node", window: 5 * time.Second, act: escalate},
	{name: "loss of a replica", window: time.Second, act: inject("crash", "provider/leader")},
	{name: "loss of a member's disk", window: 4 * time.Second, members: 3, act: inject("wipe", "etcd/1")},
}

func takeBackup(ctx context.Context, c *cluster) error {
	p, err := c.provider()
	if err == nil {
		_, err = p.TakeBackup(ctx)
	}
	return err
}

func restore(ctx context.Context, c *cluster) error {
	p, err := c.provider()
	if err == nil {
		_, err = p.Restore(ctx, api.RestoreRequest{})
	}
	return err
}

// twoRestores asks twice at once. One is refused.
func twoRestores(ctx context.Context, c *cluster) error {
	done := make(chan error, 2)
	for range cap(done) {
		go func() { done <- restore(ctx, c) }()
	}
	a, b := <-done, <-done
	if a == nil && b == nil {
		c.wrong("two restores at once", "two restores that were asked for at once were both taken on")
	}
	return errors.Join(a, b)
}

func inject(verb, target string) func(context.Context, *cluster) error {
	return func(ctx context.Context, c *cluster) error {
		d, err := c.director()
		if err == nil {
			_, err = d.Inject(ctx, fault.Spec{Verb: verb, Target: target})
		}
		return err
	}
}

// errNothing says that there is nothing to kill an engine in.
var errNothing = errors.New("nothing to do")

// upgradable says whether there is a later version.
func upgradable(ctx context.Context, c *cluster) error {
	profile, err := c.p.Client.Upgrades(ctx)
	if err == nil && len(profile.Upgrades) == 0 {
		return errNothing
	}
	return err
}

// upgrade begins the upgrade to the next version, unless one is in progress.
func upgrade(ctx context.Context, c *cluster) error {
	profile, err := c.p.Client.Upgrades(ctx)
	if err != nil || len(profile.Upgrades) == 0 {
		return errors.Join(err, errNothing)
	}
	_, err = c.p.Client.Upgrade(ctx, api.UpgradeRequest{KubernetesVersion: profile.Upgrades[0]})
	return err
}

// scale adds a node, or takes one away.
func scale(ctx context.Context, c *cluster) error {
	pools, err := c.p.Client.NodePools(ctx)
	if err != nil {
		return err
	}
	count := c.spec.Nodes
	if pools[0].Count == count {
		count++
	}
	_, err = c.p.Client.ScaleNodePool(ctx, pools[0].Name, api.ScaleRequest{Count: count})
	return err
}

// escalate asks for the restart of a node.
func escalate(ctx context.Context, c *cluster) error {
	_, err := c.p.Client.Escalate(ctx, api.EscalationRequest{Node: "0", Reason: "torture"})
	return err
}

// strike kills the engine in a phase while customers write, resumes it and checks
// everything. It says whether the cluster can go on.
func (c *cluster) strike(x phase) bool {
	began := time.Now()
	defer func() { c.tally.kill(x.name, func(k *killed) { k.took += time.Since(began) }) }()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	if x.prepare != nil {
		if err := x.prepare(ctx, c); errors.Is(err, errNothing) {
			return true
		} else if err != nil {
			c.wrong(x.name, "prepare: %s", oneLine(err))
		}
	}
	c.look(ctx)
	after := c.within(x.window)
	work, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.written.write(work, c.kubeconfig())
	}()
	c.written.await(ctx, goodMany)
	if x.act != nil {
		go func() { _ = x.act(work, c) }()
	}
	sleep(ctx, after)
	c.look(ctx)
	c.p.Kill()
	stop()
	<-ended
	return c.resume(ctx, x.name, fmt.Sprintf("killed after %s", after.Round(time.Millisecond)))
}

// strikeStart kills the engine while it is being resumed.
func (c *cluster) strikeStart() bool {
	const name = "a start"
	began := time.Now()
	defer func() { c.tally.kill(name, func(k *killed) { k.took += time.Since(began) }) }()
	c.p.Kill()
	after := c.within(2500 * time.Millisecond)
	ctx, cancel := context.WithTimeout(c.t.Context(), after)
	defer cancel()
	if err := c.begin(ctx); err == nil {
		c.written.write(ctx, c.kubeconfig())
		c.p.Kill()
	}
	return c.resume(c.t.Context(), name, fmt.Sprintf("killed after %s", after.Round(time.Millisecond)))
}

// strikeFirstStart kills the engine of a new cluster in its first seconds, in which
// customers may write as soon as it serves. What is left is up to demarc up.
func (c *cluster) strikeFirstStart() bool {
	const name = "the first start"
	began := time.Now()
	defer func() { c.tally.kill(name, func(k *killed) { k.took += time.Since(began) }) }()
	after := c.within(4 * time.Second)
	u, err := c.startUp(c.dir, "--nodes", strconv.Itoa(c.spec.Nodes), "--etcd-members", strconv.Itoa(c.spec.EtcdMembers),
		"--kubernetes-version", c.spec.KubernetesVersion)
	if err != nil {
		c.wrong(name, "%s", oneLine(err))
		return false
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), after)
	defer cancel()
	c.written.write(ctx, c.kubeconfig())
	u.kill()
	if u.traces() {
		c.wrong(name, "killed after %s: a user sees stacks", after)
	}
	return c.resume(c.t.Context(), name, fmt.Sprintf("killed after %s", after.Round(time.Millisecond)))
}

// resume starts the engine after a kill, and checks everything.
func (c *cluster) resume(ctx context.Context, phase, how string) bool {
	err := c.start(ctx)
	c.tally.kill(phase, func(k *killed) {
		k.kills++
		k.acked += c.written.take()
		if err == nil {
			k.resumed++
		}
	})
	if err != nil {
		c.wrong(phase, "%s: not resumed: %s; see %s", how, oneLine(err), c.dir)
		return false
	}
	c.check(ctx, phase, how)
	return true
}

// wrong enters that something did not hold.
func (c *cluster) wrong(phase, format string, args ...any) {
	c.tally.kill(phase, func(k *killed) { k.wrong++ })
	c.tally.find("%s, %d etcd members: %s", phase, c.spec.EtcdMembers, fmt.Sprintf(format, args...))
}
