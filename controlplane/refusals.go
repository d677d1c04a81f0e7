package controlplane

import (
	"context"
	"fmt"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// refusals are what the API servers have refused to components of the control plane, for
// want of a right, and have not allowed since.
type refusals struct {
	users map[string]string // the component that a user is
	some  atomic.Bool       // there is one

	mu     sync.Mutex
	newest map[refusal]time.Time
}

// refusal is what a component wanted to do.
type refusal struct{ component, user, verb, group, resource, subresource, path string }

// longestPause is how long a program waits at the most before it asks again what was refused:
// client-go's reflectors wait 30 seconds, and up to as long again. What is not asked any
// more is not wanted.
const longestPause = time.Minute

func newRefusals() *refusals {
	return &refusals{users: components(), newest: map[refusal]time.Time{}}
}

// note takes in what was decided about a request.
func (x *refusals) note(a authorizer.Attributes, allowed bool) {
	if allowed && !x.some.Load() || a.GetUser() == nil {
		return
	}
	component := x.users[a.GetUser().GetName()]
	if component == "" || a.GetResource() == "events" { // which are said once, and are not its work
		return
	}
	r := refusal{component, a.GetUser().GetName(), a.GetVerb(), a.GetAPIGroup(), a.GetResource(), a.GetSubresource(), ""}
	if !a.IsResourceRequest() {
		r.path = a.GetPath()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if allowed {
		delete(x.newest, r)
	} else {
		x.newest[r] = time.Now()
	}
	x.some.Store(len(x.newest) > 0)
}

// of returns an error if something is refused to a component.
func (x *refusals) of(component string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r, at := range x.newest {
		switch {
		case time.Since(at) > longestPause:
			delete(x.newest, r)
		case r.component == component:
			return fmt.Errorf("the API server does not let %s %s %s", r.user, r.verb, path.Join(r.resource, r.subresource, r.path))
		}
	}
	x.some.Store(len(x.newest) > 0)
	return nil
}

// Refused returns an error if the API servers refuse something to a component.
func (p *Plane) Refused(component string) error { return p.refusals.of(component) }

// watched is an API server's authorizer whose refusals are noted.
type watched struct {
	authorizer.Authorizer
	refusals *refusals
}

// Authorize implements [authorizer.UnconditionalAuthorizer].
func (w watched) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	d, reason, err := w.Authorizer.Authorize(ctx, a)
	w.refusals.note(a, d == authorizer.DecisionAllow)
	return d, reason, err
}

// watchRefusals has an API server note what it refuses. The aggregator's filters are before
// all others.
func (p *Plane) watchRefusals(config *app.Config) {
	a := &config.Aggregator.GenericConfig.Authorization
	a.Authorizer = watched{a.Authorizer, p.refusals}
}
