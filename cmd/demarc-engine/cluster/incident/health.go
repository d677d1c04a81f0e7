package incident

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
)

// healthAge is for how long the answer of a health check is good: expectations
// ask at every change.
const healthAge = time.Second

// patience is for how long [Health.Soon] waits for health checks, in real time: whoever
// looks at a cluster with a paused clock has no other.
const patience = time.Second

// Component is a component of the control plane as it is at one moment, and its own
// health check.
type Component struct {
	api.Component
	Check func(context.Context) error
}

// Health asks the components of a control plane how they are.
type Health struct {
	Components func() []Component
	// Quorum asks etcd as a whole whether it serves; nil if it has one member.
	Quorum func(context.Context) error
	Ledger *Ledger
	// Context ends with the cluster.
	Context context.Context

	mu   sync.Mutex
	last *round // of health checks, which may be under way
}

// round asks every component once.
type round struct {
	began time.Time
	asked []Component   // as they were
	done  chan struct{} // closed when all have answered

	mu   sync.Mutex
	list []api.Component // those that have not answered yet say so
}

// sofar is what was answered.
func (r *round) sofar() []api.Component {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Now is each component with what its own health check says now, or said within the
// last second.
func (h *Health) Now() []api.Component {
	for called := time.Now(); ; {
		r := h.round()
		<-r.done
		if !r.began.Before(called) || !h.stale(r) {
			return r.sofar()
		}
	}
}

// Soon is the same, without the answers for which one would have to wait long.
func (h *Health) Soon() []api.Component {
	r, late := h.round(), make(chan struct{})
	stop := clock.EveryReal(patience, sync.OnceFunc(func() { close(late) }))
	defer stop()
	select {
	case <-r.done:
	case <-late:
	}
	return r.sofar()
}

// round is the round that is under way, or one that is not too old.
func (h *Health) round() *round {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.last; r != nil {
		select {
		case <-r.done:
		default:
			return r
		}
	}
	if h.last == nil || h.stale(h.last) {
		h.last = h.ask()
	}
	return h.last
}

// stale says whether a round is too old, or a component no longer in the state in which
// it was asked.
func (h *Health) stale(r *round) bool {
	return time.Since(r.began) >= healthAge || !slices.EqualFunc(h.Components(), r.asked, func(x, old Component) bool {
		return x.State == old.State && x.Starts == old.Starts
	})
}

// ask begins to ask every component; those of which there are several are summed up.
func (h *Health) ask() *round {
	all := h.Components()
	r := &round{began: time.Now(), asked: all, done: make(chan struct{})}
	each := make([]api.Component, len(all))
	for i, x := range all {
		each[i] = x.Component
		if x.State == running {
			each[i].Message = noAnswer
		}
	}
	r.list = append(sums(each), each...)
	var checks sync.WaitGroup
	for i, x := range all {
		if x.State != running {
			continue
		}
		checks.Go(func() {
			healthy, message := h.check(x.Check)
			r.mu.Lock()
			defer r.mu.Unlock()
			each[i].Healthy, each[i].Message = healthy, message
			r.list = append(sums(each), each...)
		})
	}
	go func() {
		defer close(r.done)
		checks.Wait()
		list := r.sofar()
		if h.Quorum != nil && list[0].State == running { // etcd comes first: it serves with a quorum
			list[0].Healthy, list[0].Message = h.check(h.Quorum)
		}
		for _, x := range list {
			if x.Healthy { // so that nobody sees it well and its outage open
				h.Ledger.Close(x.Name, r.began)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.list = list
	}()
	return r
}

// running is the state of a component that can be asked.
const running = "running"

// Patience with health checks: where etcd has several members, clients wait while these
// elect a leader. That takes up to two seconds, and as long again when two begin in the
// same of five ticks and split the vote.
const (
	healthTimeout    = time.Second
	electionPatience = 3 * 2 * time.Second
)

// check asks a health check, with a second to answer.
func (h *Health) check(ask func(context.Context) error) (healthy bool, message string) {
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(h.Context, healthTimeout)
		err := ask(ctx)
		cancel()
		switch {
		case err == nil:
			return true, ""
		case h.Quorum == nil, time.Since(began) > electionPatience, !clock.Sleep(h.Context, 200*time.Millisecond):
			return false, healthMessage(err)
		}
	}
}

// sums are the components of which there are several, each as a whole: etcd/0 is a part
// of etcd.
func sums(each []api.Component) (list []api.Component) {
	var names []string
	of := map[string][]api.Component{}
	for _, x := range each {
		name, _, several := strings.Cut(x.Name, "/")
		if !several {
			continue
		}
		if of[name] == nil {
			names = append(names, name)
		}
		of[name] = append(of[name], x)
	}
	for _, name := range names {
		list = append(list, sumUp(name, of[name]))
	}
	return list
}

// sumUp makes one of several: it is in the best state of them, for any will do.
func sumUp(name string, of []api.Component) api.Component {
	sum := of[0]
	sum.Name, sum.Starts = name, 0
	for _, x := range of {
		if x.State == running {
			sum.State = x.State
		}
		if x.Healthy {
			sum.Healthy, sum.Message = true, ""
		}
		if x.Since.After(sum.Since) {
			sum.Since = x.Since
		}
		sum.Starts += x.Starts
	}
	return sum
}

// noAnswer is what is said of a component that has not answered its health check yet.
const noAnswer = "no answer to its health check yet"

func healthMessage(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "its health check got no answer within a second"
	}
	return err.Error()
}
