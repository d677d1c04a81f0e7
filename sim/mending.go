package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// addMended remembers what was damaged and is mended, for whoever started the
// engine. Once the cluster is ready the timeline alone has it.
func (c *Cluster) addMended(m api.Mended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readyAt.IsZero() {
		c.mended = append(c.mended, m)
	}
}

// bringUp starts the control plane, or lets the provider's plane finish a restore
// that the end of the last engine has interrupted, or begin one if etcd's data
// is gone.
func (c *Cluster) bringUp(ctx context.Context) error {
	c.incidents.load(c.operations.replicas.State().Incidents)
	if !c.operations.replicas.Unfinished() {
		err := c.plane.Start(ctx)
		if err == nil || len(c.lostMembers()) == 0 {
			c.operations.operator.Begin()
			return err
		}
	}
	c.setPhase("restore of etcd")
	began, lost := time.Now(), c.lostMembers()
	c.operations.operator.Begin()
	var failed *api.Restore
	err := c.await(ctx, "the restored control plane", func() bool {
		failed = c.failedRestore(began)
		return failed != nil || !c.operations.replicas.Unfinished() && len(c.lostMembers()) == 0 && plant{c}.Serving(ctx) == nil
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%s, and it could not be restored: %s; nothing was removed, the data is in %s: put a whole copy of it back, "+
			"or the file of a backup into %s, and run demarc up again (demarc down --delete gives the cluster up)",
			failed.Reason, failed.Error, filepath.Join(c.dir, "etcd"), filepath.Join(c.dir, "backups"))
	case err == nil:
		c.etcdMended(began, lost)
	}
	return err
}

// failedRestore is the newest restore, if it has failed since a time.
func (c *Cluster) failedRestore(since time.Time) *api.Restore {
	list := c.Restores()
	if len(list) == 0 {
		return nil
	}
	if r := list[len(list)-1]; r.Phase == api.RestoreFailed && !r.End.Before(since) {
		return &r
	}
	return nil
}

// etcdMended notes by which the members that were lost at a time were mended.
func (c *Cluster) etcdMended(since time.Time, lost []provider.Member) {
	if list := c.Restores(); len(list) > 0 && !list[len(list)-1].End.Before(since) {
		r := list[len(list)-1]
		c.addMended(api.Mended{Subject: "etcd", Found: r.Reason, Remedy: fmt.Sprintf(
			"restored from backup %s: what was written in the %s before is gone; what was damaged is kept in %s",
			r.Backup, (time.Duration(r.RPOSeconds) * time.Second).String(), filepath.Join(c.dir, "etcd.lost"))})
		return
	}
	for _, m := range lost {
		c.addMended(api.Mended{Subject: m.Name, Found: m.Lost, Remedy: "a new member has learned everything from the others; nothing is lost"})
	}
}

// lostMembers are the members of etcd that have lost their data.
func (c *Cluster) lostMembers() []provider.Member {
	var lost []provider.Member
	for _, m := range (plant{c}).Members() {
		if m.Lost != "" {
			lost = append(lost, m)
		}
	}
	return lost
}
