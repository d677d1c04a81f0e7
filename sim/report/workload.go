package report

import (
	"slices"
	"strings"
	"time"

	"demarc/sim/timeline"
)

// workloads are the times in which containers were down, by pod and container. The
// book of incidents has none of them: they are read from the timeline, from an
// event that ended a container to the one that started it again.
func workloads(in Input, now time.Time) map[string][]Part {
	var (
		out   = map[string][]Part{}
		open  = map[string]Part{}
		roots = rootsOf(in)
	)
	for _, e := range in.Events {
		if !strings.HasPrefix(e.Subject, "container/") {
			continue
		}
		name := clean("workload/" + strings.TrimPrefix(e.Subject, "container/"))
		p, down := open[name]
		switch {
		case slices.Contains(containerEnds, e.Verb) && !down:
			open[name] = Part{Owner: roots.owner(e), From: e.Time, Why: clean(eventText(e))}
		case slices.Contains(containerBegins, e.Verb) && down:
			p.To = e.Time
			out[name] = append(out[name], p)
			delete(open, name)
		}
	}
	for name, p := range open {
		p.To, p.Open = now, true
		out[name] = append(out[name], p)
	}
	return out
}

// containerEnds and containerBegins are what the timeline says of containers.
var (
	containerEnds   = []string{"crashed", "killed", "failed", "evicted", "OOMKilled"}
	containerBegins = []string{"started", "restarted", "recovered"}
)

// roots knows whose an event is by what it comes from.
type roots struct {
	events map[int64]timeline.Event
	judged map[int64]string // owners of incidents by the events that caused them
}

func rootsOf(in Input) roots {
	r := roots{events: make(map[int64]timeline.Event, len(in.Events)), judged: map[int64]string{}}
	for _, e := range in.Events {
		r.events[e.Seq] = e
	}
	for _, x := range in.Incidents {
		if x.Incident.Event == 0 || x.Judgement.Owner == "" {
			continue
		}
		r.judged[x.Incident.Event] = ownerOf(x.Judgement.Owner)
	}
	return r
}

// owner follows an event to an incident's cause that was judged, or else to its
// root. A container that fails by itself is of whoever runs it.
func (r roots) owner(e timeline.Event) string {
	if owner, ok := r.judged[e.Seq]; ok {
		return owner
	}
	// Causes are older than what they cause: anything else is no chain.
	root := e
	for root.Cause > 0 && root.Cause < root.Seq {
		next, ok := r.events[root.Cause]
		if !ok {
			break
		}
		root = next
		if owner, ok := r.judged[root.Seq]; ok {
			return owner
		}
	}
	if owner := actorOwner(root.Actor); owner != OwnerShared {
		return owner
	}
	if strings.HasPrefix(e.Subject, "container/kube-system/") {
		return OwnerProvider
	}
	return OwnerCustomer
}
