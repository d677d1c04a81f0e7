package script

import (
	"slices"
	"strings"

	"demarc/sim/fault"
)

// Verb is one action that a script can take at a time.
type Verb struct {
	Name string
	// Summary says in one line what it does, and Doc what to know about it.
	Summary string
	Doc     string
	// Example is a line that can be used as it stands, given its section.
	Example string
	// Args are its arguments: first those by position, then those by name.
	Args []Arg
	// Fault says that it comes from the registry of faults, and can also be
	// used with demarc fault inject.
	Fault bool

	// Prints says that it runs a command, whose output can be expected and kept.
	Prints bool

	// Check looks at a call when the script is parsed, beyond the arguments'
	// types. May be nil.
	Check func(k Checker, c *Call)
	// Spans is the argument that says how long the action can take; none means no
	// time at all.
	Spans string
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
	Name string
	Type ArgType
	// Positional arguments are written as they are, others as name=value.
	Positional bool
	Required   bool
	// Default is the value if none is given; empty if there is none.
	Default string
	Values  []string // of an enum
	Doc     string

	// Of are the actions of the verb that take it, nil means all, and NeededBy those
	// that cannot do without; Hint says then what it is.
	Of, NeededBy []string
	Hint         string
}

// actionArg is which of several things a verb does.
func actionArg(actions ...string) Arg {
	return Arg{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: actions, Doc: "what to do"}
}

// Verbs returns the registry: the language's own verbs, then the faults.
func Verbs() []Verb {
	verbs := []Verb{
		verbApply, verbDelete, verbScale, verbPatch, verbRestart, verbLabel, verbAnnotate,
		verbCordon, verbUncordon, verbDrain, verbTraffic, verbStopTraffic, verbWatch, verbBackup,
		verbLogs, verbSSH, verbConsent, verbRevokeConsent, verbEscalate, verbSupport, verbIaaS, verbIaaSDisk, verbIaaSShare, verbIaaSLB, verbIaaSRoute, verbNSG,
		verbAKS, verbNodepool, verbOSPatch, verbCVE, verbFeature, verbUpdate, verbMaintenance,
	}
	for _, k := range fault.Kinds() {
		verbs = append(verbs, faultVerb(k))
	}
	return verbs
}

// Lookup finds a verb by its name.
func Lookup(name string) (*Verb, bool) {
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

// ArgNames are the names of the arguments that are written with them.
func ArgNames(args []Arg) []string {
	var names []string
	for _, a := range args {
		if !a.Positional {
			names = append(names, a.Name)
		}
	}
	return names
}
