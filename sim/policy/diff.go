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
	var list []Change
	for _, after := range b.Clauses {
		if before, ok := a.Clause(after.ID); !ok {
			list = append(list, added("clause", after.ID, fmt.Sprintf("%s (%s): %s", after.Kind, after.Owner, after.Says)))
		} else if c, ok := diffClause(before, after); ok {
			list = append(list, c)
		}
	}
	for _, before := range a.Clauses {
		if _, ok := b.Clause(before.ID); !ok {
			list = append(list, removed("clause", before.ID, fmt.Sprintf("%s (%s): %s", before.Kind, before.Owner, before.Says)))
		}
	}
	for _, after := range b.Components {
		before, ok := a.named(after.Name)
		switch {
		case !ok:
			list = append(list, added("component", after.Name, after.Owner))
		case before.Owner != after.Owner:
			list = append(list, ownerChange("component", after.Name, before.Owner, after.Owner, ""))
		}
	}
	for _, before := range a.Components {
		if _, ok := b.named(before.Name); !ok {
			list = append(list, removed("component", before.Name, before.Owner))
		}
	}
	return append(list, diffRules(a, b)...)
}

// diffRules is what is judged differently. Whether a rule holds for the same is
// not compared: that is its condition.
func diffRules(a, b *Edition) (list []Change) {
	for _, after := range b.Rules {
		before, ok := a.rule(after.ID)
		was, is := before.verdict(), after.verdict()
		switch {
		case !ok:
			list = append(list, added("rule", after.ID, is))
		case was != is:
			text := fmt.Sprintf("~ rule %s: %s -> %s", after.ID, was, is)
			list = append(list, Change{Kind: "rule", Name: after.ID, What: "verdict", Before: was, After: is, Text: text})
		}
	}
	for _, before := range a.Rules {
		if _, ok := b.rule(before.ID); !ok {
			list = append(list, removed("rule", before.ID, before.verdict()))
		}
	}
	return list
}

func (e *Edition) rule(id string) (Rule, bool) {
	i := slices.IndexFunc(e.Rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return e.Rules[i], true
}

// verdict is what the rule says of what it holds for.
func (r Rule) verdict() string { return r.Owner + ", " + r.Coverage + ", " + r.Remedy }

// named is the component of that name.
func (e *Edition) named(name string) (Component, bool) {
	for _, c := range e.Components {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

func added(kind, name, after string) Change {
	return Change{Kind: kind, Name: name, What: "added", After: after, Text: fmt.Sprintf("+ %s %s: %s", kind, name, after)}
}

func removed(kind, name, before string) Change {
	return Change{Kind: kind, Name: name, What: "removed", Before: before, Text: fmt.Sprintf("- %s %s: %s", kind, name, before)}
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
	switch {
	case before.Owner != after.Owner && same:
		return ownerChange("clause", after.ID, before.Owner, after.Owner, ""), true
	case before.Owner != after.Owner:
		return ownerChange("clause", after.ID, before.Owner, after.Owner, after.Says), true
	case same:
		return Change{}, false
	}
	return Change{
		Kind: "clause", Name: after.ID, What: "text", Before: before.Says, After: after.Says,
		Text: fmt.Sprintf("~ clause %s\n    was: %s\n    now: %s", after.ID, before.Says, after.Says),
	}, true
}
