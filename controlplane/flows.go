package controlplane

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"demarc/sim/clock"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/flowcontrol"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing"
	fcrequest "k8s.io/apiserver/pkg/util/flowcontrol/request"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// Rejection is that an API server has answered 429 Too Many Requests: by its priority and
// fairness the flow of a request had more requests under way or waiting than it may.
type Rejection struct {
	// User is whose request it was.
	User string
	// FlowSchema and PriorityLevel are those to which the request belongs.
	FlowSchema, PriorityLevel string
}

// flows is what becomes of requests by the API servers' priority and fairness.
type flows struct {
	rejected func(Rejection) // nil for nobody
	newest   atomic.Int64    // when a request was rejected last, in Unix nanoseconds

	mu   sync.Mutex
	busy map[string]time.Duration // by user: see Plane.Burden
}

func newFlows(rejected func(Rejection)) *flows {
	return &flows{rejected: rejected, busy: map[string]time.Duration{}}
}

// Burden has each request of a user keep the API server that answers it busy for a time, in
// which it has its seats: what a list of tens of thousands of objects takes. Computing takes
// no virtual time, so nobody's requests would ever meet. 0 ends it.
func (p *Plane) Burden(user string, each time.Duration) {
	p.flows.mu.Lock()
	defer p.flows.mu.Unlock()
	if each == 0 {
		delete(p.flows.busy, user)
		return
	}
	p.flows.busy[user] = each
}

// burden is for how long each request of a user keeps an API server busy.
func (f *flows) burden(user string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.busy[user]
}

// crowded says whether requests were rejected in the last minute.
func (f *flows) crowded() bool {
	newest := f.newest.Load()
	return newest != 0 && time.Since(time.Unix(0, newest)) < time.Minute
}

// watchFlows has an API server tell what it rejects, and be busy with what takes its time.
// The aggregator's filters are before all others.
func (p *Plane) watchFlows(config *app.Config) {
	g := &config.Aggregator.GenericConfig.Config
	if g.FlowControl == nil {
		return
	}
	g.FlowControl = watchedFlows{g.FlowControl, p.flows}
	build := g.BuildHandlerChainFunc
	g.BuildHandlerChainFunc = func(h http.Handler, c *server.Config) http.Handler { return build(p.flows.keepBusy(h), c) }
}

// keepBusy is a handler that takes as long as requests of their users do.
func (f *flows) keepBusy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, ok := request.UserFrom(r.Context()); ok {
			if each := f.burden(u.GetName()); each > 0 {
				clock.Sleep(r.Context(), each)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// watchedFlows is an API server's priority and fairness that tells what it rejects.
type watchedFlows struct {
	flowcontrol.Interface
	flows *flows
}

// Handle implements [flowcontrol.Interface].
func (x watchedFlows) Handle(ctx context.Context, digest flowcontrol.RequestDigest,
	note func(*flowcontrolv1.FlowSchema, *flowcontrolv1.PriorityLevelConfiguration, string),
	estimate func() fcrequest.WorkEstimate, queued fairqueuing.QueueNoteFn, execute func(),
) {
	rejection, executed := Rejection{User: digest.User.GetName()}, false
	x.Interface.Handle(ctx, digest, func(fs *flowcontrolv1.FlowSchema, pl *flowcontrolv1.PriorityLevelConfiguration, flow string) {
		rejection.FlowSchema, rejection.PriorityLevel = fs.Name, pl.Name
		note(fs, pl, flow)
	}, estimate, queued, func() {
		executed = true
		execute()
	})
	if executed || errors.Is(ctx.Err(), context.Canceled) { // the client has gone
		return
	}
	x.flows.newest.Store(time.Now().UnixNano())
	if x.flows.rejected != nil {
		x.flows.rejected(rejection)
	}
}
