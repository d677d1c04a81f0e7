package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// BringUp starts the control plane, or lets the provider's plane finish a restore
// that the end of the last engine has interrupted, or begin one if etcd's data
// is gone. That of a cluster that is stopped stays down, or goes on with its stop or start.
func (m *Management) BringUp(ctx context.Context) error {
	m.Ledger.Load(m.Memory.State().Incidents)
	if m.Off() {
		if err := m.dropStagedRestore(); err != nil {
			return err
		}
		err := m.Plane.PowerOff(ctx)
		m.Operator.Begin()
		return err
	}
	if err := m.takeStagedRestore(ctx); err != nil {
		return err
	}
	if !m.Memory.Unfinished() {
		err := m.Plane.Start(ctx)
		if err == nil || len(m.lostMembers()) == 0 {
			m.Operator.Begin()
			return err
		}
	}
	m.Phase("restore of etcd")
	began, lost := time.Now(), m.lostMembers()
	m.Operator.Begin()
	var failed *api.Restore
	err := m.Await(ctx, "the restored control plane", func() bool {
		failed = m.failedRestore(began)
		return failed != nil || !m.Memory.Unfinished() && len(m.lostMembers()) == 0 && managed{m}.Serving(ctx) == nil
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%s, and it could not be restored: %s; nothing was removed, the data is in %s: put a whole copy of it back, "+
			"or the file of a backup into %s, and run demarc up again (demarc down --delete gives the cluster up)",
			failed.Reason, failed.Error, filepath.Join(m.Dir, "etcd"), filepath.Join(m.Dir, "backups"))
	case err == nil:
		m.etcdMended(began, lost)
	}
	return err
}

// dropStagedRestore gives up a restore that was asked for of a cluster that is stopped: it is
// not allowed then.
func (m *Management) dropStagedRestore() error {
	err := os.Remove(filepath.Join(m.Dir, api.StagedRestore))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		m.Mended(api.Mended{Subject: "etcd", Found: "a restore was asked for", Remedy: "it was given up: " + m.Runs().Error()})
	}
	return err
}

// takeStagedRestore decides a restore that was asked for while the cluster was
// stopped.
func (m *Management) takeStagedRestore(ctx context.Context) error {
	path := filepath.Join(m.Dir, api.StagedRestore)
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
	if _, err := m.Operator.DecideRestore(ctx, m.Memory, req.Backup); err != nil {
		return err
	}
	return os.Remove(path)
}

// failedRestore is the newest restore, if it was necessary and has failed since a
// time.
func (m *Management) failedRestore(since time.Time) *api.Restore {
	list := m.Restores()
	if len(list) == 0 {
		return nil
	}
	if r := list[len(list)-1]; r.Phase == api.RestoreFailed && !r.Requested && !r.End.Before(since) {
		return &r
	}
	return nil
}

// etcdMended notes by which the members that were lost at a time were mended.
func (m *Management) etcdMended(since time.Time, lost []provider.Member) {
	if list := m.Restores(); len(list) > 0 && !list[len(list)-1].End.Before(since) {
		r := list[len(list)-1]
		if r.Phase == api.RestoreFailed {
			m.Mended(api.Mended{Subject: "etcd", Found: r.Reason, Remedy: "it failed: " + r.Error})
			return
		}
		m.Mended(api.Mended{Subject: "etcd", Found: r.Reason, Remedy: fmt.Sprintf(
			"restored from backup %s: what was written in the %s before is gone; what was damaged is kept in %s",
			r.Backup, (time.Duration(r.RPOSeconds) * time.Second).String(), filepath.Join(m.Dir, "etcd.lost"))})
		return
	}
	for _, x := range lost {
		m.Mended(api.Mended{Subject: x.Name, Found: x.Lost, Remedy: "a new member has learned everything from the others; nothing is lost"})
	}
}

// lostMembers are the members of etcd that have lost their data.
func (m *Management) lostMembers() []provider.Member {
	members := managed{m}.Members()
	return slices.DeleteFunc(members, func(x provider.Member) bool { return x.Lost == "" })
}
