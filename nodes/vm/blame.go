package vm

import (
	"maps"
	"slices"
	"time"

	"demarc/nodes/host"
	"demarc/sim/timeline"
)

// Watcher is told of what breaks on the machines and of what is well again. Its
// methods are called under the fleet's lock and must not call the fleet.
type Watcher interface {
	// Broke tells that a subject, such as node/NAME or kubelet/NAME, does not
	// work any more, and which event is the root of it.
	Broke(subject string, root timeline.Event, at time.Time)
	// Noticed tells that the node itself has noticed.
	Noticed(subject string, at time.Time)
	// Mended tells that the subject works again.
	Mended(subject string, at time.Time)
}

// Blame is what does not work on a machine, and whose doing that is.
type Blame struct {
	Watcher Watcher
	log     *timeline.Log
	node    string

	Root     timeline.Event     // what somebody did here last: it explains what happens now
	Edited   timeline.Event     // the last command in a shell that changed something
	Changed  map[string]bool    // what the timeline says that sessions have changed ([host.Change])
	Flaws    map[string]int64   // events that brought bad patches, by package
	Troubles map[string]Trouble // by subject
	Closed   bool               // nobody waits for the machine any more
}

// Trouble is something on a machine that does not work.
type Trouble struct {
	Root  timeline.Event
	Since time.Time
}

func newBlame(log *timeline.Log, watcher Watcher, node string) Blame {
	return Blame{log: log, Watcher: watcher, node: node, Changed: map[string]bool{}, Troubles: map[string]Trouble{}}
}

// ActsOn records what somebody does to the machine or to a part of it. Whatever
// breaks on it from now on comes from that.
func (b *Blame) ActsOn(now time.Time, by timeline.Actor, verb timeline.Verb, subject, message string, cause int64) timeline.Event {
	b.Root = b.log.Append(timeline.Event{Time: now, Actor: by, Verb: verb, Subject: subject, Cause: cause, Message: message})
	return b.Root
}

// Tell puts an event of the node's on the timeline that comes from another.
func (b *Blame) Tell(now time.Time, verb timeline.Verb, subject, message string, cause int64) timeline.Event {
	return b.log.Append(timeline.Event{Time: now, Actor: timeline.Node, Verb: verb, Subject: subject, Cause: cause, Message: message})
}

// Broke notes an event of the node's by which its subject does not work. What the root
// event says itself is not said twice, nor what is known, unless it has details.
func (b *Blame) Broke(e timeline.Event) {
	_, known := b.Troubles[e.Subject]
	if known && e.Detail == nil || b.Closed {
		return
	}
	root := b.Root
	if root.Seq == 0 || root.Subject != e.Subject || e.Detail != nil {
		e.Actor, e.Cause = timeline.Node, root.Seq
		e = b.log.Append(e)
		if root.Seq == 0 {
			root = e
		}
	}
	if known {
		return
	}
	b.Troubles[e.Subject] = Trouble{Root: root, Since: e.Time}
	b.Watcher.Broke(e.Subject, root, e.Time)
}

// BecauseOf says where the machine's trouble comes from, and what happens next,
// if that is not what it was taken for at first: a reboot shows what somebody has
// changed before it.
func (b *Blame) BecauseOf(root timeline.Event) {
	b.Root = root
	if t, known := b.Troubles["node/"+b.node]; known {
		t.Root = root
		b.Troubles["node/"+b.node] = t
	}
}

// Mended notes that a subject on the machine works.
func (b *Blame) Mended(subject string, now time.Time) {
	if _, known := b.Troubles[subject]; !known {
		return
	}
	delete(b.Troubles, subject)
	b.Watcher.Mended(subject, now)
}

// Judge notes whether a subject works.
func (b *Blame) Judge(subject string, now time.Time, why string) {
	if why == "" {
		b.Mended(subject, now)
		return
	}
	b.Broke(timeline.Event{Time: now, Verb: "failed", Subject: subject, Message: why})
}

// Oldest is the machine's trouble that began first.
func (b *Blame) Oldest() (t Trouble, ok bool) {
	for _, subject := range slices.Sorted(maps.Keys(b.Troubles)) {
		if x := b.Troubles[subject]; !ok || x.Since.Before(t.Since) {
			t, ok = x, true
		}
	}
	return t, ok
}

// NoteFlaws remembers who has brought patches to the machine with which something
// does not work: a boot may show it much later.
func (b *Blame) NoteFlaws(flawed []host.Patch) {
	if len(flawed) == 0 {
		b.Flaws = nil
		return
	}
	for _, p := range flawed {
		if _, known := b.Flaws[p.Package]; known {
			continue
		}
		if b.Flaws == nil {
			b.Flaws = map[string]int64{}
		}
		b.Flaws[p.Package] = b.Root.Seq
	}
}

// Unbootable is the event that has brought the patch to the machine with which it
// does not boot, or else the last change by somebody; ok is false if there is none.
func (b *Blame) Unbootable(flawed []host.Patch) (e timeline.Event, ok bool) {
	for _, p := range flawed {
		if p.Breaks == host.BreaksBoot && b.Flaws[p.Package] != 0 {
			if e, ok = b.log.Get(b.Flaws[p.Package]); ok {
				return e, true
			}
			break
		}
	}
	return b.Edited, b.Edited.Seq != 0
}

// RootOf is the event in which the chain of causes of an event begins.
func RootOf(log *timeline.Log, seq int64) timeline.Event {
	e, _ := log.Get(seq)
	for root, ok := log.Get(e.Cause); ok; root, ok = log.Get(e.Cause) {
		e = root
	}
	return e
}
