package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Change is something that another edition says differently.
type Change struct {
	// Kind is clause, component or rule.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// What is added, removed, owner, text or, of a rule, verdict.
	What string `json:"what"`
	// Before and After are owners, what is said, or verdicts: owner, coverage and
	// remedy.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Text is the change in words, ready for printing, in one line or two.
	Text string `json:"text"`
}

// Diff is what changed from one edition to another: first clauses in the order of
// the new edition, then those that are gone, then components and rules. A clause whose owner
// and words both changed is one change, of its owner.
func Diff(a, b *Edition) []Change {
	clause := func(c Clause) (name, says string) { return c.ID, fmt.Sprintf("%s (%s): %s", c.Kind, c.Owner, c.Says) }
	component := func(c Component) (name, says string) { return c.Name, c.Owner }
	rule := func(r Rule) (name, says string) { return r.ID, r.Owner + ", " + r.Coverage + ", " + r.Remedy }
	return slices.Concat(
		compare("clause", a.Clauses, b.Clauses, clause, diffClause),
		compare("component", a.Components, b.Components, component, func(before, after Component) (Change, bool) {
			return ownerChange("component", after.Name, before.Owner, after.Owner, ""), before.Owner != after.Owner
		}),
		// Whether a rule holds for the same is not compared: that is its condition.
		compare("rule", a.Rules, b.Rules, rule, func(before, after Rule) (Change, bool) {
			_, was := rule(before)
			id, is := rule(after)
			text := fmt.Sprintf("~ rule %s: %s -> %s", id, was, is)
			return Change{Kind: "rule", Name: id, What: "verdict", Before: was, After: is, Text: text}, was != is
		}),
	)
}

// compare lists what is new or differs, in the order of the new list, and then what is
// gone.
func compare[T any](kind string, before, after []T, tell func(T) (name, says string), differs func(before, after T) (Change, bool)) (list []Change) {
	named := func(x T) func(T) bool {
		name, _ := tell(x)
		return func(other T) bool {
			n, _ := tell(other)
			return n == name
		}
	}
	for _, x := range after {
		name, says := tell(x)
		if was, ok := find(before, named(x)); !ok {
			list = append(list, Change{Kind: kind, Name: name, What: "added", After: says, Text: fmt.Sprintf("+ %s %s: %s", kind, name, says)})
		} else if c, ok := differs(was, x); ok {
			list = append(list, c)
		}
	}
	for _, x := range before {
		if name, says := tell(x); !slices.ContainsFunc(after, named(x)) {
			list = append(list, Change{Kind: kind, Name: name, What: "removed", Before: says, Text: fmt.Sprintf("- %s %s: %s", kind, name, says)})
		}
	}
	return list
}

func ownerChange(kind, name, before, after, says string) Change {
	text := fmt.Sprintf("~ %s %s: owner %s -> %s", kind, name, before, after)
	if says != "" {
		text += "; now: " + says
	}
	return Change{Kind: kind, Name: name, What: "owner", Before: before, After: after, Text: text}
}

func diffClause(before, after Clause) (Change, bool) {
	same := strings.EqualFold(before.Says, after.Says) && before.Kind == after.Kind
	if before.Owner != after.Owner {
		says := after.Says
		if same {
			says = ""
		}
		return ownerChange("clause", after.ID, before.Owner, after.Owner, says), true
	}
	return Change{
		Kind: "clause", Name: after.ID, What: "text", Before: before.Says, After: after.Says,
		Text: fmt.Sprintf("~ clause %s\n    was: %s\n    now: %s", after.ID, before.Says, after.Says),
	}, !same
}
