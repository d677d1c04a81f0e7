package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Owners, as a report splits time. What is upstream's, shared or nobody's is
// OwnerShared.
const (
	OwnerProvider = "provider"
	OwnerShared   = "shared"
	OwnerCustomer = "customer"
)

// Owners are all of them in the order in which they are shown.
var Owners = []string{OwnerProvider, OwnerShared, OwnerCustomer}

// Kinds of an [Outage].
const (
	KindAPIServer = "api-server"
	KindNode      = "node"
	KindWorkload  = "workload"
	KindOther     = "other"
)

// APIServer is the subject of the outages of the API server.
const APIServer = "API server"

// Outage is how long one thing was out, and whose that was.
type Outage struct {
	Subject string `json:"subject"`
	Kind    string `json:"kind"`
	// Minutes are of virtual time. Each counts once: the owners' add up to Total.
	Minutes Minutes `json:"minutes"`
	// Parts are what they are added up from, one after the other. Of several causes
	// the one that came first has the time until it is mended, and the next what it
	// prolongs.
	Parts []Part `json:"parts"`
	// WritesOnly are the minutes of the API server's in which it refused writes alone, since
	// etcd was full.
	WritesOnly float64 `json:"writesOnly,omitempty"`
}

// Minutes are minutes of outage by owner.
type Minutes struct {
	Total    float64 `json:"total"`
	Provider float64 `json:"provider"`
	Shared   float64 `json:"shared"`
	Customer float64 `json:"customer"`
}

// Part is a part of an outage that is one owner's.
type Part struct {
	Owner string    `json:"owner"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	// Open says that it goes on.
	Open bool `json:"open,omitempty"`
	// Incident is the ID of the incident; empty if there is none for it.
	Incident string `json:"incident,omitempty"`
	Why      string `json:"why,omitempty"`
}

// add adds time that is one owner's.
func (m *Minutes) add(owner string, d time.Duration) {
	n := d.Minutes()
	m.Total += n
	switch owner {
	case OwnerProvider:
		m.Provider += n
	case OwnerCustomer:
		m.Customer += n
	default:
		m.Shared += n
	}
}

// of is the minutes of one owner.
func (m Minutes) of(owner string) float64 {
	switch owner {
	case OwnerProvider:
		return m.Provider
	case OwnerCustomer:
		return m.Customer
	}
	return m.Shared
}

// Requests counts requests by owner.
type Requests struct {
	Provider int64 `json:"provider"`
	Shared   int64 `json:"shared"`
	Customer int64 `json:"customer"`
}

// add counts requests that are one owner's.
func (r *Requests) add(owner string, n int64) {
	switch owner {
	case OwnerProvider:
		r.Provider += n
	case OwnerCustomer:
		r.Customer += n
	default:
		r.Shared += n
	}
}

// outages are the outages of the API server, and of all else that had any; and the
// requests of each traffic that failed, by owner.
func outages(in Input, from, to time.Time) (server Outage, rest []Outage, failed []Requests) {
	parts := incidentParts(in, to)
	down, failed := workloads(in, parts, to)
	for subject, list := range down {
		parts[subject] = append(parts[subject], list...)
	}
	server = outage(APIServer, parts[APIServer], from, to)
	server.WritesOnly = writesOnly(in, server)
	delete(parts, APIServer)
	rest = []Outage{}
	for subject, list := range parts {
		if o := outage(subject, list, from, to); len(o.Parts) > 0 {
			rest = append(rest, o)
		}
	}
	order := []string{KindNode, KindWorkload, KindOther}
	slices.SortFunc(rest, func(a, b Outage) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), cmp.Compare(a.Subject, b.Subject))
	})
	return server, rest, failed
}

// incidentParts are the shares of all incidents, by what was out.
func incidentParts(in Input, now time.Time) map[string][]Part {
	parts := map[string][]Part{}
	for _, x := range in.Incidents {
		subject, _ := subjectOf(x.Incident.Subject)
		parts[subject] = append(parts[subject], partsOf(x, now)...)
	}
	return parts
}

// subjectOf is what is out when the subject of an incident is: a node without its
// kubelet is as good as none, and an API server without etcd as well.
func subjectOf(subject string) (name, kind string) {
	word, rest, _ := strings.Cut(subject, "/")
	switch {
	case subject == "kube-apiserver", subject == "etcd", subject == "control-plane", subject == APIServer:
		return APIServer, KindAPIServer
	case rest != "" && slices.Contains(vital, word):
		return "node/" + clean(rest), KindNode
	case subject == "nodes":
		return "nodes", KindNode
	case slices.Contains([]string{"traffic", "container", "deployment", "service", "pod", "statefulset", "daemonset"}, word):
		return clean(subject), KindWorkload
	}
	return clean(subject), KindOther
}

// vital are the parts of a machine without which its node is not Ready.
var vital = []string{"node", "kubelet", "containerd", "azure-cns"}

// partsOf are the shares of an incident. One that nobody judged is whose it was
// said to be from the beginning.
func partsOf(x api.JudgedIncident, now time.Time) (list []Part) {
	i := x.Incident
	shares := x.Judgement.Shares
	end := i.End
	if end.IsZero() {
		end = now
	}
	if len(shares) == 0 {
		owner := cmp.Or(x.Judgement.Owner, string(i.Owner))
		return []Part{{Owner: ownerOf(owner), From: i.Start, To: end, Open: i.End.IsZero(), Incident: clean(i.ID), Why: clean(i.Cause)}}
	}
	for n, s := range shares {
		p := Part{Owner: ownerOf(s.Owner), From: s.From, To: s.To, Incident: clean(i.ID), Why: clean(cmp.Or(s.Why, i.Cause))}
		if n == len(shares)-1 && i.End.IsZero() {
			p.To, p.Open = now, true
		}
		list = append(list, p)
	}
	return list
}

func ownerOf(owner string) string {
	if owner == OwnerProvider || owner == OwnerCustomer {
		return owner
	}
	return OwnerShared
}

// actorOwner is whose side an actor is on. Controllers and machines are on none.
func actorOwner(a timeline.Actor) string {
	switch a {
	case timeline.Customer:
		return OwnerCustomer
	case timeline.Provider, timeline.Platform:
		return OwnerProvider
	}
	return OwnerShared
}

// outage adds up the parts that are within a time.
func outage(subject string, parts []Part, from, to time.Time) Outage {
	_, kind := subjectOf(subject)
	o := Outage{Subject: subject, Kind: kind, Parts: []Part{}}
	for _, p := range parts {
		if p.From.Before(from) {
			p.From = from
		}
		if p.To.After(to) {
			p.To = to
		}
		if p.To.After(p.From) {
			p.From, p.To = p.From.UTC(), p.To.UTC()
			o.Parts = append(o.Parts, p)
		}
	}
	o.Parts = inTurn(o.Parts)
	for _, p := range o.Parts {
		o.Minutes.add(p.Owner, p.To.Sub(p.From))
	}
	return o
}

// inTurn gives each moment to one of some parts: to the one that began first, for as long
// as it lasts.
func inTurn(parts []Part) []Part {
	slices.SortStableFunc(parts, func(a, b Part) int { return a.From.Compare(b.From) })
	list := []Part{}
	var until time.Time
	for _, p := range parts {
		if p.From.Before(until) {
			p.From = until
		}
		if p.To.After(p.From) {
			list = append(list, p)
			until = p.To
		}
	}
	return list
}
