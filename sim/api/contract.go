package api

import (
	"time"

	"demarc/sim/timeline"
)

// Clause is one thing that the support policy says, in our words.
type Clause struct {
	ID      string `yaml:"id" json:"id"`
	Section string `yaml:"section" json:"section"` // its ID
	Owner   string `yaml:"owner" json:"owner"`
	// Kind is promise, duty or exclusion.
	Kind  string `yaml:"kind" json:"kind"`
	Scope string `yaml:"scope" json:"scope"`
	Says  string `yaml:"says" json:"says"`
	// Scenarios are scenarios that show it, beside those that name it themselves.
	Scenarios []string `yaml:"scenarios" json:"scenarios,omitempty"`
	// Unshown says why no scenario shows it.
	Unshown string `yaml:"unshown" json:"unshown,omitempty"`
}

// Judgement is the verdict on an event or an incident.
type Judgement struct {
	// Owner is whose it is, Coverage what support it gets, and Remedy who mends it.
	Owner    string   `json:"owner" enum:"owner"`
	Coverage string   `json:"coverage" enum:"coverage"`
	Remedy   string   `json:"remedy" enum:"remedy"`
	Clauses  []string `json:"clauses"`
	// Rule is the rule that decided, and Sentence says why.
	Rule     string `json:"rule"`
	Sentence string `json:"sentence"`
	// Chain are events from the judged one, or the one that caused the incident, to
	// the root; empty if the timeline does not have it.
	Chain []int64 `json:"chain"`
	// Shares are, of an incident, whose outage it was when; from its beginning to
	// its end, or to now, without gaps.
	Shares []Share `json:"shares,omitempty"`
}

// Owners of a [Judgement].
const (
	OwnerProvider = "provider"
	OwnerCustomer = "customer"
	OwnerUpstream = "upstream"
)

// Coverages of a [Judgement].
const (
	Covered      = "covered"
	BestEffort   = "best-effort"
	NotCovered   = "not-covered"
	VoidsSupport = "voids-support"
)

// Remedies of a [Judgement].
const (
	RemedyAutomatic  = "automatic"  // the service mends it, by itself
	RemedyEscalation = "escalation" // the provider does, when the customer escalates
	RemedyCustomer   = "customer"
	RemedyNone       = "none" // there is nothing to mend, or nobody here can
)

// States of [Supportability].
const (
	Supported   = "supported"
	AtRisk      = "at-risk"
	Unsupported = "unsupported"
)

// Share is a part of the time of an outage.
type Share struct {
	Owner string    `json:"owner" enum:"owner"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	// Event is what makes it the owner's; 0 if the timeline does not have it.
	Event int64 `json:"event"`
	// Clause is set where the provider did not do in time what a clause promises.
	Clause string `json:"clause,omitempty"`
	// Why says so in a few words.
	Why string `json:"why"`
}

// Supportability is whether a cluster is supported, and was.
type Supportability struct {
	State string `json:"state" enum:"support-state"`
	// Reasons are why it is so now, the worst first.
	Reasons []Reason `json:"reasons"`
	// History is how it was from the first event to now, without gaps; two periods
	// that follow each other differ in state or reasons.
	History []Period `json:"history"`
}

// NoVerdict is the supportability of a cluster that nobody has judged.
func NoVerdict() Supportability {
	return Supportability{Reasons: []Reason{}, History: []Period{}}
}

// Reason is one thing for which a cluster is not plainly supported.
type Reason struct {
	State  string `json:"state" enum:"support-state"` // at-risk or unsupported
	Event  int64  `json:"event"`
	Clause string `json:"clause"`
	// Sentence says what it is, and WayBack what to do about it.
	Sentence string    `json:"sentence"`
	WayBack  string    `json:"wayBack"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"` // zero while it lasts
}

// Period is a time in which support was the same.
type Period struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	State   string    `json:"state" enum:"support-state"`
	Reasons []Reason  `json:"reasons"`
}

// Explanation says why something is as it is: four lines for people, the same as data, and
// what led to it.
type Explanation struct {
	// Kind is event, incident, clause or component.
	Kind string `json:"kind"`
	// Name is the event's number, the incident's or clause's ID, or the component.
	Name string `json:"name"`
	// Title says what it is about.
	Title string `json:"title"`
	// Whose says whose it is and whether it is covered, Why why that is so, Mends who mends
	// it and by when, and Clause by which clauses, a line for each.
	Whose  string   `json:"whose"`
	Why    string   `json:"why"`
	Mends  string   `json:"mends"`
	Clause []string `json:"clause"`
	// Judgement is of events and incidents.
	Judgement *Judgement `json:"judgement,omitempty"`
	// Clauses are those that it rests on.
	Clauses []Clause `json:"clauses"`
	// Chain are the causes of an event or an incident from the root down, each followed by
	// what it caused, and below the judged event what came of it; More is how many of these
	// are left out.
	Chain []Link `json:"chain"`
	More  int    `json:"more,omitempty"`
}

// Link is an event in a tree of causes.
type Link struct {
	timeline.Event
	// Depth is how many causes are above it.
	Depth int `json:"depth"`
	// Judged says that it is the event that is judged, or the one of the incident.
	Judged bool `json:"judged,omitempty"`
}

// JudgedIncident is an incident and whose it is by an edition of the policy. The
// incident's own Owner is who was named when it was opened.
type JudgedIncident struct {
	Incident
	Judgement Judgement `json:"judgement"`
}

// Contract is a cluster as the support contract sees it.
type Contract struct {
	// Edition is the edition that it is judged by.
	Edition string `json:"edition"`
	// Incidents are the oldest first.
	Incidents []JudgedIncident `json:"incidents"`
	Support   Supportability   `json:"support"`
}
