package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/fault"
)

// retryBackup is how long after a backup that failed the next attempt at the
// same slot is made. It ends when the next slot is due.
const retryBackup = time.Minute

// slotSubject names the backup of a slot in incidents and on the timeline.
func slotSubject(slot time.Time) string { return subjectOf(backup.ID(slot)) }

func subjectOf(id string) string { return "backup/" + id }

// backUp takes a backup for every slot of the schedule. What the log does not
// have was not taken, whoever led at its time.
func (o *Operator) backUp(ctx context.Context, l *Leadership) {
	for ctx.Err() == nil {
		if l.State().Off() { // nothing changes, and nothing is due
			clock.Sleep(ctx, clock.UntilTick(time.Now(), api.BackupInterval))
			continue
		}
		slot, missed, next := backup.Due(time.Now(), cmp.Or(l.State().LastSlot, o.cfg.Created), api.BackupInterval)
		o.giveUp(ctx, l, missed)
		if slot.IsZero() {
			clock.Sleep(ctx, time.Until(next))
			continue
		}
		if o.takeSlot(ctx, l, slot, next) {
			o.patrol(ctx, l)
		} else {
			clock.Sleep(ctx, min(retryBackup, time.Until(next)))
		}
	}
}

// giveUp notes the slots that nobody took in time.
func (o *Operator) giveUp(ctx context.Context, l *Leadership, missed []time.Time) {
	for _, slot := range missed {
		o.findLate(l, slot, "missed: no backup was taken before the next was due")
		o.note("missed", slotSubject(slot), "no backup was taken before the next was due")
		o.cfg.Ledger.Close(slotSubject(slot), time.Now())
		if l.Apply(ctx, SetLastSlot(slot)) != nil {
			return
		}
	}
}

// findLate enters that a slot has no backup in time, and what that was waiting for
// as far as is known: etcd if that is out, or else the disk that backups are on. Of a cluster
// that was stopped meanwhile nobody wants one.
func (o *Operator) findLate(l *Leadership, slot time.Time, message string) {
	if l.State().Off() {
		return
	}
	because := string(fault.BackupStore)
	if _, out := o.cfg.Ledger.Open(etcd); out {
		because = etcd
	}
	o.cfg.Ledger.Find(Finding{Subject: slotSubject(slot), Since: slot, Because: because, Message: message})
}

// takeSlot takes the backup of a slot, and says whether the slot is done with.
// At the next slot it is too late.
func (o *Operator) takeSlot(ctx context.Context, l *Leadership, slot, next time.Time) bool {
	subject := slotSubject(slot)
	ctx, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	late := time.AfterFunc(time.Until(slot.Add(backup.Tolerance)), func() {
		o.findLate(l, slot, fmt.Sprintf("late: not taken %s after its slot", backup.Tolerance))
	})
	defer late.Stop()
	b, err := o.take(ctx, backup.Meta{ID: backup.ID(slot), Slot: slot, Replace: true})
	if err == nil {
		err = l.Apply(ctx, Backups.Put(b), SetLastSlot(slot))
	}
	switch {
	case errors.Is(err, ErrNotLeader) || errors.Is(ctx.Err(), context.Canceled):
		return false // whoever leads now takes it
	case err != nil && l.State().Off():
		return false // it is not due any more
	}
	if err != nil {
		o.findLate(l, slot, err.Error())
		o.note("failed to back up", subject, err.Error())
		return false
	}
	if backup.Late(slot, b.At) {
		o.findLate(l, slot, fmt.Sprintf("late by %s", b.At.Sub(slot).Round(time.Second)))
	}
	o.note("backed up", subject, fmt.Sprintf("etcd at revision %d: %d keys, %d bytes, from %s", b.Revision, b.Keys, b.Bytes, b.Member))
	o.cfg.Ledger.Close(subject, time.Now())
	return true
}

// take takes one backup from a member that serves.
func (o *Operator) take(ctx context.Context, m backup.Meta) (api.Backup, error) {
	source, release, err := o.cfg.ControlPlane.Source(ctx)
	if err != nil {
		return api.Backup{}, err
	}
	defer release()
	m.KubernetesVersion = o.cfg.KubernetesVersion()
	return o.cfg.Store.Take(ctx, source, m)
}

