package operate

import (
	"context"
	"errors"

	"demarc/backup"
	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// Backups implements [run.World].
func (m *Management) Backups() []api.Backup { return m.Memory.Catalogue() }

// Restores implements [run.World].
func (m *Management) Restores() []api.Restore {
	return provider.Restores.List(m.Memory.State())
}

// Replicas implements [run.World].
func (m *Management) Replicas() []api.Replica { return m.Memory.Status() }

// Backup is the backup of that ID.
func (m *Management) Backup(id string) (api.Backup, error) { return m.Memory.Find(id) }

// TakeBackup takes a backup now.
func (m *Management) TakeBackup(ctx context.Context) (api.Backup, error) {
	return m.Operator.Take(ctx, m.Memory)
}

// VerifyBackup reads a backup back. That it is bad is an answer, and no failure of the
// question.
func (m *Management) VerifyBackup(ctx context.Context, id string) (api.Backup, error) {
	b, err := m.Operator.Verify(ctx, m.Memory, id)
	if _, bad := errors.AsType[*backup.BadError](err); bad {
		err = nil
	}
	return b, err
}

// DeleteBackup deletes a backup.
func (m *Management) DeleteBackup(ctx context.Context, id string) error {
	return m.Operator.Delete(ctx, m.Memory, id)
}

// Restore asks for a restore.
func (m *Management) Restore(ctx context.Context, r api.RestoreRequest) (api.Restore, error) {
	return m.Operator.RequestRestore(ctx, m.Memory, r.Backup)
}
