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

// servicesOf are the first words of what leads requests to pods.
var servicesOf = []string{"service", "endpointslice", "endpoints", "namespace"}

// acts are what customers have done to what serves traffic: its Service, the pods that
// answered, what makes these, and their namespace. Each is a part from then until it can
// no longer be what shows, or something else was done to the same.
func acts(in Input, t api.Traffic) (list []Part) {
	service := t.Service()
	namespace, _ := path.Split(service)
	last := map[string]int{} // by subject, in list
	for _, e := range in.Events {
		word, rest, _ := strings.Cut(e.Subject, "/")
		if e.Actor != timeline.Customer || rest == "" || e.Verb.Means().Effect == timeline.Tells {
			continue
		}
		shows := rolloutShows
		switch {
		case slices.Contains(servicesOf, word):
			shows = serviceShows
			if rest != service && rest+"/" != namespace && !(word == "endpointslice" && strings.HasPrefix(rest, service+"-")) {
				continue
			}
		case !slices.Contains(podOwners, word) || !slices.ContainsFunc(t.Backends, func(pod string) bool { return podOf(pod, rest) }):
			continue
		}
		if n, ok := last[e.Subject]; ok && list[n].To.After(e.Time) {
			list[n].To = e.Time
		}
		last[e.Subject] = len(list)
		list = append(list, Part{Owner: OwnerCustomer, From: e.Time, To: e.Time.Add(shows), Why: clean(e.String())})
	}
	return list
}
