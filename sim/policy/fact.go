package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// Fact is an event as rules see it: what is on the timeline, and what follows from
// that and from the edition. CEL knows its fields by the names in the tags; what is
// said of an event is for sentences, and no condition can name it.
type Fact struct {
	Seq     int64         `cel:"seq"`
	Actor   string        `cel:"actor"`
	Verb    timeline.Verb `cel:"verb"`
	Subject string        `cel:"subject"`
	Message string        `cel:"-"`
	// Kind is the first word of the subject, Name the rest, and Node the node that
	// it is or is a part of.
	Kind string `cel:"kind"`
	Name string `cel:"name"`
	Node string `cel:"node"`
	// Component is what the subject belongs to by the edition, Owner whose that is
	// and Managed whether it is managed.
	Component string `cel:"component"`
	Owner     string `cel:"owner"`
	Managed   bool   `cel:"managed"`
	// Party is who answers for it: provider, customer or upstream.
	Party string `cel:"party"`
	// Act is what kind of act it is: see the function act.
	Act string `cel:"act"`
	// Bad says that it tells of something that does not work.
	Bad bool `cel:"bad"`
	// Shell says that somebody was logged in to a node, Harmful that something
	// broke by it, and Consented that support had a consent at that time.
	Shell     bool `cel:"shell"`
	Harmful   bool `cel:"harmful"`
	Consented bool `cel:"consented"`
	// Rule and Access are of a rule of a network security group.
	Rule   string `cel:"rule"`
	Access string `cel:"access"`
	// Tags are tags that were set, and Untags ones that were removed.
	Tags   []string `cel:"tags"`
	Untags []string `cel:"untags"`
	// From and To are the first and the new size of a VM that was resized.
	From string `cel:"from"`
	To   string `cel:"to"`
	// Restores says that a VM has its first size again, or its tags as they were.
	Restores bool `cel:"restores"`
	// Stage is alpha, beta or stable, of a feature gate.
	Stage string `cel:"stage"`
}

// What is the event in words: its message, or else its verb and subject.
func (f *Fact) What() string {
	if f.Message != "" {
		return f.Message
	}
	return strings.TrimSpace(string(f.Verb) + " " + f.Subject)
}

// fact is what the edition makes of one event, without what other events add.
func (e *Edition) fact(x timeline.Event) *Fact {
	c, _ := e.Component(x.Subject)
	return newFact(x, c)
}

func newFact(x timeline.Event, c Component) *Fact {
	m := x.Verb.Means()
	f := &Fact{
		Seq: x.Seq, Actor: string(x.Actor), Verb: x.Verb, Subject: x.Subject, Message: x.Message,
		Kind: kindOf(x.Subject), Node: nodeOf(x.Subject), Tags: []string{}, Untags: []string{},
	}
	_, f.Name, _ = strings.Cut(x.Subject, "/")
	f.Component, f.Owner, f.Managed = c.Name, c.Owner, c.Managed
	f.Party = party(x, c)
	f.Bad = m.Bad || m.Effect == timeline.Breaks
	f.detail(x.Detail)
	f.Act = f.act(x, m)
	f.Shell = x.Verb == "ran" && f.Kind == "node"
	return f
}

// party is who answers for an event: whoever did it, and for what controllers and
// machines do whoever owns it. What is shared fails at the provider's cost, and the
// platform below is the provider's. By what the provider tells, and by mending it, it does
// nothing that could break anything.
func party(x timeline.Event, c Component) string {
	if c.Owner == Upstream {
		return Upstream
	}
	m := x.Verb.Means()
	means := x.Actor == timeline.Node || x.Actor == timeline.Kubernetes ||
		x.Actor == timeline.Provider && (m.Repair || m.Effect == timeline.Tells || m.Effect == timeline.Mends)
	if x.Actor == timeline.Customer || means && c.Owner == Customer {
		return Customer
	}
	return Provider
}

// detail takes over what an event has in detail.
func (f *Fact) detail(d *timeline.Detail) {
	if d == nil {
		return
	}
	f.Stage = strings.ToLower(d.Stage)
	if d.Rule != nil {
		f.Rule, f.Access = d.Rule.Name, strings.ToLower(d.Rule.Access)
	}
	if d.Size != nil {
		f.From, f.To = d.Size.From, d.Size.To
	}
	for _, name := range slices.Sorted(maps.Keys(d.Tags)) {
		if d.Tags[name] == "" {
			f.Untags = append(f.Untags, name)
		} else {
			f.Tags = append(f.Tags, name)
		}
	}
}

// act is the kind of an act: iaas, tag or system-tag (of a cloud resource), nsg or
// nsg-egress (a rule that blocks outbound port 443), shell, package or reboot (on a
// node), power, network, boot or fault (of something), kube (on a node, by the API
// server), escalation, consent, refused, preview, gate, patch, needs-reboot,
// upgrade, preempt, maintenance, or else its verb.
func (f *Fact) act(x timeline.Event, m timeline.Meaning) string {
	switch d := x.Detail; {
	case d != nil && len(d.Tags) > 0:
		if slices.ContainsFunc(slices.Concat(f.Tags, f.Untags), systemTag) {
			return "system-tag"
		}
		return "tag"
	case d != nil && d.Resource:
		return "iaas"
	case f.Kind == "nsg" && d != nil && d.Rule != nil && blocksEgress(*d.Rule):
		return "nsg-egress"
	case f.Kind == "nsg":
		return "nsg"
	case f.Kind == "patch":
		return "patch"
	case m.Kind == timeline.Refusal:
		return m.Kind
	case x.Verb == "ran" && f.Kind == "node":
		return "shell" // see [Judge.addScripts]
	case f.Kind == "feature":
		return "preview"
	case f.Kind == "featuregate":
		return "gate"
	}
	return cmp.Or(m.Kind, string(f.Verb))
}

// systemTag says whether a tag is one that AKS itself sets.
func systemTag(name string) bool { return strings.HasPrefix(strings.ToLower(name), "aks-managed-") }

// blocksEgress says whether a rule keeps nodes from something that AKS needs.
func blocksEgress(r timeline.SecurityRule) bool {
	return strings.EqualFold(r.Access, "Deny") && strings.EqualFold(r.Direction, "Outbound") && !strings.EqualFold(r.Protocol, "Udp") &&
		required(r.Destination) && slices.ContainsFunc(r.Ports, covers443)
}

// required says whether there is something that AKS needs in a destination.
func required(destination string) bool {
	return slices.Contains([]string{"*", "Internet", "0.0.0.0/0"}, destination) ||
		strings.HasPrefix(destination, "AzureCloud") || strings.HasPrefix(destination, "MicrosoftContainerRegistry")
}
