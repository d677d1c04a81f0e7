package cluster

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// flows are the customers' flows whose requests API servers reject, since they ask for more
// than their share.
type flows struct {
	of *Cluster

	mu        sync.Mutex
	throttled map[string]*throttled // by the subject that they have on the timeline
}

// throttled is a flow's newest rejection, and how many there were since it was let in.
type throttled struct {
	last  time.Time
	count int
}

// letIn is for how long nothing of a flow must be rejected until it is taken to be let in.
const letIn = time.Minute

// rejected takes in that an API server has rejected a request. It does not wait.
func (f *flows) rejected(r controlplane.Rejection) {
	subject := asker(r.User)
	if subject == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.throttled[subject]
	if x == nil {
		x = &throttled{}
		if f.throttled == nil {
			f.throttled = map[string]*throttled{}
		}
		f.throttled[subject] = x
		at := time.Now()
		f.of.work.Go(func() { f.tell(subject, r, at) })
	}
	x.last = time.Now()
	x.count++
}

// tell puts on the timeline that a flow is throttled, with its outage, and that it no longer
// is.
func (f *flows) tell(subject string, r controlplane.Rejection, since time.Time) {
	c := f.of
	flow := timeline.Flow{User: r.User, FlowSchema: r.FlowSchema, PriorityLevel: r.PriorityLevel, Rejected: 1}
	e := c.log.Append(timeline.Event{
		Time: since, Actor: timeline.Customer, Verb: "throttled", Subject: subject, Cause: c.struck(subject), Detail: &timeline.Detail{Flow: &flow},
		Message: fmt.Sprintf("the API server answers 429 Too Many Requests to %s, which asks for more than its share (FlowSchema %s, priority level %s)", r.User, r.FlowSchema, r.PriorityLevel),
	})
	c.incidents.Begin(subject, e, since)
	for {
		f.mu.Lock()
		x := f.throttled[subject]
		wait, count := letIn-time.Since(x.last), x.count
		if wait <= 0 {
			delete(f.throttled, subject)
		}
		f.mu.Unlock()
		if wait <= 0 {
			let := flow
			let.Rejected = count
			c.incidents.Mended(subject, time.Now())
			c.log.Append(timeline.Event{
				Actor: timeline.Kubernetes, Verb: "recovered", Subject: subject, Cause: e.Seq, Detail: &timeline.Detail{Flow: &let},
				Message: fmt.Sprintf("none of its requests was rejected for a minute; %d were", count),
			})
			return
		}
		if !clock.Sleep(c.ctx, wait) {
			return
		}
	}
}

// asker is a user as a subject of the timeline; empty for those of the cluster's own parts,
// whom others crowd out.
func asker(user string) string {
	account, ok := strings.CutPrefix(user, "system:serviceaccount:")
	switch {
	case ok && !strings.HasPrefix(account, "kube-system:"):
		return "serviceaccount/" + strings.Replace(account, ":", "/", 1)
	case strings.HasPrefix(user, "system:") && user != "system:anonymous":
		return ""
	}
	return "user/" + strings.ReplaceAll(user, "/", "-")
}
