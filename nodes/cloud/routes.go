package cloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// ErrRoutesThrottled is an error with which [Routes.Break] has calls fail, in the words of
// Azure Resource Manager.
var ErrRoutesThrottled = api.Coded("TooManyRequests", "The request is being throttled as the limit has been reached for operation type - PutRouteTable. "+
	"For more information, see https://aka.ms/arm-throttling (HTTP status 429, Retry-After: 30)")

// virtualAppliance is the kind of next hop of a route by way of a VM (kubernetes-sigs/
// cloud-provider-azure, pkg/provider/azure_routes.go).
const virtualAppliance = "VirtualAppliance"

// Routes are the routes of the route table that is associated with the nodes' subnet.
type Routes struct {
	lock *sync.Mutex
	log  *timeline.Log
	id   string // the resource ID of the route table

	all    map[string]api.AzureRoute // by name
	lost   map[string]int64          // those that somebody deleted past AKS, with the events
	broken error                     // why every call fails; nil if none does
	// Changed is called, without the lock, when there is another state to keep; nil for
	// nobody.
	Changed func()
}

// NewRoutes makes an empty route table with that resource ID.
func NewRoutes(lock *sync.Mutex, log *timeline.Log, id string) *Routes {
	return &Routes{lock: lock, log: log, id: id, all: map[string]api.AzureRoute{}, lost: map[string]int64{}}
}

// Break has every call fail with an error, until it is called with nil.
func (r *Routes) Break(err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.broken = err
}

// List is all routes, by name.
func (r *Routes) List() []api.AzureRoute {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.list()
}

func (r *Routes) list() []api.AzureRoute {
	out := make([]api.AzureRoute, 0, len(r.all))
	for _, name := range slices.Sorted(maps.Keys(r.all)) {
		out = append(out, r.all[name])
	}
	return out
}

// Read is what [Routes.List] is, for who asks by Azure's API.
func (r *Routes) Read() ([]api.AzureRoute, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.broken != nil {
		return nil, r.broken
	}
	return r.list(), nil
}

// Lead says whether a route leads to a range, by way of an address. The lock is held.
func (r *Routes) Lead(name string, prefix netip.Prefix, hop netip.Addr) bool {
	x, ok := r.all[name]
	return ok && x.Prefix == prefix.String() && x.NextHop == hop.String()
}

// Ensure has a route of that name lead to a range by way of an address. Azure publishes no
// text for a route too many.
func (r *Routes) Ensure(name, prefix, hop string) error {
	return r.change(func() error {
		old, there := r.all[name]
		if !there && len(r.all) >= api.MaxRoutes {
			return api.Coded("RouteTableLimitReached", "Cannot create more than %d routes for the route table %s.", api.MaxRoutes, r.id)
		}
		if !there || old.Prefix != prefix || old.NextHop != hop {
			r.all[name] = api.AzureRoute{Name: name, ID: r.id + "/routes/" + name, Prefix: prefix, NextHopType: virtualAppliance, NextHop: hop, State: "Succeeded"}
		}
		if cause, was := r.lost[name]; was {
			delete(r.lost, name)
			r.log.Append(timeline.Event{
				Time: time.Now(), Actor: timeline.Provider, Verb: "restored", Subject: "route/" + name, Cause: cause,
				Message: fmt.Sprintf("the route controller made the route to %s by way of %s again", prefix, hop),
			})
		}
		return nil
	})
}

// Remove takes the route of that name away, on AKS's behalf. That there is none is no error.
func (r *Routes) Remove(name string) error {
	return r.change(func() error {
		delete(r.all, name)
		return nil
	})
}

// Forget no longer waits for a deleted route of a node that is gone. The lock is held.
func (r *Routes) Forget(name string) {
	if cause, was := r.lost[name]; was {
		delete(r.lost, name)
		r.log.Append(timeline.Event{
			Time: time.Now(), Actor: timeline.Provider, Verb: "removed", Subject: "route/" + name, Cause: cause, Message: "its node is gone, and needs no route",
		})
	}
}

// Do does something with a route as a resource of the cloud, behind the back of the managed
// service.
func (r *Routes) Do(req api.RouteRequest, by timeline.Actor) (x api.AzureRoute, err error) {
	err = r.change(func() error {
		if req.Action != api.RouteDelete {
			return fmt.Errorf("a route cannot be asked to %q: want %s", req.Action, strings.Join(api.RouteActions, ", "))
		}
		var ok bool
		if x, ok = r.all[req.Route]; !ok {
			return api.Coded("NotFound", "The route %s was not found.%s", req.Route, didYouMean(req.Route, slices.Sorted(maps.Keys(r.all))))
		}
		delete(r.all, x.Name)
		e := timeline.Event{
			Time: time.Now(), Actor: by, Verb: "deleted", Subject: "route/" + x.Name,
			Message: fmt.Sprintf("no packet from another node gets to %s, where its pods are, any more", x.Prefix),
		}
		if by == timeline.Customer {
			e.Detail = &timeline.Detail{Resource: true}
		}
		r.lost[x.Name] = r.log.Append(e).Seq
		return nil
	})
	return x, err
}

// change is a call that changes the table.
func (r *Routes) change(do func() error) error {
	r.lock.Lock()
	err := r.broken
	if err == nil {
		err = do()
	}
	r.lock.Unlock()
	if err == nil && r.Changed != nil {
		r.Changed()
	}
	return err
}

// savedRoutes is the form in which routes are kept.
type savedRoutes struct {
	Routes []api.AzureRoute `json:"routes"`
	Lost   map[string]int64 `json:"lost,omitempty"`
}

// Save returns the routes, for [Routes.Load]; nil if there are none. The lock is held.
func (r *Routes) Save() (json.RawMessage, error) {
	if len(r.all) == 0 && len(r.lost) == 0 {
		return nil, nil
	}
	return json.Marshal(savedRoutes{r.list(), r.lost})
}

// Load puts back what Save returned. On an error there is what there was. The lock is held, or
// nobody else has the routes yet.
func (r *Routes) Load(data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var s savedRoutes
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read the saved routes: %w", err)
	}
	all := map[string]api.AzureRoute{}
	for _, x := range s.Routes {
		if _, err := netip.ParsePrefix(x.Prefix); err != nil || x.Name == "" {
			return fmt.Errorf("read the saved routes: %q leads to %q", x.Name, x.Prefix)
		}
		all[x.Name] = x
	}
	r.all = all
	if s.Lost != nil {
		r.lost = s.Lost
	}
	return nil
}
