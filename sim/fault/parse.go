package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/timeline"
)

// Part says which word of a fault is wrong.
type Part string

// Parts of a fault.
const (
	PartVerb     Part = "verb"
	PartTarget   Part = "target"
	PartArgName  Part = "argument name"
	PartArgValue Part = "argument value"
)

// Error says which word of a fault is wrong, why, and what was probably meant.
type Error struct {
	Part Part
	// Word is the wrong word as it was given; for an argument that is
	// missing, the word that lacks it.
	Word string
	// Arg is the name of the argument, for errors of arguments.
	Arg string
	// Message says what is wrong.
	Message string
	// Suggestion is a word to put in its place, or empty.
	Suggestion string
}

func (e *Error) Error() string {
	if e.Suggestion == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (did you mean %q?)", e.Message, e.Suggestion)
}

// Parse makes a Spec of words: the verb, the target, and the arguments by name,
// "by" among them. The Spec has its defaults filled in and its target in full
// form. Every error is an [Error].
func Parse(verb, target string, args map[string]string) (Spec, error) {
	kind, ok := Lookup(verb)
	if !ok {
		verbs := make([]string, 0, len(kinds))
		for _, k := range kinds {
			verbs = append(verbs, k.Verb)
		}
		return Spec{}, &Error{Part: PartVerb, Word: verb, Message: fmt.Sprintf("unknown fault %q", verb), Suggestion: Suggest(verb, verbs)}
	}
	if target == "" {
		return Spec{}, targetError(verb, "%s needs a target: %s", verb, targetList(kind))
	}
	t, err := ParseTarget(target)
	if err != nil {
		return Spec{}, err
	}
	if !kind.strikes(t) {
		return Spec{}, targetError(target, "%s cannot strike %s; it takes %s", verb, target, targetList(kind))
	}
	spec := Spec{Verb: verb, Target: t.String(), By: kind.DefaultActor(t.Kind)}
	if err := spec.setArgs(kind, t, args); err != nil {
		return Spec{}, err
	}
	if kind.check != nil {
		err = kind.check(spec, t)
	}
	return spec, err
}

// setArgs checks the arguments and fills in defaults.
func (s *Spec) setArgs(kind Kind, t Target, args map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		a, ok := kind.arg(name)
		if !ok {
			return &Error{Part: PartArgName, Word: name, Arg: name, Suggestion: Suggest(name, kind.argNames()),
				Message: fmt.Sprintf("%s has no argument %q", kind.Verb, name)}
		}
		if !a.suits(t.Kind) {
			return &Error{Part: PartArgName, Word: name, Arg: name,
				Message: fmt.Sprintf("%s= is only for a target of the form %s", name, joinKinds(a.Only))}
		}
		value, err := a.check(args[name])
		if err != nil {
			return err
		}
		if name == by.Name {
			s.By = timeline.Actor(value)
			continue
		}
		s.set(name, value)
	}
	for _, a := range kind.Args {
		if _, given := s.Args[a.Name]; given || !a.suits(t.Kind) {
			continue
		}
		if a.Required {
			return &Error{Part: PartArgName, Word: kind.Verb, Arg: a.Name,
				Message: fmt.Sprintf("%s needs %s=: %s", kind.Verb, a.Name, a.Doc)}
		}
		if a.Default != "" {
			s.set(a.Name, a.Default)
		}
	}
	return nil
}

func (s *Spec) set(name, value string) {
	if s.Args == nil {
		s.Args = map[string]string{}
	}
	s.Args[name] = value
}

// check checks a value and returns it in its plain form.
func (a Arg) check(value string) (string, error) {
	wrong := func(want string) (string, error) {
		return "", &Error{Part: PartArgValue, Word: value, Arg: a.Name,
			Message: fmt.Sprintf("%s=%s: want %s", a.Name, value, want)}
	}
	switch a.Type {
	case Duration:
		if d, err := time.ParseDuration(value); err != nil || d <= 0 {
			return wrong("a duration with its unit, such as 500ms or 20s")
		}
	case Int:
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return wrong("a whole number from 1")
		}
	case Percent:
		n, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		if err != nil || !strings.HasSuffix(value, "%") || !(n >= 0 && n <= 100) {
			return wrong("a share from 0% to 100%")
		}
	case Enum:
		if !slices.Contains(a.Values, value) {
			_, err := wrong("one of " + strings.Join(a.Values, ", "))
			if e := (*Error)(nil); errors.As(err, &e) {
				e.Suggestion = Suggest(value, a.Values)
			}
			return "", err
		}
	default:
		if value == "" {
			return wrong("some text")
		}
	}
	return value, nil
}

// Duration is the value of a duration argument; 0 if it has none.
func (s Spec) Duration(name string) time.Duration {
	d, err := time.ParseDuration(s.Args[name])
	if err != nil {
		return 0
	}
	return d
}

// Share is the value of a percentage, from 0 to 1; 0 if it has none.
func (s Spec) Share(name string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSuffix(s.Args[name], "%"), 64)
	if err != nil {
		return 0
	}
	return n / 100
}

// Int is the value of a whole-number argument; 0 if it has none.
func (s Spec) Int(name string) int {
	n, err := strconv.Atoi(s.Args[name])
	if err != nil {
		return 0
	}
	return n
}

func targetList(k Kind) string { return strings.Join(k.TargetForms(), ", ") }

// joinKinds writes kinds of targets as a sentence has them.
func joinKinds(kinds []TargetKind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, " or ")
}
