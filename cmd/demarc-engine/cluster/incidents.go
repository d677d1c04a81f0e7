package cluster

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/controlplane/provider"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// incidents is the book of outages: of components and machines from the event
// that caused each, and of what the provider's plane has found out by itself,
// such as a backup that is late.
type incidents struct {
	log *timeline.Log
	// held says whether a fault still has the subject in its grip.
	held func(subject string) bool
	// struck is the event of a fault in force on a target, or 0.
	struck func(target string) int64

	mu  sync.Mutex
	all []api.Incident
}

var _ provider.Ledger = (*incidents)(nil)

func newIncidents(log *timeline.Log, held func(string) bool, struck func(string) int64) *incidents {
	return &incidents{log: log, held: held, struck: struck}
}

// load takes over the incidents that the provider's plane remembers. None of
// them goes on: whatever was out was started again with the engine.
func (n *incidents) load(known map[string]api.Incident) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range known {
		if i.End.IsZero() {
			i.End = time.Now().UTC()
		}
		n.all = append(n.all, i)
	}
	slices.SortFunc(n.all, func(a, b api.Incident) int { return idNumber(a.ID) - idNumber(b.ID) })
}

// idNumber is the number in an incident's ID.
func idNumber(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "i"))
	if err != nil {
		return 0
	}
	return n
}

// open begins an incident, unless its subject has one already, and says whether
// it did.
func (n *incidents) open(subject string, cause timeline.Event) bool {
	return n.openAt(subject, cause, cause.Time)
}

// openAt is open for an incident that began later than its cause.
func (n *incidents) openAt(subject string, cause timeline.Event, start time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.current(subject) != nil {
		return false
	}
	n.add(subject, owner(cause.Actor), cause.Message, cause.Seq, start)
	return true
}

// add enters a new incident; the caller holds mu.
func (n *incidents) add(subject string, owner timeline.Actor, cause string, event int64, start time.Time) *api.Incident {
	id := 1
	if len(n.all) > 0 {
		id = idNumber(n.all[len(n.all)-1].ID) + 1
	}
	n.all = append(n.all, api.Incident{
		ID: "i" + strconv.Itoa(id), Subject: subject, Owner: owner, Cause: cause, Event: event, Start: start.UTC(),
	})
	return &n.all[len(n.all)-1]
}

// Find implements [provider.Ledger]. An outage that nobody has entered yet is
// the provider's, or belongs to whoever caused the one that it comes from.
func (n *incidents) Find(f provider.Finding) api.Incident {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.current(f.Subject)
	if i == nil {
		i = n.onNode(f.Subject)
	}
	if i != nil && !i.Detected.IsZero() {
		return *i
	}
	e := timeline.Event{Actor: timeline.Provider, Verb: "noticed", Subject: f.Subject, Message: f.Message}
	if i == nil {
		owner := timeline.Provider
		because := n.current(f.Because)
		if f.Subject == allNodes {
			because = n.ofAnyNode()
		}
		if because != nil {
			owner, e.Cause = because.Owner, because.Event
		} else {
			e.Cause = n.struck(f.Because)
		}
		e = n.log.Append(e)
		i = n.add(f.Subject, owner, f.Message, e.Seq, f.Since)
	} else {
		e.Cause = i.Event
		e = n.log.Append(e)
	}
	i.Detected = e.Time
	return *i
}

// allNodes is the subject of an incident of all nodes at once.
const allNodes = "nodes"

// onNode is the oldest open incident of something on the node that a subject
// names, such as its kubelet; the caller holds mu.
func (n *incidents) onNode(subject string) *api.Incident {
	node, ok := strings.CutPrefix(subject, "node/")
	if !ok {
		return nil
	}
	for i := range n.all {
		if n.all[i].End.IsZero() && strings.HasSuffix(n.all[i].Subject, "/"+node) {
			return &n.all[i]
		}
	}
	return nil
}

