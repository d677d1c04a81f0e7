package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/strictjson"
	"demarc/sim/timeline"
)

// memoryCosts are what it costs that a replica of the provider's plane has lost its
// memory, by the verb of what was done.
var memoryCosts = map[timeline.Verb]string{
	provider.Damaged: "nothing is lost",
	provider.Copied:  "what the other replica had not heard yet is lost",
	provider.Forgotten: "backups are entered again from their files, versions and settings from the newest of them and state.json; " +
		"incidents, repairs, consents and support cases of before are lost",
}

// mend puts something that was mended on the timeline, and remembers it.
func (c *Cluster) mend(m api.Mended) {
	c.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "mended", Subject: m.Subject, Message: m.Found + "; " + m.Remedy})
	c.addMended(m)
}

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
	c.incidents.Load(c.operations.replicas.State().Incidents)
	if err := c.takeStagedRestore(ctx); err != nil {
		return err
	}
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
		return failed != nil || !c.operations.replicas.Unfinished() && len(c.lostMembers()) == 0 && managed{c}.Serving(ctx) == nil
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

// takeStagedRestore decides a restore that was asked for while the cluster was
// stopped.
func (c *Cluster) takeStagedRestore(ctx context.Context) error {
	path := filepath.Join(c.dir, api.StagedRestore)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var req api.RestoreRequest
	if err := strictjson.Decode(b, &req); err != nil { // a damaged name of a field is not to ask for the newest backup
		return fmt.Errorf("the request for a restore in %s cannot be read (%w): ask again, or remove it", path, err)
	}
	if _, err := c.operations.operator.DecideRestore(ctx, c.operations.replicas, req.Backup); err != nil {
		return err
	}
	return os.Remove(path)
}

// failedRestore is the newest restore, if it was necessary and has failed since a
// time.
func (c *Cluster) failedRestore(since time.Time) *api.Restore {
	list := c.Restores()
	if len(list) == 0 {
		return nil
	}
	if r := list[len(list)-1]; r.Phase == api.RestoreFailed && !r.Requested && !r.End.Before(since) {
		return &r
	}
	return nil
}

// etcdMended notes by which the members that were lost at a time were mended.
func (c *Cluster) etcdMended(since time.Time, lost []provider.Member) {
	if list := c.Restores(); len(list) > 0 && !list[len(list)-1].End.Before(since) {
		r := list[len(list)-1]
		if r.Phase == api.RestoreFailed {
			c.addMended(api.Mended{Subject: "etcd", Found: r.Reason, Remedy: "it failed: " + r.Error})
			return
		}
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
	for _, m := range (managed{c}).Members() {
		if m.Lost != "" {
			lost = append(lost, m)
		}
	}
	return lost
}
