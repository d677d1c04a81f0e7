package timeline

import "fmt"

// Verb is what was done, in a word of the field: crashed, restarted, gave up on. All
// that are put on a timeline are in the table of this file.
type Verb string

// Effect is what a verb says of its subject.
type Effect string

const (
	Acts   Effect = "acts"   // somebody does something to it; what breaks by that, others tell
	Breaks Effect = "breaks" // it does not work any more
	Mends  Effect = "mends"  // it works again
	Tells  Effect = "tells"  // how it is, what is planned, what came of it
)

// Kinds of acts, as the rules of the support policy know them.
const (
	Boot        = "boot"
	Consent     = "consent"
	Escalation  = "escalation"
	Fault       = "fault"
	Kube        = "kube"      // by the API server
	Lifecycle   = "lifecycle" // of the managed cluster
	Link        = "network"
	Maintenance = "maintenance" // of a VM's host, by Azure
	NeedsReboot = "needs-reboot"
	Patching    = "patch"
	Power       = "power"
	Preempt     = "preempt" // of a Spot VM, by Azure
	Refusal     = "refused"
	Upgrade     = "upgrade"
)

// Meaning is a row of the table of verbs.
type Meaning struct {
	Effect Effect
	// Kind is the kind of act; empty if that is the verb itself.
	Kind string
	// UndoneBy are the verbs that undo one that breaks; if there are none, any that mends.
	UndoneBy []Verb
	// Bad says of a verb that tells that something does not work or did not succeed.
	Bad bool
	// Attempt says that something was tried, or was due, and has not come about.
	Attempt bool
	// Repair says that it is a step of the provider's towards mending its subject.
	Repair bool
	// Anew says of a node that all its parts begin anew with it.
	Anew bool
	// PowerLost says of a machine that it has no power any more.
	PowerLost bool
	// Gone says of an object that there is none any more.
	Gone bool
	// Reads is how it reads, with %s for the subject; empty for VERB SUBJECT.
	Reads string
}

// Means is the verb's row of the table. A verb that is not in it, of the timeline of
// another version, tells something.
func (v Verb) Means() Meaning {
	if m, ok := verbs[v]; ok {
		return m
	}
	return Meaning{Effect: Tells}
}

// Verbs is the table of verbs. It must not be changed.
func Verbs() map[Verb]Meaning { return verbs }

// Breaks says that the subject does not work any more.
func (v Verb) Breaks() bool { return v.Means().Effect == Breaks }

// Mends says that the subject works again.
func (v Verb) Mends() bool { return v.Means().Effect == Mends }

// String is the event in words: who has done what.
func (e Event) String() string {
	text := string(e.Actor) + " " + string(e.Verb) + " " + e.Subject
	if reads := e.Verb.Means().Reads; reads != "" {
		text = fmt.Sprintf(reads, e.Subject)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}
