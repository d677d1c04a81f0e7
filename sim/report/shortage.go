package report

import (
	"net"
	"net/url"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// shortages are when nodes of a traffic's clients had no SNAT port left for what it asks. How
// many connections there are is the customer's doing, and how many ports his choice
// (MicrosoftDocs/azure-aks-docs, load-balancer-standard, 2026-08-21).
func shortages(in Input, t api.Traffic) (list []Part) {
	asked := destination(t.To)
	for i, e := range in.Events {
		if e.Verb != "lacks ports" || !isShort(e, asked) || strings.HasPrefix(t.From, "node/") && t.From != e.Subject {
			continue
		}
		list = append(list, Part{Owner: OwnerCustomer, From: e.Time, To: shortUntil(in.Events[i:], e, in.To), Why: clean(e.String())})
	}
	return list
}

// isShort says whether an event is about the SNAT ports for a destination.
func isShort(e timeline.Event, to string) bool {
	return e.Detail != nil && e.Detail.SNAT != nil && e.Detail.SNAT.Destination == to
}

// shortUntil is when a node has ports again; an end if it has none until then.
func shortUntil(after []timeline.Event, began timeline.Event, end time.Time) time.Time {
	for _, e := range after {
		if e.Verb == "has ports again" && e.Subject == began.Subject && isShort(e, began.Detail.SNAT.Destination) {
			return e.Time
		}
	}
	return end
}

// destination is the ADDRESS:PORT that a URL names; empty of anything else.
func destination(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return u.Host
}
