package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// remedies are who mends something, in words.
var remedies = map[string]string{
	Automatic: "the service, by itself", Escalation: "the provider, when the customer escalates (demarc escalate NODE)",
	ByCustomer: "the customer", NoRemedy: "nobody: there is nothing to mend here",
}

// mends says who mends what is out since a time, and by when: what the provider owes by the
// duties of the edition. Without a time it says how soon.
func (j *Judge) mends(v Judgement, subject string, since time.Time, root *Fact) (string, error) {
	who := remedies[v.Remedy]
	if v.Remedy != Automatic {
		return who, nil
	}
	var owed []string
	for _, d := range j.e.Duties {
		if !matchAny(d.Of, subject) {
			continue
		}
		holds, err := d.when.holds(map[string]any{"root": root})
		if err != nil {
			return "", fmt.Errorf("duty %s of edition %s: %w", d.ID, j.e.ID, err)
		}
		if holds {
			owed = append(owed, d.due(since))
		}
	}
	if len(owed) == 0 {
		return who + "; no clause says by when", nil
	}
	return who + ": " + strings.Join(owed, "; "), nil
}

// due says what a duty promises, and when that is for what is out since a time.
func (d Duty) due(since time.Time) string {
	by := func(what string, after time.Duration) string {
		if since.IsZero() {
			return fmt.Sprintf("%s within %s", what, span(after))
		}
		return fmt.Sprintf("%s by %s", what, stamp(since.Add(after)))
	}
	var parts []string
	if d.Act > 0 {
		parts = append(parts, by("begun", d.Act))
	}
	if d.Heal > 0 {
		parts = append(parts, by("through", d.Heal))
	}
	return fmt.Sprintf("%s (%s, %s)", d.Says, strings.Join(parts, ", "), d.Clause)
}

// mendsBy says what the edition makes of a clause: who mends what is judged by it, and what
// is owed by when.
func (e *Edition) mendsBy(c Clause) string {
	var parts, rules []string
	for _, d := range e.Duties {
		if d.Clause == c.ID {
			parts = append(parts, d.due(time.Time{}))
		}
	}
	for _, remedy := range []string{Automatic, Escalation, ByCustomer, NoRemedy} {
		rules = rules[:0]
		for _, r := range e.Rules {
			if r.Remedy == remedy && slices.Contains(r.Clauses, c.ID) {
				rules = append(rules, r.ID)
			}
		}
		if len(rules) > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", remedies[remedy], shown(rules)))
		}
	}
	if len(parts) == 0 {
		return "no rule of the edition judges an outage by it"
	}
	return strings.Join(parts, "; ")
}

// shown are the rules of a list, or how many there are.
func shown(rules []string) string {
	const all = 4
	if len(rules) > all {
		return fmt.Sprintf("%d rules, such as %s", len(rules), rules[0])
	}
	return "by " + strings.Join(rules, ", ")
}
