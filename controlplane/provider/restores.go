package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// restoreAll carries out restores that were decided, one after the other. One that an
// earlier leader began is begun again, or gone on with if its data is in place.
func (o *Operator) restoreAll(ctx context.Context, l *Leadership) {
	tasks{woken: o.decided, retry: retryBackup, open: func(context.Context) []run {
		r := unfinished(l.State())
		if r == nil {
			return nil
		}
		return []run{func(ctx context.Context) error { return o.restore(ctx, l, *r) }}
	}}.carryOut(ctx)
}

// restore carries out one restore.
func (o *Operator) restore(ctx context.Context, l *Leadership, r api.Restore) error {
	o.mending.Lock()
	defer o.mending.Unlock()
	err := o.carryOut(ctx, l, &r)
	if ctx.Err() != nil {
		return ctx.Err() // whoever leads next begins again
	}
	r.End = time.Now().UTC()
	if err != nil {
		r.Phase, r.Error = api.RestoreFailed, err.Error()
		o.note("failed to restore", etcd, err.Error())
	} else {
		r.Phase, r.Error = api.RestoreDone, ""
		e := timeline.Event{Verb: "restored", Subject: etcd, Message: account(&r)}
		if r.RPOSeconds >= 0 {
			e.Detail = &timeline.Detail{Undone: &timeline.Span{From: r.BackupAt.UTC(), To: r.Lost.UTC()}}
		}
		o.noteEvent(e)
	}
	return l.Apply(ctx, Restores.Put(r)) // if it is lost, the next leader finds that it is done
}

// account reckons what a restore has cost, and says it.
func account(r *api.Restore) string {
	lost, out := r.Lost.Sub(r.BackupAt), r.End.Sub(r.Lost)
	r.RPOSeconds, r.RTOSeconds = lost.Seconds(), out.Seconds()
	if lost < 0 {
		r.Error = fmt.Sprintf("how much is lost is not known: by its own time the backup was taken %s after the loss", -lost.Round(time.Second))
		return fmt.Sprintf("from backup %s; out for %s; %s", r.Backup, out.Round(time.Second), r.Error)
	}
	return fmt.Sprintf("from backup %s: what was written in the %s before the loss is gone; out for %s", r.Backup, lost.Round(time.Second), out.Round(time.Second))
}

// carryOut does the work: data, control plane, comparison with the nodes. Once the
// data is in place customers may have written to it: if an earlier leader came that
// far, it is put there again only if it is lost.
func (o *Operator) carryOut(ctx context.Context, l *Leadership, r *api.Restore) error {
	if r.Phase == api.RestoreStarting {
		err := o.resume(ctx, r)
		if do, _ := remedyFor(o.cfg.ControlPlane.Members()); err == nil || do != restoreCluster {
			return err
		}
	}
	r.Phase, r.Skipped, r.Backup = api.RestoreRestoring, nil, ""
	if err := l.Apply(ctx, Restores.Put(*r)); err != nil {
		return err
	}
	token, err := o.lay(ctx, l, r)
	if err != nil {
		return err
	}
	if r.Requested {
		r.Lost = time.Now().UTC() // until now customers could write
	}
	o.cfg.Ledger.Find(Finding{Subject: apiServer, Since: r.Lost, Message: "ended for a restore of etcd", Because: etcd})
	if err := o.cfg.ControlPlane.Commit(token); err != nil {
		return fmt.Errorf("put the restored data in place: %w", err)
	}
	r.Phase = api.RestoreStarting
	if err := l.Apply(ctx, Restores.Put(*r)); err != nil {
		return err
	}
	return o.resume(ctx, r)
}

// resume starts the control plane on the restored data. The nodes do what it says as soon
// as an API server serves, so what they ran is asked before.
func (o *Operator) resume(ctx context.Context, r *api.Restore) (err error) {
	ran := o.cfg.ControlPlane.Running()
	if r.Revision, err = o.cfg.ControlPlane.Resume(ctx); err != nil {
		return fmt.Errorf("start the control plane: %w", err)
	}
	o.cfg.Ledger.Close(apiServer, time.Now())
	if r.Reconciled, err = o.cfg.ControlPlane.Reconcile(ctx, ran); err != nil {
		o.note("failed to compare", "nodes", err.Error()) // they find together by themselves
	}
	return nil
}

// errNoBackup says that there is nothing to restore from.
var errNoBackup = errors.New("no backup of this cluster verifies: there is nothing to restore from")

// lay makes new data directories of the newest backup that verifies, or of the
// one that is wanted, beside the old ones. The ones that do not verify are kept,
// and said. It returns the new cluster's token.
func (o *Operator) lay(ctx context.Context, l *Leadership, r *api.Restore) (token string, err error) {
	members, token, err := o.cfg.ControlPlane.Stage()
	if err != nil {
		return "", fmt.Errorf("make room for the restored data: %w", err)
	}
	seen := highestRevision(l.State())
	for _, b := range backup.Choose(catalogue(l.State()), r.Wanted) {
		err := o.cfg.Store.Restore(ctx, b, members, backup.RestoreOptions{ClusterToken: token, RevisionBump: backup.RevisionBump(b, seen)})
		if err == nil {
			r.Backup, r.BackupAt = b.ID, b.At
			return token, nil
		}
		if _, bad := errors.AsType[*backup.BadError](err); !bad {
			return "", err // that says nothing about the backup
		}
		r.Skipped = append(r.Skipped, api.SkippedBackup{ID: b.ID, Reason: err.Error()})
		if err := l.Apply(ctx, Backups.Put(o.judge(b, err)), Restores.Put(*r)); err != nil {
			return "", err
		}
	}
	switch {
	case r.Wanted == "":
		return "", errNoBackup
	case len(r.Skipped) == 0:
		return "", fmt.Errorf("backup %s cannot be restored: it is not in the catalogue", r.Wanted)
	}
	return "", fmt.Errorf("backup %s cannot be restored: %s", r.Wanted, r.Skipped[0].Reason)
}

// highestRevision is the highest revision that the cluster is known to have had.
func highestRevision(s State) int64 {
	var n int64
	for _, b := range s.Backups {
		n = max(n, b.Revision)
	}
	for _, r := range s.Restores {
		n = max(n, r.Revision)
	}
	return n
}

// unfinished is the restore that is to be carried out, or nil.
func unfinished(s State) *api.Restore {
	return Restores.first(s, func(r api.Restore) bool { return r.Phase != api.RestoreDone && r.Phase != api.RestoreFailed })
}
