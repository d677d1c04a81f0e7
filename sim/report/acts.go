package report

import (
	"path"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// What a customer does to what serves requests can make them fail for as long as it takes
// to show: a Service at once, and what makes pods until a rollout has made no progress for
// long enough (Kubernetes, "Deployments", progressDeadlineSeconds: 600 by default).
const (
	serviceShows = time.Minute
	rolloutShows = 10 * time.Minute
)

// Of rules of a network security group, in Azure's words.
const (
	inbound = "Inbound"
	deny    = "Deny"
)

// servicesOf are the first words of what leads requests to pods.
var servicesOf = []string{"service", "endpointslice", "endpoints", "namespace"}

// policyOf is the first word of what isolates the pods of its namespace, and begins to
// when its node's engine has heard of it.
const policyOf = "networkpolicy"

// nodeActs are what takes pods from a node, or keeps them from it, by the API server.
var nodeActs = []timeline.Verb{"patched", "updated", "cordoned", "deleted the Node object of"}

// acts are what anybody has done to the network between machines, and customers to what serves
// traffic: its Service, the pods that answered, what makes these, and their namespace; and,
// just before, to the nodes and to what may come in. Each is a part from then until it can no
// longer be what shows, or something else was done to the same.
func acts(in Input, t api.Traffic) (list []Part) {
	last := map[string]int{} // by subject, in list
	for _, e := range in.Events {
		shows := shownFor(e, t)
		switch {
		case slices.Contains(linkFaults, e.Verb):
			shows = untilHealed(in.Events, e, in.To)
		case e.Verb == stopOf:
			shows = untilRunning(in.Events, e, in.To)
		case isRoute(e):
			shows = untilRouted(in.Events, e, in.To)
		}
		if shows == 0 {
			continue
		}
		if n, ok := last[e.Subject]; ok && list[n].To.After(e.Time) {
			list[n].To = e.Time
		}
		last[e.Subject] = len(list)
		if e.Detail != nil && e.Detail.Rule != nil {
			shows = max(shows, inForce(in.Events, e))
		}
		list = append(list, Part{Owner: actorOwner(e.Actor), From: e.Time, To: e.Time.Add(shows), Why: clean(e.String())})
	}
	return append(list, shortages(in, t)...)
}

// linkFaults are what is done to the network between machines, on which all traffic depends.
var linkFaults = []timeline.Verb{"is lossy", "delayed"}

// lasts is how long something is so that has begun with an event: until the first later one
// that ends it, or else until an end.
func lasts(events []timeline.Event, began timeline.Event, end time.Time, ends func(timeline.Event) bool) time.Duration {
	for _, e := range events {
		if e.Seq > began.Seq && ends(e) {
			return e.Time.Sub(began.Time)
		}
	}
	return end.Sub(began.Time)
}

// untilHealed is how long a fault is in force.
func untilHealed(events []timeline.Event, began timeline.Event, end time.Time) time.Duration {
	return lasts(events, began, end, func(e timeline.Event) bool { return e.Verb == "healed" && e.Cause == began.Seq })
}

// isRoute says whether an event is that somebody has deleted the route to a node's pods: all
// traffic between nodes may need it.
func isRoute(e timeline.Event) bool {
	return e.Verb == "deleted" && strings.HasPrefix(e.Subject, "route/")
}

// untilRouted is how long a route is missing.
func untilRouted(events []timeline.Event, gone timeline.Event, end time.Time) time.Duration {
	return lasts(events, gone, end, func(e timeline.Event) bool {
		return e.Subject == gone.Subject && (e.Verb == "restored" || e.Verb == "removed")
	})
}

// inForce is how long a rule of the network security group stays as an event has made it;
// until the last of all events if nobody changes it.
func inForce(events []timeline.Event, made timeline.Event) time.Duration {
	end := made.Time
	for _, e := range events {
		if e.Seq <= made.Seq {
			continue
		}
		end = e.Time
		if e.Detail != nil && e.Detail.Rule != nil && e.Detail.Rule.Name == made.Detail.Rule.Name {
			break
		}
	}
	return end.Sub(made.Time)
}

// behindIngress says whether the subject of an event leads requests for a host to pods: an
// Ingress or a class of them, or a Service behind: one beside the pods that answered, or any if
// none has but the controller's.
func behindIngress(word, rest string, t api.Traffic) bool {
	if t.Host == "" || word != "service" {
		return t.Host != "" && (word == "ingress" || word == "ingressclass")
	}
	controller, _ := path.Split(t.Service())
	pods := slices.DeleteFunc(slices.Clone(t.Backends), func(pod string) bool { return strings.HasPrefix(pod, controller) })
	namespace, _ := path.Split(rest)
	return len(pods) == 0 || slices.ContainsFunc(pods, func(pod string) bool { return strings.HasPrefix(pod, namespace) })
}

// shownFor is for how long after an event requests of a traffic can begin to fail by it; 0
// if it is no act of a customer's on which they depend.
func shownFor(e timeline.Event, t api.Traffic) time.Duration {
	service := t.Service()
	namespace, _ := path.Split(service)
	word, rest, _ := strings.Cut(e.Subject, "/")
	switch {
	case e.Actor != timeline.Customer || e.Verb.Means().Effect == timeline.Tells:
		return 0
	case slices.Contains(servicesOf, word) &&
		(rest == service || rest+"/" == namespace || word == "endpointslice" && strings.HasPrefix(rest, service+"-")),
		word == policyOf && strings.HasPrefix(rest, namespace),
		behindIngress(word, rest, t),
		word == "node" && slices.Contains(nodeActs, e.Verb),
		t.From == "outside" && e.Detail != nil && e.Detail.Rule != nil && e.Detail.Rule.Direction == inbound && e.Detail.Rule.Access == deny:
		return serviceShows
	case rest != "" && slices.Contains(podOwners, word) && slices.ContainsFunc(t.Backends, func(pod string) bool { return podOf(pod, rest) }):
		return rolloutShows
	}
	return 0
}
