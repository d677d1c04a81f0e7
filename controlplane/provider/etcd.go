package provider

import (
	"context"
	"fmt"
	"time"

	"demarc/sim/api"
)

// replaceTimeout bounds the replacement of one member.
const replaceTimeout = 10 * time.Minute

// remedy is what is to be done about members that have lost their data.
type remedy int

const (
	nothing remedy = iota
	// replaceMember: a quorum has the data; the member learns it from the others.
	replaceMember
	// restoreCluster: no quorum can come back; only a backup has the data.
	restoreCluster
)

// remedyFor decides. Members that are merely down keep their data and count as
// whole: they may come back.
func remedyFor(members []Member) (r remedy, lost []Member) {
	for _, m := range members {
		if m.Lost != "" {
			lost = append(lost, m)
		}
	}
	quorum := len(members)/2 + 1
	switch {
	case len(lost) == 0:
		return nothing, nil
	case len(members)-len(lost) >= quorum:
		return replaceMember, lost
	}
	return restoreCluster, lost
}

// mendEtcd does what is to be done about lost data, one thing at a time.
func (w *watchdog) mendEtcd(ctx context.Context, l *Leadership) {
	o := w.o
	if r, _ := remedyFor(o.cfg.ControlPlane.Members()); r == restoreCluster {
		w.giveUp() // nobody is left to learn from
	}
	if !o.mending.TryLock() {
		return
	}
	r, lost := remedyFor(o.cfg.ControlPlane.Members())
	if r == replaceMember && o.cfg.ControlPlane.Serving(ctx) == nil {
		w.replace(ctx, lost[0])
		return
	}
	defer o.mending.Unlock()
	if r == restoreCluster {
		o.decideRestore(ctx, l, lost)
	}
}

// replace begins to replace one member, which nobody else looks after until that is
// over. The caller has locked what keeps out others; replace unlocks it.
func (w *watchdog) replace(ctx context.Context, m Member) {
	o := w.o
	o.note("replacing", m.Name, fmt.Sprintf("%s; a new member learns everything from the others", m.Lost))
	ctx, cancel := context.WithTimeout(ctx, replaceTimeout)
	w.mu.Lock()
	w.replaced, w.giveUp = m.Name, cancel
	w.mu.Unlock()
	w.work.Go(func() {
		defer o.mending.Unlock()
		defer cancel()
		err := o.cfg.ControlPlane.Replace(ctx, m.Name)
		w.mu.Lock()
		w.replaced = ""
		w.mu.Unlock()
		if err != nil {
			o.note("failed to replace", m.Name, err.Error())
			return
		}
		o.note("replaced", m.Name, "the learner has caught up and was promoted")
	})
}

// retryRestore is how long after a restore that failed the next is tried.
const retryRestore = time.Minute

// decideRestore logs the decision to restore. Nothing is done before it is in
// the log of two replicas, so that whoever leads then carries it out.
func (o *Operator) decideRestore(ctx context.Context, l *Leadership, lost []Member) {
	o.asking.Lock()
	defer o.asking.Unlock()
	if unfinished(l.State()) != nil {
		return // somebody has asked for one
	}
	now := time.Now().UTC()
	r := api.Restore{ID: newRestoreID(now), Decided: now, Lost: now}
	if i, ok := o.cfg.Ledger.Open(lost[0].Name); ok {
		r.Lost = i.Start
	}
	list := Restores.List(l.State())
	if n := len(list) - 1; n >= 0 && list[n].Phase == api.RestoreFailed && !list[n].Requested {
		last := list[n]
		if now.Before(last.End.Add(retryRestore)) {
			return
		}
		if !r.Lost.After(last.End) {
			r = last // another attempt at the same
		}
	}
	r.Phase = api.RestoreDecided
	r.Reason = fmt.Sprintf("%d of %d etcd members have lost their data (%s: %s)", len(lost), len(o.cfg.ControlPlane.Members()), lost[0].Name, lost[0].Lost)
	if err := l.Apply(ctx, Restores.Put(r)); err != nil {
		return // whoever leads next decides again
	}
	o.cfg.Ledger.Find(Finding{Subject: etcd, Since: r.Lost, Message: r.Reason})
	o.note("decided to restore", etcd, r.Reason)
	wake(o.decided)
}

func newRestoreID(decided time.Time) string { return "r" + decided.Format("20060102T150405Z") }
