package script

import (
	"context"
	"slices"
	"strings"
	"time"

	"demarc/sim/fault"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Verb is one action that a script can take at a time.
type Verb struct {
	Name string `json:"name"`
	// Summary says in one line what it does, and Doc what to know about it.
	Summary string `json:"summary"`
	Doc     string `json:"doc,omitempty"`
	// Example is a line that can be used as it stands, given its section.
	Example string `json:"example"`
	// Args are its arguments: first those by position, then those by name.
	Args []Arg `json:"args,omitempty"`
	// Fault says that it comes from the registry of faults, and can also be
	// used with demarc fault inject.
	Fault bool `json:"fault,omitempty"`

	// check looks at a call when the script is parsed, beyond the arguments'
	// types. May be nil.
	check func(p *parser, c *call)
	// run takes the action and returns when its request is answered. Errors begin with
	// the title; without one they name themselves what could not be done.
	run   func(ctx context.Context, a action) error
	title func(a action) string
	// spans is how long the action can take; nil means no time at all.
	spans func(c call) time.Duration
}

// ArgType is the form of an argument.
type ArgType string

// Types of an [Arg].
const (
	ArgSection  ArgType = "section"  // the name of a section of the file
	ArgObject   ArgType = "object"   // KIND/[NAMESPACE/]NAME
	ArgNode     ArgType = "node"     // node/INDEX or node/NAME
	ArgWord     ArgType = "name"     // a name of lower-case letters, digits and hyphens
	ArgDuration ArgType = "duration" // a duration with its unit
	ArgInt      ArgType = "int"      // a whole number from 0
	ArgRate     ArgType = "rate"     // requests per second, such as 5/s
	ArgEnum     ArgType = "enum"     // one of Arg.Values
	ArgPairs    ArgType = "pairs"    // any number of KEY=VALUE and KEY-
	ArgTarget   ArgType = "target"   // the target of a fault
	ArgText     ArgType = "text"     // anything
)

// Arg is one argument of a verb.
type Arg struct {
	Name string  `json:"name"`
	Type ArgType `json:"type"`
	// Positional arguments are written as they are, others as name=value.
	Positional bool `json:"positional,omitempty"`
	Required   bool `json:"required,omitempty"`
	// Default is the value if none is given; empty if there is none.
	Default string   `json:"default,omitempty"`
	Values  []string `json:"values,omitempty"` // of an enum
	Doc     string   `json:"doc"`

	// of are the actions of the verb that take it, nil means all, and neededBy those
	// that cannot do without; hint says then what it is.
	of, neededBy []string
	hint         string
}

// actionArg is which of several things a verb does.
func actionArg(actions ...string) Arg {
	return Arg{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: actions, Doc: "what to do"}
}

// call is an action with its arguments, checked.
type call struct {
	verb  *Verb
	words []word          // as written
	args  map[string]word // by name of the argument; text is the value
	cols  map[string]int  // columns of the values
	pairs []word          // of ArgPairs

	section *section                // of an ArgSection
	gvk     schema.GroupVersionKind // of an ArgObject
	fault   fault.Spec              // of a fault
}

func (c *call) text(name string) string { return c.args[name].text }

func (c *call) duration(name string) time.Duration {
	d, err := parseDuration(c.text(name))
	if err != nil {
		return 0
	}
	return d
}

// Verbs returns the registry: the language's own verbs, then the faults.
func Verbs() []Verb {
	verbs := []Verb{
		verbApply, verbDelete, verbScale, verbPatch, verbRestart, verbLabel, verbAnnotate,
		verbCordon, verbUncordon, verbDrain, verbTraffic, verbStopTraffic, verbWatch, verbBackup,
		verbLogs, verbSSH, verbConsent, verbRevokeConsent, verbEscalate, verbSupport, verbIaaS, verbNSG,
		verbAKS, verbNodepool, verbOSPatch, verbCVE, verbFeature, verbUpdate,
	}
	for _, k := range fault.Kinds() {
		verbs = append(verbs, faultVerb(k))
	}
	return verbs
}

func lookupVerb(name string) (*Verb, bool) {
	verbs := Verbs()
	i := slices.IndexFunc(verbs, func(v Verb) bool { return v.Name == name })
	if i < 0 {
		return nil, false
	}
	return &verbs[i], true
}

// Usage is how the verb is written: its arguments in brackets if they can be
// left out.
func (v Verb) Usage() string {
	parts := []string{v.Name}
	for _, a := range v.Args {
		s := a.Name
		switch {
		case a.Type == ArgPairs:
			s += " …"
		case a.Positional:
			s = strings.ToUpper(s)
			if a.Type == ArgObject {
				s = "KIND/[NAMESPACE/]NAME"
			} else if a.Type == ArgNode {
				s = "node/NODE"
			}
		default:
			s += "=" + a.valueUsage()
		}
		if !a.Required {
			s = "[" + s + "]"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

// valueUsage is how the value is written: its default, its choices, or its type.
func (a Arg) valueUsage() string {
	switch {
	case a.Default != "":
		return a.Default
	case a.Type == ArgEnum:
		return strings.Join(a.Values, "|")
	}
	return strings.ToUpper(string(a.Type))
}

func argNames(args []Arg) []string {
	var names []string
	for _, a := range args {
		if !a.Positional {
			names = append(names, a.Name)
		}
	}
	return names
}
