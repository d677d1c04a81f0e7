package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"demarc/sim/timeline"
)

// Space is how etcd stands to the quota of its database.
type Space struct {
	// Alarm says that the alarm NOSPACE is raised: etcd refuses every request that
	// may write, and serves reads and deletes.
	Alarm bool
	// Revision is etcd's.
	Revision int64
	// Members are those that run: each has a database of its own.
	Members []MemberSpace
}

// MemberSpace is the space that a member's database takes, in bytes.
type MemberSpace struct {
	// Name is that of its [Component].
	Name string
	// Size is the database's, InUse what of it is not free pages.
	Size, InUse int64
	// Quota is the size at which etcd raises the alarm.
	Quota int64
}

// Shares of the quota, in percent. The gap between the two is what defragmenting
// must gain, so that it is not done again and again for nothing.
const (
	// roomAt is the size below which there is room for writes again.
	roomAt = 95
	// defragAt is what must be in use at the most for a database to be defragmented.
	defragAt = 90
	// slackAt is the share of free pages from which one that still has room is, too: it
	// would be the next to be full.
	slackAt = 50
)

func (m MemberSpace) roomy() bool { return m.Size < m.Quota/100*roomAt }

func (m MemberSpace) defragmentable() bool {
	return m.InUse < m.Quota/100*defragAt && (!m.roomy() || m.Size-m.InUse > m.Quota/100*slackAt)
}

// spaceStep is one step of mending a full etcd.
type spaceStep int

const (
	spaceIsFine spaceStep = iota
	// compactHistory: old revisions are in the way. kube-apiserver compacts by
	// writing a key first, which etcd refuses now.
	compactHistory
	// defragment: a member's file has free pages, and its size is what counts.
	defragment
	// disarm: there is room again.
	disarm
	// awaitDeletes: what fills etcd is live. Only its owner can delete it.
	awaitDeletes
)

// nextStep decides what is done next about a full etcd, and to which member.
// Compacted is the revision up to which the history is known to be gone.
func nextStep(s Space, compacted int64) (step spaceStep, member string) {
	if !s.Alarm {
		return spaceIsFine, ""
	}
	if s.Revision > compacted {
		return compactHistory, ""
	}
	for _, m := range s.Members {
		if m.defragmentable() {
			return defragment, m.Name
		}
	}
	for _, m := range s.Members {
		if !m.roomy() {
			return awaitDeletes, ""
		}
	}
	return disarm, ""
}

// spaceTimeout bounds one step. All members serve again by then, or the next
// round begins again.
const spaceTimeout = 2 * time.Minute

// spaceWork is what one leadership knows of its work on a full etcd. The rest is
// etcd's own memory: a new leader finds the alarm and goes on.
type spaceWork struct {
	full      bool  // the alarm was seen
	compacted int64 // the revision up to which the history was dropped
	told      bool  // that only deletes make room
}

// spaceSteps is how many steps are taken in one round: enough to end the alarm, unless
// somebody deletes all the while, so that there is always more to compact.
const spaceSteps = 10

// mendSpace does what can be done about etcd's space alarm at this moment. A restore
// does not wait for it: that ends etcd, and with it the step that is under way.
func (w *watchdog) mendSpace(ctx context.Context, l *Leadership) {
	for range spaceSteps {
		if unfinished(l.State()) != nil || w.o.cfg.ControlPlane.Serving(ctx) != nil {
			return
		}
		s := w.o.cfg.ControlPlane.Space()
		w.seeSpace(s)
		step, member := nextStep(s, w.space.compacted)
		if step == awaitDeletes {
			w.awaitDeletes(s)
		}
		if step == spaceIsFine || step == awaitDeletes {
			return
		}
		if err := w.take(ctx, step, member, s); err != nil {
			w.o.note("failed to mend", etcd, err.Error())
			return
		}
	}
}

// seeSpace notes that the alarm is raised, or is no longer.
func (w *watchdog) seeSpace(s Space) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.Alarm:
		message := "the alarm NOSPACE: " + describe(s.Members) + "; writes are refused, reads and deletes are served"
		filled := int64(0)
		if _, known := w.o.cfg.Ledger.Open(etcd); !known {
			filled = w.o.cfg.ControlPlane.Filled()
			w.o.noteBecause(filled, "raised", etcd, message)
		}
		w.o.cfg.Ledger.Find(Finding{Subject: etcd, Since: time.Now(), Message: message, Event: filled})
	case w.space.full:
		w.o.cfg.Ledger.Close(etcd, time.Now())
	}
	w.space.full = s.Alarm
}

// awaitDeletes says, once, that what fills etcd is live, and what that is.
func (w *watchdog) awaitDeletes(s Space) {
	if w.space.told {
		return
	}
	w.space.told = true
	w.o.noteEvent(timeline.Event{
		Verb: "awaits deletes", Subject: etcd, Detail: &timeline.Detail{Uses: w.o.cfg.ControlPlane.Uses()},
		Message: "what fills it is live, and only deleting that makes room: " + describe(s.Members),
	})
}

// take takes one step, and says so.
func (w *watchdog) take(ctx context.Context, step spaceStep, member string, s Space) error {
	ctx, cancel := context.WithTimeout(ctx, spaceTimeout)
	defer cancel()
	plane := w.o.cfg.ControlPlane
	switch step {
	case compactHistory:
		if err := plane.Compact(ctx, s.Revision); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		if w.space.compacted == 0 { // later ones drop what is deleted meanwhile
			w.o.note("compacted", etcd, fmt.Sprintf("the history before revision %d", s.Revision))
		}
		w.space.compacted = s.Revision
	case defragment:
		if err := plane.Defragment(ctx, member); err != nil {
			return fmt.Errorf("defragment %s: %w", member, err)
		}
		w.o.note("defragmented", member, describe(plane.Space().Members))
	case disarm:
		if err := plane.Disarm(ctx); err != nil {
			return fmt.Errorf("disarm the alarm: %w", err)
		}
		w.space.compacted, w.space.told = 0, false
		w.o.note("disarmed", etcd, "the alarm NOSPACE: "+describe(s.Members)+"; writes are served again")
	}
	return nil
}

// describe says how large the members' databases are, in MiB.
func describe(members []MemberSpace) string {
	var parts []string
	for _, m := range members {
		parts = append(parts, fmt.Sprintf("%s has %d MiB of %d MiB, %d MiB in use", m.Name, m.Size>>20, m.Quota>>20, m.InUse>>20))
	}
	return strings.Join(parts, ", ")
}
