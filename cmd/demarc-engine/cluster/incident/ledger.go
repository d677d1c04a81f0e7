// Package incident is the book of outages of a cluster, and the health checks by which
// they begin and end.
//
// The [Ledger] is told of outages by whoever notices or causes one: faults, the nodes,
// the control plane, and the provider's plane. [Health] asks the components of the
// control plane how they are, and tells the ledger who is well.
package incident

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/controlplane/provider"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// Ledger is the book of outages: of components and machines from the event
// that caused each, and of what the provider's plane has found out by itself,
// such as a backup that is late.
type Ledger struct {
	log    *timeline.Log
	held   func(subject string) bool
	struck func(target string) int64

	mu  sync.Mutex
	all []api.Incident
}

var (
	_ provider.Ledger = (*Ledger)(nil)
	_ vm.Watcher      = (*Ledger)(nil)
)

// NewLedger makes a ledger. Held says whether a fault still has a subject in its grip,
// and struck is the event of a fault in force on a target, or 0.
func NewLedger(log *timeline.Log, held func(subject string) bool, struck func(target string) int64) *Ledger {
	return &Ledger{log: log, held: held, struck: struck}
}

// Keep takes over the incidents of the books that the last engine has left.
func (l *Ledger) Keep(list []api.Incident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.Clone(list)
}

// Load takes over the incidents that the provider's plane remembers, which may be newer
// than those that were kept. None of them goes on: whatever was out was started again with
// the engine.
func (l *Ledger) Load(known map[string]api.Incident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range known {
		n := slices.IndexFunc(l.all, func(x api.Incident) bool { return x.ID == i.ID })
		if n < 0 {
			l.all = append(l.all, i)
			continue
		}
		if i.End.IsZero() {
			i.End = l.all[n].End
		}
		l.all[n] = i
	}
	for n := range l.all {
		if l.all[n].End.IsZero() {
			l.all[n].End = time.Now().UTC()
		}
	}
	slices.SortFunc(l.all, func(a, b api.Incident) int { return idNumber(a.ID) - idNumber(b.ID) })
}

// idNumber is the number in an incident's ID.
func idNumber(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "i"))
	if err != nil {
		return 0
	}
	return n
}

// Begin begins an incident, unless its subject has one already, and says whether it
// did. It can begin later than its cause.
func (l *Ledger) Begin(subject string, cause timeline.Event, start time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current(subject) != nil {
		return false
	}
	l.add(subject, owner(cause.Actor), cause.Message, cause.Seq, start)
	return true
}

// Broke implements [vm.Watcher].
func (l *Ledger) Broke(subject string, root timeline.Event, at time.Time) { l.Begin(subject, root, at) }

// Noticed implements [vm.Watcher].
func (l *Ledger) Noticed(subject string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.current(subject); i != nil && i.Detected.IsZero() {
		i.Detected = at.UTC()
	}
}

// Mended implements [vm.Watcher]: it ends the incident of a subject, if it has one.
func (l *Ledger) Mended(subject string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.current(subject); i != nil {
		i.End = at.UTC()
	}
}

// add enters a new incident; the caller holds mu.
func (l *Ledger) add(subject string, owner timeline.Actor, cause string, event int64, start time.Time) *api.Incident {
	id := 1
	if len(l.all) > 0 {
		id = idNumber(l.all[len(l.all)-1].ID) + 1
	}
	l.all = append(l.all, api.Incident{
		ID: "i" + strconv.Itoa(id), Subject: subject, Owner: owner, Cause: cause, Event: event, Start: start.UTC(),
	})
	return &l.all[len(l.all)-1]
}

// MendWhenWell ends the incident of a subject when that is well again and no fault has
// it in its grip, or returns when ctx ends.
func (l *Ledger) MendWhenWell(ctx context.Context, subject string, check func(context.Context) error) {
	for l.held(subject) || check(ctx) != nil {
		if !clock.Sleep(ctx, time.Second) {
			return
		}
	}
	l.Mended(subject, time.Now())
}

