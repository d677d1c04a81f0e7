package policy

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// zero is when the worlds of tests begin.
var zero = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// after is a time of a test's world.
func after(s string) time.Time {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return zero.Add(d)
}

// ev is an event; its number is its place in the list of [world].
func ev(at string, actor timeline.Actor, verb timeline.Verb, subject string, cause int64, message string, detail ...timeline.Detail) timeline.Event {
	e := timeline.Event{Time: after(at), Actor: actor, Verb: verb, Subject: subject, Cause: cause, Message: message}
	if len(detail) > 0 {
		e.Detail = &detail[0]
	}
	return e
}

// Details of events.
var (
	vm       = timeline.Detail{Resource: true}
	rebooted = timeline.Detail{Down: timeline.Rebooted}
	off      = timeline.Detail{Down: timeline.PoweredOff}
	packaged = timeline.Detail{Packages: []string{"moby-containerd"}}
)

// deny is of a rule that denies packets to the Internet.
func deny(name, protocol, ports string) timeline.Detail {
	return timeline.Detail{Rule: &timeline.SecurityRule{
		Name: name, Direction: "Outbound", Access: "Deny", Protocol: protocol, Destination: "Internet", Ports: strings.Split(ports, ","),
	}}
}

// world is a world that has lasted two hours.
func world(events ...timeline.Event) World {
	for i := range events {
		events[i].Seq = int64(i) + 1
	}
	return World{Events: events, Now: after("2h")}
}

// out adds an incident, i1 and so on; an empty end is none.
func (w World) out(subject string, event int64, start, end string) World {
	i := api.Incident{ID: "i" + string(rune('1'+len(w.Incidents))), Subject: subject, Event: event, Start: after(start), Owner: timeline.Provider}
	if end != "" {
		i.End = after(end)
	}
	w.Incidents = append(w.Incidents[:len(w.Incidents):len(w.Incidents)], i)
	return w
}

func edition(t *testing.T, id string) *Edition {
	t.Helper()
	e, err := Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// both are the IDs of the editions.
var both = []string{"2019-04", "2026-08"}

// brief is a judgement in one line.
func brief(v Judgement) string {
	return strings.Join([]string{v.Rule, v.Owner, v.Coverage, v.Remedy, strings.Join(v.Clauses, ",")}, " ")
}

// sharesOf are shares in one line: OWNER FROM-TO.
func sharesOf(v Judgement) string {
	var parts []string
	for _, s := range v.Shares {
		parts = append(parts, s.Owner+" "+s.From.Sub(zero).String()+"-"+s.To.Sub(zero).String())
	}
	return strings.Join(parts, ", ")
}
