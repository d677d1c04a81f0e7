package torture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// check checks a cluster that was resumed.
func (c *cluster) check(ctx context.Context, phase, how string) {
	bad := func(format string, args ...any) {
		c.wrong(phase, "%s: %s", how, fmt.Sprintf(format, args...))
	}
	c.checkClock(ctx, bad)
	c.checkTimeline(ctx, bad)
	if c.rng.IntN(2) == 0 { // else what is in progress is struck again
		c.settle(ctx, bad)
	}
	c.checkWrites(ctx, phase, bad)
	c.checkBackups(ctx, bad)
	c.checkReplicas(ctx, bad)
}

// complaint enters what does not hold.
type complaint func(format string, args ...any)

// checkClock checks that virtual time has not gone back.
func (c *cluster) checkClock(ctx context.Context, bad complaint) {
	k, err := c.p.Client.Clock(ctx)
	switch {
	case err != nil:
		bad("clock: %s", oneLine(err))
	case k.Now.Before(c.now):
		bad("virtual time has gone back, from %s to %s", c.now, k.Now)
	}
}

// checkTimeline checks that events have numbers of their own, in order, and that
// none that was seen is another now.
func (c *cluster) checkTimeline(ctx context.Context, bad complaint) {
	events, err := c.p.Client.Timeline(ctx, 0)
	if err != nil {
		bad("timeline: %s", oneLine(err))
		return
	}
	for i, e := range events {
		if e.Seq != int64(i)+1 {
			bad("event %d of the timeline has number %d", i+1, e.Seq)
			return
		}
	}
	if n := c.last.Seq; n > 0 && (int(n) > len(events) || !sameEvent(events[n-1], c.last)) {
		bad("event %d was %q %s and is not there any more", n, c.last.Verb, c.last.Subject)
	}
}

func sameEvent(a, b timeline.Event) bool {
	return a.Time.Equal(b.Time) && a.Verb == b.Verb && a.Subject == b.Subject
}

// settle lets everything that is in progress end, and checks what came of it.
func (c *cluster) settle(ctx context.Context, bad complaint) {
	err := c.hurry(ctx, "what is in progress", func() (bool, error) { return c.quiet(ctx) })
	if err != nil {
		bad("%s", oneLine(err))
		return
	}
	c.checkOperations(ctx, bad)
	repairs, err := c.p.Client.Repairs(ctx)
	if err != nil {
		bad("repairs: %s", oneLine(err))
	}
	for _, r := range repairs {
		if r.Layer == api.LayerEscalation && r.Outcome != api.RepairHealed {
			bad("%s of node %s is %s: %s", r.Layer, r.Node, r.Outcome, r.Reason)
		}
	}
}

// quiet says whether nothing is in progress any more.
func (c *cluster) quiet(ctx context.Context) (bool, error) {
	p, err := c.provider()
	if err != nil {
		return false, err
	}
	restores, err := p.Restores(ctx)
	if err != nil {
		return false, err
	}
	for _, r := range restores {
		if r.Phase != api.RestoreDone && r.Phase != api.RestoreFailed {
			return false, fmt.Errorf("restore %s is %s", r.ID, r.Phase)
		}
	}
	operations, err := p.Operations(ctx)
	if err != nil {
		return false, err
	}
	for _, op := range operations {
		if op.InProgress() {
			return false, fmt.Errorf("operation %s (%s, %s) is in progress", op.ID, op.Kind, op.Message)
		}
	}
	repairs, err := p.Repairs(ctx)
	if err != nil {
		return false, err
	}
	for _, r := range repairs {
		if r.Layer == api.LayerEscalation && r.Outcome == api.RepairPending {
			return false, fmt.Errorf("restart of node %s is pending", r.Node)
		}
	}
	return c.healthy(ctx)
}

// healthy says whether every component is, and every node.
func (c *cluster) healthy(ctx context.Context) (bool, error) {
	s, err := c.p.Client.Status(ctx)
	if err != nil {
		return false, err
	}
	for _, x := range s.Components {
		if !x.Healthy {
			return false, fmt.Errorf("%s is %s: %s", x.Name, x.State, x.Message)
		}
	}
	pools, err := c.p.Client.NodePools(ctx)
	if err != nil {
		return false, err
	}
	for _, n := range pools[0].Nodes {
		if !n.Ready {
			return false, fmt.Errorf("node %s is not Ready", n.Name)
		}
	}
	return true, nil
}

