package policy

import (
	"fmt"
	"strings"
)

// Change is something that another edition says differently.
type Change struct {
	// Kind is clause or component.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// What is added, removed, owner or text.
	What string `json:"what"`
	// Before and After are owners, or what is said.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Text is the change in words, ready for printing, in one line or two.
	Text string `json:"text"`
}

// Diff is what changed from one edition to another: first clauses in the order of
// the new edition, then those that are gone, then components. A clause whose owner
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
	return list
}

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
