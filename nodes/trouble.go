package nodes

import (
	"maps"
	"slices"
	"time"

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

// trouble is something on a machine that does not work.
type trouble struct {
	root  timeline.Event
	since time.Time
}

// acts records what somebody does to the machine. Whatever breaks on it from now
// on comes from that.
func (m *machine) acts(now time.Time, by timeline.Actor, verb, message string) timeline.Event {
	return m.actsOn(now, by, verb, "node/"+m.name, message, 0)
}

func (m *machine) actsOn(now time.Time, by timeline.Actor, verb, subject, message string, cause int64) timeline.Event {
	m.root = m.f.log.Append(timeline.Event{Time: now, Actor: by, Verb: verb, Subject: subject, Cause: cause, Message: message})
	return m.root
}

// Broke notes that a subject on the machine does not work. What the root event
// says itself is not said twice.
func (m *machine) Broke(subject string, now time.Time, verb, message string) {
	if _, known := m.troubles[subject]; known || !m.leaves.IsZero() {
		return
	}
	root := m.root
	if root.Seq == 0 || root.Subject != subject {
		e := m.f.log.Append(timeline.Event{Time: now, Actor: timeline.Node, Verb: verb, Subject: subject, Cause: root.Seq, Message: message})
		if root.Seq == 0 {
			root = e
		}
	}
	if m.troubles == nil {
		m.troubles = map[string]trouble{}
	}
	m.troubles[subject] = trouble{root: root, since: now}
	m.f.watcher.Broke(subject, root, now)
}

// blame says where a subject's trouble comes from, if that is not what it was
// taken for at first: a reboot shows what somebody has changed before it.
func (m *machine) blame(subject string, root timeline.Event) {
	if t, known := m.troubles[subject]; known {
		t.root = root
		m.troubles[subject] = t
	}
}

// Mended notes that a subject on the machine works.
func (m *machine) Mended(subject string, now time.Time) {
	if _, known := m.troubles[subject]; !known {
		return
	}
	delete(m.troubles, subject)
	m.f.watcher.Mended(subject, now)
}

// judge notes whether a subject works.
func (m *machine) judge(subject string, now time.Time, why string) {
	if why == "" {
		m.Mended(subject, now)
		return
	}
	m.Broke(subject, now, "failed", why)
}

// oldest is the machine's trouble that began first.
func (m *machine) oldest() (t trouble, ok bool) {
	for _, subject := range slices.Sorted(maps.Keys(m.troubles)) {
		if x := m.troubles[subject]; !ok || x.since.Before(t.since) {
			t, ok = x, true
		}
	}
	return t, ok
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