// Find implements [provider.Ledger]. An outage that nobody has entered yet is
// the provider's, or belongs to whoever caused the one that it comes from.
func (l *Ledger) Find(f provider.Finding) api.Incident {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.current(f.Subject)
	if i == nil {
		i = l.onNode(f.Subject)
	}
	if i != nil && !i.Detected.IsZero() {
		return *i
	}
	e := timeline.Event{Actor: timeline.Provider, Verb: "noticed", Subject: f.Subject, Message: f.Message}
	if i == nil {
		owner := timeline.Provider
		because := l.current(f.Because)
		if f.Subject == allNodes {
			because = l.ofAnyNode()
		}
		if because != nil {
			owner, e.Cause = because.Owner, because.Event
		} else {
			e.Cause = cmp.Or(f.Event, l.struck(f.Because), l.struck(f.Subject))
		}
		e = l.log.Append(e)
		i = l.add(f.Subject, owner, f.Message, e.Seq, f.Since)
	} else {
		e.Cause = i.Event
		e = l.log.Append(e)
	}
	i.Detected = e.Time
	return *i
}

// allNodes is the subject of an incident of all nodes at once.
const allNodes = "nodes"

// onNode is the oldest open incident of something on the node that a subject
// names, such as its kubelet; the caller holds mu.
func (l *Ledger) onNode(subject string) *api.Incident {
	node, ok := strings.CutPrefix(subject, "node/")
	if !ok {
		return nil
	}
	for i := range l.all {
		if l.all[i].End.IsZero() && strings.HasSuffix(l.all[i].Subject, "/"+node) {
			return &l.all[i]
		}
	}
	return nil
}

// ofAnyNode is the oldest open incident of a node's network or of the security
// group, or else of any node; the caller holds mu.
func (l *Ledger) ofAnyNode() *api.Incident {
	for i := range l.all {
		if l.all[i].End.IsZero() && strings.HasPrefix(l.all[i].Subject, "node/") {
			return &l.all[i]
		}
	}
	for i := range l.all {
		if l.all[i].End.IsZero() && nodeParts[strings.SplitN(l.all[i].Subject, "/", 2)[0]] {
			return &l.all[i]
		}
	}
	return nil
}

// nodeParts are the parts of a machine whose incidents keep a node from working.
var nodeParts = map[string]bool{"kubelet": true, "containerd": true}

// Close implements [provider.Ledger]: the subject was seen to be well. That does
// not tell of a fault that only others suffer from.
func (l *Ledger) Close(subject string, seen time.Time) {
	if i, ok := l.Open(subject); ok && i.Start.Before(seen) && !l.held(subject) {
		l.Mended(subject, time.Now())
	}
}

// Rest implements [provider.Ledger].
func (l *Ledger) Rest(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.all {
		if l.all[i].End.IsZero() {
			l.all[i].End = at.UTC()
		}
	}
}

// Open implements [provider.Ledger].
func (l *Ledger) Open(subject string) (api.Incident, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.current(subject); i != nil {
		return *i, true
	}
	return api.Incident{}, false
}

// Found implements [provider.Ledger].
func (l *Ledger) Found() []api.Incident {
	return slices.DeleteFunc(l.List(), func(i api.Incident) bool { return i.Detected.IsZero() })
}

// List is all incidents, the oldest first.
func (l *Ledger) List() []api.Incident {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// current is the subject's open incident; the caller holds mu.
func (l *Ledger) current(subject string) *api.Incident {
	for i := range l.all {
		if l.all[i].Subject == subject && l.all[i].End.IsZero() {
			return &l.all[i]
		}
	}
	return nil
}

// owner is who answers for what an actor did. The platform below is the
// provider's, and so are the controllers.
func owner(a timeline.Actor) timeline.Actor {
	if a == timeline.Customer {
		return timeline.Customer
	}
	return timeline.Provider
}
