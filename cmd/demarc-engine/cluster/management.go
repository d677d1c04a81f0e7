package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"demarc/backup"
	"demarc/cmd/demarc-engine/cluster/desk"
	"demarc/cmd/demarc-engine/cluster/operate"
	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/sim/addon"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/client-go/dynamic"
)

// manage opens the provider's management plane, and makes the managed add-ons that it
// keeps.
func (c *Cluster) manage() error {
	cfg := c.plane.Provider()
	cfg.UserAgent = addon.FieldManager
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return err
	}
	c.installed = make(chan struct{})
	repaired := make(chan addon.Repair, 64)
	if c.addons, err = addon.New(addon.Config{
		Client: client, Note: func(r addon.Repair) { repaired <- r }, Grants: controlplane.Grants,
		Losing: func(x addon.Loss) { c.work.Go(func() { c.Management.Losing(x) }) },
	}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "provider"), 0o700); err != nil {
		return err
	}
	key, err := c.backupKey()
	if err != nil {
		return err
	}
	c.Management = &operate.Management{Config: operate.Config{
		Dir: c.dir, Ephemeral: c.cfg.Ephemeral, Spec: c.spec, BackupKey: key, Log: c.log, Dial: c.dial, Context: c.ctx,
		Plane: c.plane, Client: c.provider, Addons: c.addons, Repaired: repaired, Installed: c.installed, Ledger: c.incidents,
		Desk:   func(ctx context.Context, l *provider.Leadership) { c.Desk.Lead(ctx, l) },
		Refuse: c.refuse, Mended: c.addMended, Phase: c.setPhase, State: c.stateNow, Save: c.saveState, PoolChanged: c.poolChanged, Await: c.await,
	}}
	if err := c.Management.Open(); err != nil {
		return err
	}
	c.faults.Replicas, c.faults.Store, c.faults.Disk = c.Memory, c.Store, c.Store.Disk()
	return nil
}

// openDesk makes the support desk, which looks at everything else.
func (c *Cluster) openDesk() {
	c.Desk = desk.New(desk.Config{
		Edition: c.spec.Edition, Log: c.log, Replicas: c.Memory, Operator: c.Operator, Health: c.health, Fleet: c.fleet, Client: c.provider,
		Installed: c.installed, Version: c.plane.Version, Contract: c.Contract, Repairs: c.Repairs, Node: c.Node, Run: c.Run,
	})
}

// backupKey is the key of backups. That it opens none of those in the store is said.
func (c *Cluster) backupKey() ([]byte, error) {
	file, store := backup.KeyFile(c.dir), backup.StoreDir(c.dir)
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
