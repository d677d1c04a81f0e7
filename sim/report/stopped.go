package report

import (
	"time"

	"demarc/sim/timeline"
)

// stopOf is the verb of who stops the cluster, and running that of its being started again.
const (
	stopOf  timeline.Verb = "started stop of"
	running timeline.Verb = "is running"
)

// untilRunning is how long a cluster was not to serve since its customer stopped it.
func untilRunning(events []timeline.Event, began timeline.Event, end time.Time) time.Duration {
	return max(lasts(events, began, end, func(e timeline.Event) bool { return e.Subject == began.Subject && e.Verb == running }), serviceShows)
}

// stoppedMinutes is for how many minutes of a time the cluster was stopped, or on its way
// there or back: by its customer, and no outage.
func stoppedMinutes(in Input, from, to time.Time) (minutes float64) {
	for _, e := range in.Events {
		if e.Verb != stopOf {
			continue
		}
		began, ended := e.Time, e.Time.Add(untilRunning(in.Events, e, to))
		if began.Before(from) {
			began = from
		}
		if ended.After(to) {
			ended = to
		}
		minutes += max(ended.Sub(began), 0).Minutes()
	}
	return minutes
}
