package api

import (
	"strings"
	"time"
)

// Severity is how much a case hurts the customer's business: A, B or C.
type Severity string

// Severities: critical, moderate and minimal impact.
const (
	SeverityA Severity = "A"
	SeverityB Severity = "B"
	SeverityC Severity = "C"
)

// Severities are all of them, the worst first.
var Severities = []Severity{SeverityA, SeverityB, SeverityC}

// InitialResponse is within what time the desk promises to begin work on a case of
// that severity: that of the plan Professional Direct, in virtual time (Microsoft,
// "Azure support plans: Support scope and responsiveness", 2026: under 1, 2 and 4
// hours).
func (s Severity) InitialResponse() time.Duration {
	switch s {
	case SeverityA:
		return time.Hour
	case SeverityB:
		return 2 * time.Hour
	}
	return 4 * time.Hour
}

// Higher is the next worse severity, if there is one.
func (s Severity) Higher() (Severity, bool) {
	switch s {
	case SeverityC:
		return SeverityB, true
	case SeverityB:
		return SeverityA, true
	}
	return s, false
}

// Topics of a case that is about no part of the cluster.
const (
	TopicHowTo         = "how-to"
	TopicAdvice        = "advice"
	TopicMultiCloud    = "multi-cloud"
	TopicCustomNetwork = "custom-network"
	TopicNSG           = "nsg"
)

// Topics are all of them.
var Topics = []string{TopicHowTo, TopicAdvice, TopicMultiCloud, TopicCustomNetwork, TopicNSG}

// CaseAbout is what a case is about, as the customer says it. At most one field is
// set, but for the component of a node.
type CaseAbout struct {
	// Component is a name of a part of the service, such as coredns or
	// kube-apiserver.
	Component string `json:"component,omitempty"`
	// Node is an index, a vmss suffix or a name.
	Node      string `json:"node,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Pod is NAMESPACE/NAME, or the name of one in default.
	Pod string `json:"pod,omitempty"`
	// Chart is the name of a Helm chart or of another third party's software.
	Chart string `json:"chart,omitempty"`
	// Topic is one of [Topics].
	Topic string `json:"topic,omitempty" enum:"topic"`
}

// CaseRequest opens a [Case].
type CaseRequest struct {
	CaseAbout
	// Symptom is what the customer sees, in his words.
	Symptom string `json:"symptom"`
	// Severity is C if empty.
	Severity Severity `json:"severity,omitempty"`
}

// CaseNote is what somebody says when a case is escalated or closed.
type CaseNote struct {
	Text string `json:"text,omitempty"`
}

// Case is what a customer has asked the provider's support, and what came of it.
type Case struct {
	// ID counts from 1. The case is case/ID on the timeline.
	ID string `json:"id"`
	CaseAbout
	Symptom  string   `json:"symptom"`
	Severity Severity `json:"severity" enum:"severity"`
	// Edition is the edition of the support policy that it is answered by.
	Edition string `json:"edition" enum:"edition"`
	// State is one of the states below.
	State string `json:"state" enum:"case-state"`
	// Subject is what the desk found it to be about, as the timeline names it, or a
	// matter such as third-party/istio.
	Subject string  `json:"subject,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Findings are what the verdict rests on.
	Findings []CaseFinding `json:"findings"`
	// Asks is what the desk needs of the customer; empty if nothing.
	Asks string `json:"asks,omitempty"`
	// WaitsFor is the node that support may look at when the customer consents, and
	// Looked when it did.
	WaitsFor string    `json:"waitsFor,omitempty"`
	Looked   time.Time `json:"looked,omitzero"`
	// Restarts is the node that an escalation restarts, and Repair that restart.
	Restarts string `json:"restarts,omitempty"`
	Repair   string `json:"repair,omitempty"`
	// Upstream is the bug that it comes from.
	Upstream *KnownIssue `json:"upstream,omitempty"`
	// Opened, Answered and Closed are virtual; Due is until when the first answer is
	// promised.
	Opened   time.Time `json:"opened"`
	Due      time.Time `json:"due"`
	Answered time.Time `json:"answered,omitzero"`
	Closed   time.Time `json:"closed,omitzero"`
	// ClosedBy is customer or provider.
	ClosedBy Role `json:"closedBy,omitempty" enum:"role"`
	// Conversation is what both sides said, the oldest first.
	Conversation []CaseEntry `json:"conversation"`
}

// Name is the case as the timeline has it.
func (c Case) Name() string { return "case/" + c.ID }

// Names says whether a customer's words, such as 1, case/1 or #1, name the case.
func (c Case) Names(words string) bool {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(words), "case/"), "#") == c.ID
}

// States of a [Case].
const (
	CaseOpened           = "opened"               // nobody has looked at it yet
	CaseAnswered         = "answered"             // there is nothing more to ask or to do
	CaseWaitsForConsent  = "waiting for consent"  // support must look at a node
	CaseWaitsForCustomer = "waiting for customer" // the customer has something to do or to say
	CaseOffersEscalation = "escalation offered"   // a restart of the node would help
	CaseEscalated        = "escalated"            // the node is being restarted
	CaseLinked           = "linked upstream"      // it is somebody else's bug
	CaseClosed           = "closed"
)

// Verdict is whose a case is, what support it gets, and by which clauses. It is empty
// while that is not known.
type Verdict struct {
	// Owner, Coverage and Remedy are those of a [Judgement].
	Owner    string   `json:"owner,omitempty" enum:"owner"`
	Coverage string   `json:"coverage,omitempty" enum:"coverage"`
	Remedy   string   `json:"remedy,omitempty" enum:"remedy"`
	Clauses  []string `json:"clauses"`
	Sentence string   `json:"sentence,omitempty"`
}

// CaseFinding is one thing that the desk has seen.
type CaseFinding struct {
	// Source is where: event/SEQ, incident/ID, repair/ID, an object such as
	// pod/NAMESPACE/NAME, or node/NAME behind which stands what was run there.
	Source string `json:"source"`
	Says   string `json:"says"`
}

// CaseEntry is one thing that was said.
type CaseEntry struct {
	At time.Time `json:"at"`
	By Role      `json:"by"`
	// Text is one paragraph.
	Text string `json:"text"`
}

// KnownIssue is a bug of an upstream project that the service knows.
type KnownIssue struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	// Project is whose it is: kubernetes, containerd or kernel.
	Project string `yaml:"project" json:"project"`
	Issue   string `yaml:"issue" json:"issue"` // its URL
	// Fixed is the first version of the project without it; empty for none.
	Fixed string `yaml:"fixed" json:"fixed,omitempty"`
	// Affects says which versions have it, Why how that hurts a cluster, Workaround
	// what helps until then, and Timeline roughly when it ends.
	Affects    string `yaml:"affects" json:"affects"`
	Why        string `yaml:"why" json:"why"`
	Workaround string `yaml:"workaround" json:"workaround"`
	Timeline   string `yaml:"timeline" json:"timeline"`
}
