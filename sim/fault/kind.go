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
	// Args are its arguments, beside "by", which every verb takes.
	Args []Arg `json:"args,omitempty"`
	// Repairs says that it puts something right instead of breaking it.
	Repairs bool `json:"repairs,omitempty"`
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
	// Only says for which kind of target it is meant; empty means for all.
	Only TargetKind `json:"only,omitempty"`
	Doc  string     `json:"doc"`
}

// by is the argument that every verb takes.
var by = Arg{
	Name: "by", Type: Enum,
	Values: []string{string(timeline.Customer), string(timeline.Provider), string(timeline.Platform)},
	Doc:    "who does it; by default the provider for the control plane, the platform for machines and their network, the customer for kubelets and containers",
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

// DefaultActor is who does this to such a target when nobody is named: the
// provider operates the control plane, machines and network are the platform's,
// and what happens on a node is the customer's doing.
func (k Kind) DefaultActor(target TargetKind) timeline.Actor {
	switch target {
	case Component, ControlPlane, All:
		return timeline.Provider
	case Node, Nodes, CustomerAccess:
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