// checkOperations compares what operations say that they did with what there is.
func (c *cluster) checkOperations(ctx context.Context, bad complaint) {
	operations, err := c.p.Client.Operations(ctx)
	pools, perr := c.p.Client.NodePools(ctx)
	if err := errors.Join(err, perr); err != nil {
		bad("operations: %s", oneLine(err))
		return
	}
	version, count := "", 0
	for _, op := range operations {
		switch {
		case op.State != api.OpSucceeded:
			bad("operation %s (%s, %s) is %s: %s", op.ID, op.Kind, op.Message, op.State, op.Error)
			return
		case op.Upgrade != nil:
			version = op.Upgrade.To
		case op.Scale != nil:
			count = op.Scale.To
		}
	}
	if count > 0 && len(pools[0].Nodes) != count {
		bad("a scaling to %d nodes has succeeded, and there are %d", count, len(pools[0].Nodes))
	}
	for _, n := range pools[0].Nodes {
		if version != "" && n.KubernetesVersion != version {
			bad("an upgrade to %s has succeeded, and node %s has %s", version, n.Name, n.KubernetesVersion)
		}
		if n.Surge {
			bad("no upgrade is in progress, and surge node %s is there", n.Name)
		}
	}
}

// checkWrites checks that all that was acknowledged is there, but for what a
// restore has reported as gone.
func (c *cluster) checkWrites(ctx context.Context, phase string, bad complaint) {
	restores, err := c.restores(ctx)
	if err != nil {
		bad("restores: %s", oneLine(err))
		return
	}
	client, err := kube(c.kubeconfig())
	if err != nil {
		bad("kubeconfig: %s", oneLine(err))
		return
	}
	have, err := stored(ctx, client)
	for tries := 0; err != nil && tries < 100; tries++ {
		sleep(ctx, 100*time.Millisecond)
		have, err = stored(ctx, client)
	}
	if err != nil {
		bad("the API server does not answer: %s", oneLine(err))
		return
	}
	missing := c.written.missing(have)
	windowed := 0
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		if a := missing[key]; c.covered(a, restores) {
			windowed++
		} else if len(missing)-windowed < 5 {
			bad("%s, acknowledged with revision %d at %s, is gone", key, a.version, a.at.Format(time.TimeOnly))
		}
	}
	c.tally.kill(phase, func(k *killed) { k.windowed += windowed; k.lost += len(missing) - windowed })
	if n := len(missing) - windowed; n > 0 {
		bad("%d acknowledged writes are gone; restores: %s", n, describe(restores))
	}
}

func describe(restores []api.Restore) string {
	var list []string
	for _, r := range restores {
		list = append(list, fmt.Sprintf("%s %s of %s, from %s to %s", r.ID, r.Phase, r.Backup, r.BackupAt.Format(time.TimeOnly), r.Lost.Format(time.TimeOnly)))
	}
	return strings.Join(list, "; ")
}

// restores are the restores, and the revisions of all backups are kept.
func (c *cluster) restores(ctx context.Context) ([]api.Restore, error) {
	p, err := c.provider()
	if err != nil {
		return nil, err
	}
	backups, err := p.Backups(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range backups {
		c.revisions[b.ID] = b.Revision
	}
	return p.Restores(ctx)
}

// bump is less than a restore raises etcd's revision by, and more than ever is
// written here.
const bump = 500_000_000

// covered says whether a restore has reported that a write is gone: the write is of
// after the backup and of before the restore, by etcd's revisions and by the time
// that the restore reports.
func (c *cluster) covered(a ack, restores []api.Restore) bool {
	return slices.ContainsFunc(restores, func(r api.Restore) bool {
		backup, known := c.revisions[r.Backup]
		if !known || r.Phase == api.RestoreFailed || a.version <= backup || r.Revision > 0 && a.version >= r.Revision-bump {
			return false
		}
		// An object's time is cut to the second.
		return a.at.IsZero() || !a.at.Add(time.Second).Before(r.BackupAt) && !a.at.After(r.Lost)
	})
}

// checkBackups compares the catalogue with the files, and reads every one of them.
func (c *cluster) checkBackups(ctx context.Context, bad complaint) {
	p, err := c.provider()
	if err != nil {
		bad("backups: %s", oneLine(err))
		return
	}
	backups, err := p.Backups(ctx)
	if err != nil {
		bad("backups: %s", oneLine(err))
		return
	}
	for _, b := range backups {
		if _, err := os.Stat(filepath.Join(c.dir, "backups", b.ID+".backup")); err != nil {
			bad("backup %s is in the catalogue, and its file is not there: %v", b.ID, err)
		}
	}
	if len(backups) > 0 { // the others were read before
		b := backups[len(backups)-1]
		if v, err := p.VerifyBackup(ctx, b.ID); err != nil || !v.Verified {
			bad("backup %s does not verify: %v %s", b.ID, err, v.Problem)
		}
	}
}

// checkReplicas checks that all replicas run and have the same log.
func (c *cluster) checkReplicas(ctx context.Context, bad complaint) {
	err := c.hurry(ctx, "the replicas agree", func() (bool, error) {
		p, err := c.provider()
		if err != nil {
			return false, err
		}
		replicas, err := p.Replicas(ctx)
		if err != nil {
			return false, err
		}
		for _, r := range replicas {
			if r.State == "stopped" || r.Applied != replicas[0].Applied || r.Last != replicas[0].Last || r.Term != replicas[0].Term {
				return false, fmt.Errorf("%+v", replicas)
			}
		}
		return len(replicas) == 3, nil
	})
	if err != nil {
		bad("%s", oneLine(err))
	}
}
