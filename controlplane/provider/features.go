package provider

import (
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"
)

// A registration takes a few minutes, and up to 15 (MicrosoftDocs/azure-aks-docs,
// identity-bindings). How many depends on the feature's name alone, so that a
// scenario can be repeated.
const (
	minRegistration = 4 * time.Minute
	maxRegistration = 15 * time.Minute
)

// RegisterFeature begins to register a preview feature in the subscription, or to
// unregister it, and returns when that is in the log. What is so already, or on
// its way, stays as it is.
func (o *Operator) RegisterFeature(ctx context.Context, r *Replicas, name string, wanted bool) (api.Registration, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	now := time.Now().UTC()
	x, ok := r.State().Registrations[name]
	if !ok {
		x = api.Registration{Name: name, State: api.FeatureNotRegistered}
	}
	next := nextState(x.State, wanted)
	if next == x.State {
		return x, nil
	}
	x.State, x.Since, x.Due = next, now, registrationEnds(name, now)
	x.Event = o.asked(ctx, 0, registrationVerbs[next], featureSubject(name), featureName(name)+", for every cluster of the subscription")
	return x, r.Apply(ctx, Registrations.Put(x))
}

// nextState is the state after the customer has asked for a feature, or for its
// end.
func nextState(state string, wanted bool) string {
	has := state == api.FeatureRegistered || state == api.FeatureRegistering
	switch {
	case wanted && !has:
		return api.FeatureRegistering
	case !wanted && has:
		return api.FeatureUnregistering
	}
	return state
}

// registrationVerbs say on the timeline that a registration came into a state.
var registrationVerbs = map[string]timeline.Verb{
	api.FeatureRegistering: "registering", api.FeatureRegistered: "registered",
	api.FeatureUnregistering: "unregistering", api.FeatureUnregistered: "unregistered",
}

func featureSubject(name string) string { return "feature/" + name }
func featureName(name string) string    { return api.FeatureNamespace + "/" + name }

// registrationEnds is when a registration that begins now is through, at a whole
// minute: the loop looks then.
func registrationEnds(name string, now time.Time) time.Time {
	h := fnv.New32a()
	h.Write([]byte(name))
	minutes := time.Duration(h.Sum32()%uint32((maxRegistration-minRegistration)/time.Minute)) * time.Minute
	return now.Add(minRegistration + minutes).Truncate(time.Minute)
}

// finishRegistrations brings registrations to their ends, at whole minutes.
func (o *Operator) finishRegistrations(ctx context.Context, l *Leadership) {
	for o.finishOnce(ctx, l) == nil && clock.Sleep(ctx, clock.UntilTick(time.Now(), lookPeriod)) {
	}
}

func (o *Operator) finishOnce(ctx context.Context, l *Leadership) error {
	o.asking.Lock()
	defer o.asking.Unlock()
	for _, x := range finished(l.State().Registrations, time.Now()) {
		x.Since, x.Due = time.Now().UTC(), time.Time{}
		if err := l.Apply(ctx, Registrations.Put(x)); err != nil {
			return err
		}
		o.asked(ctx, x.Event, registrationVerbs[x.State], featureSubject(x.Name), featureName(x.Name)+": what it changes is for every cluster of the subscription, from its next update on")
	}
	return nil
}

// finished are the registrations that are due, by name, in their new states.
func finished(records map[string]api.Registration, now time.Time) (due []api.Registration) {
	for _, name := range slices.Sorted(maps.Keys(records)) {
		x := records[name]
		if x.Due.IsZero() || now.Before(x.Due) {
			continue
		}
		switch x.State {
		case api.FeatureRegistering:
			x.State = api.FeatureRegistered
		case api.FeatureUnregistering:
			x.State = api.FeatureUnregistered
		}
		due = append(due, x)
	}
	return due
}
