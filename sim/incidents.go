package sim

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// incidents are the outages of components and machines: from the event that
// caused each to the recovery.
type incidents struct {
	mu  sync.Mutex
	all []api.Incident
}

func newIncidents() *incidents { return &incidents{} }

// open begins an incident, unless its subject has one already.
func (n *incidents) open(subject string, cause timeline.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.current(subject) != nil {
		return
	}
	n.all = append(n.all, api.Incident{
		ID: "i" + strconv.Itoa(len(n.all)+1), Subject: subject, Owner: owner(cause.Actor),
		Cause: cause.Message, Event: cause.Seq, Start: cause.Time,
	})
}

// close ends the incident of a subject, if it has one.
func (n *incidents) close(subject string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.current(subject); i != nil {
		i.End = time.Now().UTC()
	}
}

// cause is the event that caused the subject's incident, or 0.
func (n *incidents) cause(subject string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.current(subject); i != nil {
		return i.Event
	}
	return 0
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
