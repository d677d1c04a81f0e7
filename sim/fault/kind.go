// Package fault is the vocabulary of what can go wrong in a managed cluster,
// and of what puts it right again: crash etcd, slow kube-apiserver
// latency=500ms, power-off node/0, heal all.
//
// It knows words, not effects. [Kinds] is the registry from which help, lint
// and completion are made; [Parse] turns words into a [Spec] that is known to
// be well formed, or says in an [Error] which word is wrong and what was
// probably meant; [ParseTarget] and the methods of [Spec] take a Spec apart
// again for whoever makes it happen. `demarc fault inject` and the scenario
// language both speak it. [Suggest] is demarc's only "did you mean".
package fault

import (
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// Kind is one verb: what it does, to what, and with which arguments.
type Kind struct {
	// Verb is the word itself.
	Verb string `json:"verb"`
	// Summary says in one line what it does.
	Summary string `json:"summary"`
	// Doc says what that means for the cluster.
	Doc string `json:"doc,omitempty"`
	// Example is a line that can be used as it stands.
	Example string `json:"example"`
	// Targets are the kinds of things that it can strike.
	Targets []TargetKind `json:"targets"`
	// Components are the components that a Component target may be; empty
	// means all of them.
	Components []string `json:"components,omitempty"`
	// Args are its arguments, beside "by", which every verb takes.
	Args []Arg `json:"args,omitempty"`
	// Repairs says that it puts something right instead of breaking it.
	Repairs bool `json:"repairs,omitempty"`
	// EndedBy is the verb that ends it; empty if it does not stay in force.
	EndedBy string `json:"endedBy,omitempty"`
	// Past is how it reads on the timeline: crashed. It is empty for what machines
	// alone do, which record that themselves.
	Past timeline.Verb `json:"-"`
	// Actor is who does it when nobody is named; if empty, that depends on the
	// target.
	Actor timeline.Actor `json:"actor,omitempty"`

	check func(Spec, Target) error // what else must be so; nil for nothing
}

// ArgType is the form of an argument's value.
type ArgType string

// Types of an [Arg].
const (
	Duration ArgType = "duration" // a positive time.Duration such as 500ms
	Int      ArgType = "int"      // a whole number from 1
	String   ArgType = "string"   // any text
	Enum     ArgType = "enum"     // one of Arg.Values
	Percent  ArgType = "percent"  // 0% to 100%
)

// Arg is one argument, written name=value.
type Arg struct {
	Name string  `json:"name"`
	Type ArgType `json:"type"`
	// Values are what an Enum may be.
	Values []string `json:"values,omitempty"`
	// Default is the value if none is given; empty if there is none.
	Default  string `json:"default,omitempty"`
	Required bool   `json:"required,omitempty"`
	// Only says for which kinds of targets it is meant; empty means for all.
	Only []TargetKind `json:"only,omitempty"`
	Doc  string       `json:"doc"`
}

// suits says whether the argument is meant for such a target.
func (a Arg) suits(t TargetKind) bool { return len(a.Only) == 0 || slices.Contains(a.Only, t) }

// by is the argument that every verb takes.
var by = Arg{
	Name: "by", Type: Enum,
	Values: []string{string(timeline.Customer), string(timeline.Provider), string(timeline.Platform)},
	Doc: "who does it: the director may name anybody, and means by default the provider for the control plane, the platform for machines, disks, " +
		"networks, the cloud and the provider's replicas, the customer for kubelets and containers; everybody else acts in his own name",
}

// By is the argument "by=" that every verb takes, for help and completion.
func By() Arg { return by }

// Kinds returns the registry, in the order in which help lists it.
func Kinds() []Kind { return slices.Clone(kinds) }

// Lookup finds a kind by its verb.
func Lookup(verb string) (Kind, bool) {
	for _, k := range kinds {
		if k.Verb == verb {
			return k, true
		}
	}
	return Kind{}, false
}

// EndedBy are the verbs of the faults that a repair ends.
func EndedBy(repair string) (verbs []string) {
	for _, k := range kinds {
		if k.EndedBy == repair {
			verbs = append(verbs, k.Verb)
		}
	}
	return verbs
}

// DefaultActor is who does this to such a target when nobody is named: the
// kind's own actor, if it has one. Else the provider operates the control plane;
// machines, disks and networks are the platform's, also those that the provider
// uses; and what happens on a node is the customer's doing.
func (k Kind) DefaultActor(target TargetKind) timeline.Actor {
	if k.Actor != "" {
		return k.Actor
	}
	switch target {
	case Component, ControlPlane, All:
		return timeline.Provider
	case Node, Nodes, Zone, Outside, CustomerAccess, Provider, Replica, BackupStore, Backup, Cloud, CloudDisks, CloudBalancers, CloudDNS:
		return timeline.Platform
	}
	return timeline.Customer
}

// arg finds an argument of the kind by name.
func (k Kind) arg(name string) (Arg, bool) {
	if name == by.Name {
		return by, true
	}
	for _, a := range k.Args {
		if a.Name == name {
			return a, true
		}
	}
	return Arg{}, false
}

// argNames are the names of all arguments that the kind takes.
func (k Kind) argNames() []string {
	names := make([]string, 0, len(k.Args)+1)
	for _, a := range k.Args {
		names = append(names, a.Name)
	}
	return append(names, by.Name)
}

// strikes says whether the kind can strike a target.
func (k Kind) strikes(t Target) bool {
	return slices.Contains(k.Targets, t.Kind) && (t.Kind != Component || slices.Contains(k.components(), t.Component))
}

// components are the components that a Component target may be.
func (k Kind) components() []string {
	if len(k.Components) > 0 {
		return k.Components
	}
	return Components()
}

// TargetForms are how the targets that the kind can strike are written, for
// help: etcd, etcd/N, node/NAME.
func (k Kind) TargetForms() []string {
	var forms []string
	for _, t := range k.Targets {
		if t != Component {
			forms = append(forms, string(t))
			continue
		}
		for _, c := range k.components() {
			forms = append(forms, c)
			if multiple(c) {
				forms = append(forms, c+"/N")
			}
		}
	}
	return forms
}

// TargetWords are the targets that the kind can strike, for completion. Those
// that end in a slash go on with what only the cluster knows.
func (k Kind) TargetWords() []string {
	var words []string
	for _, t := range k.Targets {
		switch t {
		case Component:
			words = append(words, k.components()...)
			for _, c := range k.components() {
				if multiple(c) {
					words = append(words, below(c, instances...)...)
				}
			}
		case Replica:
			words = append(words, below("provider", append(slices.Clone(instances), Leader)...)...)
		case Backup:
			words = append(words, below("backup", Latest)...)
		case CloudDisks, CloudBalancers, CloudDNS:
			words = append(words, string(t))
		default:
			word, _, open := strings.Cut(string(t), "/")
			if open {
				word += "/"
			}
			words = append(words, word)
		}
	}
	return words
}

// below puts words behind another and a slash.
func below(word string, parts ...string) []string {
	var words []string
	for _, p := range parts {
		words = append(words, word+"/"+p)
	}
	return words
}