// ofAnyNode is the oldest open incident of a node's network or of the security
// group, or else of any node; the caller holds mu.
func (n *incidents) ofAnyNode() *api.Incident {
	for i := range n.all {
		if n.all[i].End.IsZero() && strings.HasPrefix(n.all[i].Subject, "node/") {
			return &n.all[i]
		}
	}
	for i := range n.all {
		if n.all[i].End.IsZero() && nodeParts[strings.SplitN(n.all[i].Subject, "/", 2)[0]] {
			return &n.all[i]
		}
	}
	return nil
}

// nodeParts are the parts of a machine whose incidents keep a node from working.
var nodeParts = map[string]bool{"kubelet": true, "containerd": true}

// watcher lets the fleet enter what breaks on the machines, and what is well.
type watcher struct{ n *incidents }

var _ vm.Watcher = watcher{}

// Broke implements [vm.Watcher].
func (w watcher) Broke(subject string, root timeline.Event, at time.Time) {
	w.n.openAt(subject, root, at)
}

// Noticed implements [vm.Watcher].
func (w watcher) Noticed(subject string, at time.Time) {
	w.n.mu.Lock()
	defer w.n.mu.Unlock()
	if i := w.n.current(subject); i != nil && i.Detected.IsZero() {
		i.Detected = at.UTC()
	}
}

// Mended implements [vm.Watcher].
func (w watcher) Mended(subject string, at time.Time) {
	w.n.closeAt(subject, at)
}

// close ends the incident of a subject, if it has one.
func (n *incidents) close(subject string) { n.closeAt(subject, time.Now()) }

func (n *incidents) closeAt(subject string, end time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.current(subject); i != nil {
		i.End = end.UTC()
	}
}

// Close implements [provider.Ledger]: the subject was seen to be well. That does
// not tell of a fault that only others suffer from.
func (n *incidents) Close(subject string, seen time.Time) {
	if i, ok := n.Open(subject); ok && i.Start.Before(seen) && !n.held(subject) {
		n.close(subject)
	}
}

// Open implements [provider.Ledger].
func (n *incidents) Open(subject string) (api.Incident, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.current(subject); i != nil {
		return *i, true
	}
	return api.Incident{}, false
}

// Found implements [provider.Ledger].
func (n *incidents) Found() []api.Incident {
	return slices.DeleteFunc(n.list(), func(i api.Incident) bool { return i.Detected.IsZero() })
}

// cause is the event that caused the subject's incident, or 0.
func (n *incidents) cause(subject string) int64 {
	i, _ := n.Open(subject)
	return i.Event
}

func (n *incidents) list() []api.Incident {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// current is the subject's open incident; the caller holds mu.
func (n *incidents) current(subject string) *api.Incident {
	for i := range n.all {
		if n.all[i].Subject == subject && n.all[i].End.IsZero() {
			return &n.all[i]
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

// electionTime is how long the clock is fine after the loss of an etcd member.
const electionTime = 10 * time.Second

// outage begins the incident of something that the provider runs, and ends it
// when that is well again and no fault has it in its grip.
func (c *Cluster) outage(subject string, cause timeline.Event) {
	if !c.incidents.open(subject, cause) {
		return
	}
	if strings.HasPrefix(subject, controlplane.Etcd+"/") {
		// Elections take a second or two: below the clock's steps.
		time.AfterFunc(electionTime, c.dial.Fine())
	}
	c.work.Go(func() {
		for c.faults.Holds(subject) || c.well(c.ctx, subject) != nil {
			if !clock.Sleep(c.ctx, time.Second) {
				return
			}
		}
		c.incidents.close(subject)
	})
}

// well says whether what the provider runs is well.
func (c *Cluster) well(ctx context.Context, subject string) error {
	if i, ok := replicaIndex(subject); ok {
		return c.operations.replicaWell(i)
	}
	for _, x := range c.plane.Group(subject) {
		if err := x.Healthy(ctx); err != nil {
			return err
		}
	}
	return nil
}