// adoptStrays brings store and catalogue together after a crash between the two:
// a whole file that the catalogue does not know is entered, and one that is to
// be kept no longer is removed. The key may be another than that of the last engine,
// so what opens now, and what does not any more, is entered too.
func (o *Operator) adoptStrays(ctx context.Context, l *Leadership) {
	known := l.State().Backups
	for _, id := range o.cfg.Store.IDs() {
		if _, ok := known[id]; ok || ctx.Err() != nil {
			continue
		}
		b, err := o.cfg.Store.Adopt(ctx, id)
		if err != nil {
			o.note("found", subjectOf(id), "a file that is not in the catalogue: "+err.Error())
			continue
		}
		if l.Apply(ctx, Backups.Put(b), SetLastSlot(b.Slot)) == nil {
			o.note("adopted", subjectOf(id), "a whole backup that a crash had kept out of the catalogue")
		}
	}
	for _, b := range catalogue(l.State()) {
		if _, err := o.cfg.Store.Inspect(o.cfg.Store.Path(b.ID)); (err == nil) != b.Verified {
			_ = o.verify(ctx, l, b) // what is wrong is an incident
		}
	}
	o.expire(ctx, l)
}

// patrol looks after the backups that are there, each time that there is a new
// one: what is to be kept no longer goes, and of the rest the one that was not
// looked at for the longest time is read.
func (o *Operator) patrol(ctx context.Context, l *Leadership) {
	o.expire(ctx, l)
	var oldest *api.Backup
	for _, b := range catalogue(l.State()) {
		if b.Verified && (oldest == nil || b.VerifiedAt.Before(oldest.VerifiedAt)) {
			oldest = &b
		}
	}
	if oldest != nil {
		_ = o.verify(ctx, l, *oldest) // what is wrong is an incident
	}
}

// expire removes the backups that are to be kept no longer: first from the
// catalogue, so that it never names a file that is not there.
func (o *Operator) expire(ctx context.Context, l *Leadership) {
	for _, b := range backup.Expired(catalogue(l.State()), time.Now(), o.cfg.Policy) {
		if l.Apply(ctx, Backups.Delete(b.ID)) != nil {
			return
		}
		if err := o.cfg.Store.Remove(b.ID); err != nil && !isMissing(err) {
			o.note("failed to remove", subjectOf(b.ID), err.Error())
		}
	}
}

func isMissing(err error) bool {
	bad, ok := errors.AsType[*backup.BadError](err)
	return ok && bad.Kind == backup.Missing
}

// verify reads a backup and enters in the catalogue what it found. It returns
// what is wrong with the backup, if something is.
func (o *Operator) verify(ctx context.Context, l applier, b api.Backup) error {
	err := o.cfg.Store.Verify(ctx, b)
	if _, bad := errors.AsType[*backup.BadError](err); err != nil && !bad {
		return err // it could not be read: that says nothing
	}
	return errors.Join(err, l.Apply(ctx, Backups.Put(o.judge(b, err))))
}

// judge is the entry of a backup that has been read, with what is wrong with it
// if something is. That a backup cannot be used is an incident.
func (o *Operator) judge(b api.Backup, bad error) api.Backup {
	b.Verified, b.VerifiedAt, b.Problem = bad == nil, time.Now().UTC(), ""
	if bad == nil {
		o.cfg.Ledger.Close(subjectOf(b.ID), time.Now())
		return b
	}
	b.Problem = bad.Error()
	o.cfg.Ledger.Find(Finding{Subject: subjectOf(b.ID), Since: time.Now(), Message: b.Problem})
	return b
}

// applier commits commands: a [Leadership], or all [Replicas].
type applier interface {
	Apply(ctx context.Context, commands ...Command) error
}

// catalogue is all backups of a state, oldest first.
func catalogue(s State) []api.Backup {
	list := backup.Choose(slices.Collect(maps.Values(s.Backups)), "")
	slices.Reverse(list)
	return list
}
