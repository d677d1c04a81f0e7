package nodes

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

// nobody is the watcher of a fleet that has none.
type nobody struct{}

func (nobody) Broke(string, timeline.Event, time.Time) {}
func (nobody) Noticed(string, time.Time)               {}
func (nobody) Mended(string, time.Time)                {}

// blame is what does not work on a machine, and whose doing that is.
type blame struct {
	log     *timeline.Log
	watcher Watcher
	node    string

	root     timeline.Event     // what somebody did here last: it explains what happens now
	edited   timeline.Event     // the last command in a shell that changed something
	changed  map[string]bool    // what the timeline says that sessions have changed ([host.Change])
	flaws    map[string]int64   // events that brought bad patches, by package
	troubles map[string]trouble // by subject
	closed   bool               // nobody waits for the machine any more
}

// trouble is something on a machine that does not work.
type trouble struct {
	root  timeline.Event
	since time.Time
}

func newBlame(f *Fleet, node string) blame {
	return blame{log: f.log, watcher: f.watcher, node: node, changed: map[string]bool{}, troubles: map[string]trouble{}}
}

// Root implements [kubelet.Machine].
func (b *blame) Root() int64 { return b.root.Seq }

// acts records what somebody does to the machine. Whatever breaks on it from now
// on comes from that.
func (b *blame) acts(now time.Time, by timeline.Actor, verb timeline.Verb, message string) timeline.Event {
	return b.actsOn(now, by, verb, "node/"+b.node, message, 0)
}

func (b *blame) actsOn(now time.Time, by timeline.Actor, verb timeline.Verb, subject, message string, cause int64) timeline.Event {
	b.root = b.log.Append(timeline.Event{Time: now, Actor: by, Verb: verb, Subject: subject, Cause: cause, Message: message})
	return b.root
}

// Broke notes an event of the node's by which its subject does not work. What the root
// event says itself is not said twice, nor what is known, unless it has details.
func (b *blame) Broke(e timeline.Event) {
	_, known := b.troubles[e.Subject]
	if known && e.Detail == nil || b.closed {
		return
	}
	root := b.root
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
	b.troubles[e.Subject] = trouble{root: root, since: e.Time}
	b.watcher.Broke(e.Subject, root, e.Time)
}

// becauseOf says where the machine's trouble comes from, and what happens next,
// if that is not what it was taken for at first: a reboot shows what somebody has
// changed before it.
func (b *blame) becauseOf(root timeline.Event) {
	b.root = root
	if t, known := b.troubles["node/"+b.node]; known {
		t.root = root
		b.troubles["node/"+b.node] = t
	}
}

// Mended notes that a subject on the machine works.
func (b *blame) Mended(subject string, now time.Time) {
	if _, known := b.troubles[subject]; !known {
		return
	}
	delete(b.troubles, subject)
	b.watcher.Mended(subject, now)
}

// judge notes whether a subject works.
func (b *blame) judge(subject string, now time.Time, why string) {
	if why == "" {
		b.Mended(subject, now)
		return
	}
	b.Broke(timeline.Event{Time: now, Verb: "failed", Subject: subject, Message: why})
}

// oldest is the machine's trouble that began first.
func (b *blame) oldest() (t trouble, ok bool) {
	for _, subject := range slices.Sorted(maps.Keys(b.troubles)) {
		if x := b.troubles[subject]; !ok || x.since.Before(t.since) {
			t, ok = x, true
		}
	}
	return t, ok
}

// noteFlaws remembers who has brought patches to the machine with which something
// does not work: a boot may show it much later.
func (b *blame) noteFlaws(flawed []host.Patch) {
	if len(flawed) == 0 {
		b.flaws = nil
		return
	}
	for _, p := range flawed {
		if _, known := b.flaws[p.Package]; known {
			continue
		}
		if b.flaws == nil {
			b.flaws = map[string]int64{}
		}
		b.flaws[p.Package] = b.root.Seq
	}
}

// unbootable is the event that has brought the patch to the machine with which it
// does not boot, or else the last change by somebody; ok is false if there is none.
func (b *blame) unbootable(flawed []host.Patch) (e timeline.Event, ok bool) {
	for _, p := range flawed {
		if p.Breaks == host.BreaksBoot && b.flaws[p.Package] != 0 {
			if e, ok = b.log.Get(b.flaws[p.Package]); ok {
				return e, true
			}
			break
		}
	}
	return b.edited, b.edited.Seq != 0
}

// Trouble is what is known of the trouble of a node's machine: the event that is
// the root of it, and since when; ok is false if it has none.
func (f *Fleet) Trouble(node string) (root timeline.Event, since time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.named(node); m != nil {
		t, ok := m.oldest()
		return t.root, t.since, ok
	}
	return timeline.Event{}, time.Time{}, false
}
