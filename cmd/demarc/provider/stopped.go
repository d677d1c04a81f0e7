package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"demarc/backup"
	"demarc/cmd/demarc/command"
	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/engine"
)

// backupSource answers questions about backups: the engine, or what is to be read without
// one, from the files of a cluster that is stopped.
func backupSource(env *command.Env) (*api.Actions, *stoppedBackups, error) {
	dir, err := env.Dir()
	if err != nil {
		return nil, nil, err
	}
	c, err := engine.AttachAs(dir, env.Role())
	if err == nil {
		env.Counts(c)
		return &c.Actions, nil, nil
	}
	if !errors.Is(err, engine.ErrNotRunning) {
		return nil, nil, err
	}
	if _, err := os.Stat(backup.StoreDir(dir)); err != nil {
		return nil, nil, env.NotRunning(dir)
	}
	if env.Role() != api.RoleProvider {
		return nil, nil, &engine.InputError{Message: "backups are the provider's: a customer cannot see or restore them", Hint: "as the provider: demarc --as provider backup …"}
	}
	fmt.Fprintf(env.Err, "the cluster %s is stopped: reading the files of its backups\n", env.Name)
	key, err := backup.ReadKey(backup.KeyFile(dir), backup.StoreDir(dir))
	if err != nil {
		return nil, nil, command.BadInput(err)
	}
	store, err := backup.OpenStore(backup.StoreDir(dir), backup.ClusterID(dir, env.Name), key)
	s := &stoppedBackups{dir: dir, store: store}
	return &api.Actions{Backups: s.Backups, Backup: s.Backup, VerifyBackup: s.VerifyBackup}, s, err
}

// stoppedBackups are the backups of a cluster that is stopped.
type stoppedBackups struct {
	dir   string
	store *backup.Store
}

// Backups reads all of them.
func (s *stoppedBackups) Backups(ctx context.Context) ([]api.Backup, error) {
	list := []api.Backup{}
	for _, id := range s.store.IDs() {
		b, err := s.VerifyBackup(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// Backup reads one.
func (s *stoppedBackups) Backup(ctx context.Context, id string) (api.Backup, error) {
	return s.VerifyBackup(ctx, id)
}

// VerifyBackup reads one. That it is bad is an answer, unless it is not there.
func (s *stoppedBackups) VerifyBackup(ctx context.Context, id string) (api.Backup, error) {
	b, err := s.store.Adopt(ctx, id)
	bad, ok := errors.AsType[*backup.BadError](err)
	switch {
	case ok && bad.Kind == backup.Missing:
		return b, command.BadInput(err)
	case ok:
		h, _ := s.store.Inspect(s.store.Path(id)) // what can be read of it
		return api.Backup{
			ID: id, Slot: h.Slot, At: h.At, Member: h.Member, KubernetesVersion: h.KubernetesVersion,
			EtcdVersion: h.EtcdVersion, ClusterID: h.ClusterID, Problem: err.Error(),
		}, nil
	}
	return b, err
}

// stageRestore asks the next start for a restore, of a backup that verifies.
func stageRestore(ctx context.Context, env *command.Env, s *stoppedBackups, req api.RestoreRequest) error {
	list, err := s.Backups(ctx)
	if req.Backup != "" {
		var b api.Backup
		b, err = s.VerifyBackup(ctx, req.Backup)
		list = []api.Backup{b}
	}
	if err != nil {
		return err
	}
	usable, problem := false, "there is no backup"
	for _, b := range list {
		if usable = usable || b.Verified; b.Problem != "" {
			problem = b.Problem
		}
	}
	if !usable {
		return &engine.InputError{Message: "there is nothing to restore from: " + problem}
	}
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, api.StagedRestore)
	if err := disk.Replace(path, body, true); err != nil {
		return err
	}
	if env.JSON() {
		return env.Value(api.Restore{Phase: api.RestoreStaged, Requested: true, Wanted: req.Backup})
	}
	what := "the newest backup that verifies"
	if req.Backup != "" {
		what = "backup " + req.Backup
	}
	_, err = fmt.Fprintf(env.Out, "the next demarc up restores %s; to think better of it, remove %s\n", what, path)
	return err
}
