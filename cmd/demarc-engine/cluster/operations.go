package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/backup"
	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/disk"
	"demarc/sim/timeline"
)

// operations is the provider's own plane of this cluster: its replicated memory,
// the loops that its leader runs, and the backups.
type operations struct {
	replicas *provider.Replicas
	operator *provider.Operator
	store    *backup.Store
	log      *disk.Log
	token    string // of the provider's role in the management API
	ended    sync.Once
}

// operate opens the provider's plane. Its loops wait until they are told to
// begin.
func (c *Cluster) operate() (err error) {
	dir := filepath.Join(c.dir, "provider")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	o := &operations{}
	c.operations = o
	if o.token, err = c.token(api.RoleProvider); err != nil {
		return err
	}
	store := backup.StoreDir(c.dir)
	key, err := c.backupKey(store)
	if err != nil {
		return err
	}
	if o.store, err = backup.OpenStore(store, c.plane.ID(), key); err != nil {
		return err
	}
	o.store.Sync, o.store.Rest = !c.cfg.Ephemeral, c.dial.Rest
	if o.log, err = disk.OpenLog(filepath.Join(c.dir, "logs", "provider.log")); err != nil {
		return err
	}
	o.operator = provider.NewOperator(provider.OperatorConfig{
		Name: c.spec.Name, Created: c.spec.Start, KubernetesVersion: c.plane.Version, Note: c.log.Append,
		ControlPlane: managed{c}, Nodes: workers{c}, Cloud: vms{c},
		Addons: c.leadAddons, Desk: c.leadDesk, Ledger: c.incidents, Store: o.store, Policy: c.spec.Backups,
		Patcher: patcher{c}, VendorFixAge: vendorFixAge[c.spec.Edition],
	})
	if o.replicas, err = provider.Open(provider.Config{
		Dir: filepath.Join(dir, "replicas"), Sync: !c.cfg.Ephemeral, Log: o.log, Lead: o.operator.Lead, Note: c.noteReplica,
	}); err != nil {
		return err
	}
	c.faults.Replicas, c.faults.Store, c.faults.Disk = o.replicas, o.store, o.store.Disk()
	if err := c.await(c.ctx, "the provider's plane", func() bool { _, ok := o.replicas.Leader(); return ok }); err != nil {
		return err
	}
	if late := time.Until(o.replicas.State().Latest()); late > 0 && clock.Virtual {
		time.Sleep(late) // a clock that goes back would order what is to come before what has been
	}
	known := o.replicas.State().Cluster
	first := provider.Command{} // one that is resumed has its own settings
	if known.KubernetesVersion == "" {
		first = provider.SetSettings(api.ClusterSettings{FeatureGates: c.spec.FeatureGates})
	}
	wanted, err := c.wantedCluster(known)
	if err != nil {
		return err
	}
	if err := o.replicas.Apply(c.ctx, provider.Batch(first, provider.SetCluster(wanted))); err != nil {
		return err
	}
	return c.plane.SetVersion(o.replicas.State().ControlPlaneVersion())
}

// backupKey is the key of backups. That it opens none of those in store is said.
func (c *Cluster) backupKey(store string) ([]byte, error) {
	file := backup.KeyFile(c.dir)
	_, before := backup.ReadKey(file, store)
	key, err := backup.LoadKey(file, store, c.cfg.NewBackupKey)
	if err != nil || backup.Fits(key, store) {
		return key, err
	}
	m := api.Mended{Subject: filepath.Base(file), Found: "it opens none of the backups", Remedy: "they are kept, and cannot be restored before their key is back"}
	if lost, ok := errors.AsType[*backup.KeyError](before); ok {
		m.Found, m.Remedy = "it "+lost.Problem, "a new one was made; the backups of before are kept, and cannot be restored before their key is back"
	}
	c.loaded.Mended = append(c.loaded.Mended, m)
	return key, nil
}

// noteReplica is told what happens to a replica of the provider's plane.
func (c *Cluster) noteReplica(replica string, verb timeline.Verb, message string) {
	c.log.Append(timeline.Event{Actor: timeline.Provider, Verb: verb, Subject: replicaName(replica), Message: message})
	if cost, ok := memoryCosts[verb]; ok {
		c.addMended(api.Mended{Subject: replicaName(replica), Found: message, Remedy: cost})
	}
}

// close ends the plane, if there is one and it has not ended.
func (o *operations) close() (err error) {
	if o == nil {
		return nil
	}
	o.ended.Do(func() {
		if o.replicas != nil {
			err = o.replicas.Close()
		}
		if o.log != nil {
			err = errors.Join(err, o.log.Close())
		}
	})
	return err
}

// Backups implements [script.World].
func (c *Cluster) Backups() []api.Backup { return c.operations.replicas.Catalogue() }

// Restores implements [script.World].
func (c *Cluster) Restores() []api.Restore {
	return provider.Restores.List(c.operations.replicas.State())
}

// Replicas implements [script.World].
func (c *Cluster) Replicas() []api.Replica { return c.operations.replicas.Status() }

// Backup is the backup of that ID.
func (c *Cluster) Backup(id string) (api.Backup, error) { return c.operations.replicas.Find(id) }

// TakeBackup takes a backup now.
func (c *Cluster) TakeBackup(ctx context.Context) (api.Backup, error) {
	return c.operations.operator.Take(ctx, c.operations.replicas)
}

// VerifyBackup reads a backup back. That it is bad is an answer, and no failure of the
// question.
func (c *Cluster) VerifyBackup(ctx context.Context, id string) (api.Backup, error) {
	b, err := c.operations.operator.Verify(ctx, c.operations.replicas, id)
	if _, bad := errors.AsType[*backup.BadError](err); bad {
		err = nil
	}
	return b, err
}

// DeleteBackup deletes a backup.
func (c *Cluster) DeleteBackup(ctx context.Context, id string) error {
	return c.operations.operator.Delete(ctx, c.operations.replicas, id)
}

// Restore asks for a restore.
func (c *Cluster) Restore(ctx context.Context, r api.RestoreRequest) (api.Restore, error) {
	return c.operations.operator.RequestRestore(ctx, c.operations.replicas, r.Backup)
}

// Names of the replicas in faults, incidents and on the timeline.

func replicaName(replica string) string { return "provider/" + replica }

func replicaIndex(subject string) (int, bool) {
	n, ok := strings.CutPrefix(subject, "provider/")
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(n)
	return i, err == nil
}

// replicaWell says whether a replica runs and reaches the others.
func (o *operations) replicaWell(i int) error {
	s := o.replicas.Status()[i]
	if s.State == "stopped" || s.Network != "up" {
		return fmt.Errorf("replica %s is %s, its network %s", s.Name, s.State, s.Network)
	}
	return nil
}
