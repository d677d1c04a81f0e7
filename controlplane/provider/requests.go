package provider

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"demarc/backup"
	"demarc/sim/api"
)

// What the provider's own people can ask of the plane. Customers cannot: the
// support policy keeps backups from them (Microsoft, "Support policies for Azure
// Kubernetes Service", 2019-04-01, and 2026-08-27: no restore on demand).

// Unfinished says whether a restore was decided and is not over yet.
func (r *Replicas) Unfinished() bool { return unfinished(r.State()) != nil }

// Catalogue is all backups, oldest first.
func (r *Replicas) Catalogue() []api.Backup { return catalogue(r.State()) }

// Find is a backup of the catalogue by its ID; latest is the newest. If there is
// none the error has the status 404.
func (r *Replicas) Find(id string) (api.Backup, error) {
	if list := r.Catalogue(); id == "latest" && len(list) > 0 {
		return list[len(list)-1], nil
	}
	if b, ok := r.State().Backups[id]; ok {
		return b, nil
	}
	return api.Backup{}, api.Errorf(http.StatusNotFound, "the catalogue has no backup %q; demarc --as provider backup list lists them", id)
}

// Verify reads a backup now and enters the result in the catalogue. The error
// says what is wrong with it. A file in the store that the catalogue does not
// know is entered if it is a whole backup of this cluster.
func (o *Operator) Verify(ctx context.Context, r *Replicas, id string) (api.Backup, error) {
	b, err := r.Find(id)
	if err != nil && slices.Contains(o.cfg.Store.IDs(), id) {
		if b, err = o.cfg.Store.Adopt(ctx, id); err != nil {
			return api.Backup{ID: id, Problem: err.Error()}, err
		}
		return b, r.Apply(ctx, Backups.Put(b))
	}
	if err != nil {
		return b, err
	}
	err = o.verify(ctx, r, b)
	if now, ferr := r.Find(b.ID); ferr == nil {
		b = now
	}
	return b, err
}

// Take takes a backup now, beside the schedule.
func (o *Operator) Take(ctx context.Context, r *Replicas) (api.Backup, error) {
	if err := r.State().Runs(); err != nil {
		return api.Backup{}, err
	}
	now := time.Now().UTC()
	b, err := o.take(ctx, backup.Meta{ID: backup.ManualID(now), Slot: now.Truncate(time.Second), Replace: true})
	if err != nil {
		return b, err
	}
	return b, r.Apply(ctx, Backups.Put(b))
}

// Delete removes a backup, first from the catalogue.
func (o *Operator) Delete(ctx context.Context, r *Replicas, id string) error {
	b, err := r.Find(id)
	if err != nil {
		return err
	}
	if err := r.Apply(ctx, Backups.Delete(b.ID)); err != nil {
		return err
	}
	if err := o.cfg.Store.Remove(b.ID); !isMissing(err) {
		return err
	}
	return nil
}

// RequestRestore has the leader restore a backup, or the newest that verifies if
// id is empty. It returns as soon as that is in the log.
func (o *Operator) RequestRestore(ctx context.Context, r *Replicas, id string) (api.Restore, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	if running := unfinished(r.State()); running != nil {
		return api.Restore{}, fmt.Errorf("restore %s is under way: wait until it has ended", running.ID)
	}
	if err := r.State().awake(); err != nil {
		return api.Restore{}, err
	}
	if id != "" {
		b, err := r.Find(id)
		if err != nil {
			return api.Restore{}, err
		}
		id = b.ID
	}
	return o.DecideRestore(ctx, r, id)
}

// DecideRestore is RequestRestore without a look at the catalogue, which may not be
// complete yet: for a request that was left for this start. One that has been decided
// and not begun, by a life that was killed before it took the request away, is that
// restore.
func (o *Operator) DecideRestore(ctx context.Context, r *Replicas, id string) (api.Restore, error) {
	if u := unfinished(r.State()); u != nil && u.Requested && u.Wanted == id && u.Phase == api.RestoreDecided {
		return *u, nil
	}
	now := time.Now().UTC()
	want := api.Restore{
		ID: newRestoreID(now), Phase: api.RestoreDecided, Requested: true, Wanted: id,
		Lost: now, Decided: now, Reason: "an operator of the provider asked for it",
	}
	return want, order(ctx, r, o.decided, Restores.Put(want))
}
