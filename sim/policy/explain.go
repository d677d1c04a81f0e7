package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Explain explains an event (12, or event 12), an incident (i3, or incident i3), a
// clause or a component. The error says what there is instead.
func (e *Edition) Explain(w World, what string) (Explanation, error) { return e.Judge(w).Explain(what) }

var (
	eventName    = regexp.MustCompile(`^#?[0-9]+$`)
	incidentName = regexp.MustCompile(`^i[0-9]+$`)
)

// Explain explains something: see [Edition.Explain].
func (j *Judge) Explain(what string) (Explanation, error) {
	kind, name := named(what)
	switch {
	case name == "":
		return Explanation{}, fmt.Errorf("explain what? Want the number of an event, an incident such as i3, a clause or a component")
	case kind == "event":
		return j.explainEvent(strings.TrimPrefix(name, "#"))
	case kind == "incident":
		return j.explainIncident(name)
	case kind == "clause":
		return j.e.explainClause(name)
	case kind == "component":
		return j.e.explainComponent(name)
	case kind != "":
		return Explanation{}, fmt.Errorf("cannot explain a %q%s: want event, incident, clause or component", kind, didYouMean(kind, []string{"event", "incident", "clause", "component"}))
	}
	if _, ok := j.e.Clause(name); ok {
		return j.e.explainClause(name)
	}
	if _, ok := j.e.Component(name); ok {
		return j.e.explainComponent(name)
	}
	return Explanation{}, fmt.Errorf("edition %s knows neither a clause nor a component %q%s", j.e.ID, name, didYouMean(name, j.e.names()))
}

// NeedsWorld says whether what names an event or an incident, which only a cluster
// has; clauses and components can be explained without one.
func NeedsWorld(what string) bool {
	kind, _ := named(what)
	return kind == "event" || kind == "incident"
}

// named splits what is to be explained into its kind and its name. The kind is
// empty if it is not said and the name is that of no event or incident.
func named(what string) (kind, name string) {
	what = strings.TrimSpace(what)
	if kind, name, ok := strings.Cut(what, " "); ok {
		return strings.ToLower(kind), strings.TrimSpace(name)
	}
	switch {
	case eventName.MatchString(what):
		return "event", what
	case incidentName.MatchString(what):
		return "incident", what
	}
	return "", what
}

// names are those of all clauses and components.
func (e *Edition) names() []string {
	return append(e.clauseIDs(), each(e.Components, func(c Component) string { return c.Name })...)
}

func (e *Edition) clauseIDs() []string { return each(e.Clauses, func(c Clause) string { return c.ID }) }

func (j *Judge) explainEvent(name string) (Explanation, error) {
	seq, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return Explanation{}, fmt.Errorf("an event is named by its number on the timeline, not %q", name)
	}
	v, err := j.Event(seq)
	if err != nil {
		return Explanation{}, err
	}
	text := fmt.Sprintf("Event %d, %s: %s. %s %s", seq, j.when(seq), j.say(seq), v.Sentence, verdict(v))
	return j.explained("event", name, text, v), nil
}

func (j *Judge) explainIncident(id string) (Explanation, error) {
	v, err := j.Incident(id)
	if err != nil {
		return Explanation{}, err
	}
	i, _ := j.incident(id)
	lasted := "lasts since " + stamp(i.Start)
	if !i.End.IsZero() {
		lasted = fmt.Sprintf("lasted %s, from %s to %s", i.End.Sub(i.Start).Round(time.Second), stamp(i.Start), stamp(i.End))
	}
	text := fmt.Sprintf("Incident %s, the outage of %s, %s. %s %s", id, i.Subject, lasted, v.Sentence, verdict(v))
	if len(v.Shares) > 1 {
		text += " Of its time"
		for n, s := range v.Shares {
			text += fmt.Sprintf("%s %s is the %s's (%s)", map[bool]string{true: "", false: ","}[n == 0], s.To.Sub(s.From).Round(time.Second), s.Owner, s.Why)
		}
		text += "."
	}
	return j.explained("incident", id, text, v), nil
}

// explained adds the chain of causes and the clauses.
func (j *Judge) explained(kind, name, text string, v Judgement) Explanation {
	if len(v.Chain) > 1 {
		var steps []string
		for _, seq := range slices.Backward(v.Chain) {
			steps = append(steps, fmt.Sprintf("%d %s", seq, j.say(seq)))
		}
		text += " The causes, from the root: " + strings.Join(steps, "; ") + "."
	}
	x := Explanation{Kind: kind, Name: name, Judgement: &v}
	ids := slices.Clone(v.Clauses)
	for _, s := range v.Shares {
		if s.Clause != "" && !slices.Contains(ids, s.Clause) {
			ids = append(ids, s.Clause)
		}
	}
	for _, id := range ids {
		c, _ := j.e.Clause(id)
		x.Clauses = append(x.Clauses, c)
		text += " " + j.e.cite(c)
	}
	x.Text = text
	return x
}

// verdict is a judgement in words.
func verdict(v Judgement) string {
	coverage := map[string]string{
		Covered: "is covered", BestEffort: "gets best effort", NotCovered: "is not covered", VoidsSupport: "costs the cluster its support",
	}[v.Coverage]
	remedy := map[string]string{
		Automatic: "is mended automatically", Escalation: "is mended by the provider when the customer escalates",
		ByCustomer: "is the customer's to mend", NoRemedy: "needs no mending here",
	}[v.Remedy]
	return fmt.Sprintf("It is the %s's, %s, and %s.", v.Owner, coverage, remedy)
}

// say is an event in words.
func (j *Judge) say(seq int64) string {
	f := j.facts[seq]
	text := fmt.Sprintf("%s %s %s", f.Actor, f.Verb, f.Subject)
	if f.Message != "" {
		text += " (" + f.Message + ")"
	}
	return text
}

func (j *Judge) when(seq int64) string {
	x, _ := j.event(seq)
	return stamp(x.Time)
}

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

// cite is a clause with its source.
func (e *Edition) cite(c Clause) string {
	s, _ := e.Section(c.Section)
	return fmt.Sprintf("Clause %s: %s [%s, section %q]", c.ID, c.Says, e.ID, s.Heading())
}

func (e *Edition) explainClause(id string) (Explanation, error) {
	c, ok := e.Clause(id)
	if !ok {
		return Explanation{}, fmt.Errorf("edition %s has no clause %q%s%s", e.ID, id, didYouMean(id, e.clauseIDs()), elsewhere(e, id))
	}
	duty := map[string]string{KindPromise: "promises", KindDuty: "makes a duty", KindExclusion: "excludes"}[c.Kind]
	s, _ := e.Section(c.Section)
	text := fmt.Sprintf("Clause %s of edition %s %s, about %s: %s Owner: %s. Section: %s. Source: %s.", c.ID, e.ID, duty, c.Scope, c.Says, c.Owner, s.Heading(), e.Source)
	if len(c.Scenarios) > 0 {
		text += " Shown by: " + strings.Join(c.Scenarios, ", ") + "."
	}
	return Explanation{Kind: "clause", Name: id, Text: text, Clauses: []Clause{c}}, nil
}

// elsewhere says which other edition has a clause.
func elsewhere(e *Edition, id string) string {
	for _, other := range Editions() {
		if _, ok := other.Clause(id); ok && other.ID != e.ID {
			return "; edition " + other.ID + " has it"
		}
	}
	return ""
}

func (e *Edition) explainComponent(name string) (Explanation, error) {
	c, ok := e.Component(name)
	if !ok {
		return Explanation{}, e.unknownComponent(name)
	}
	clause, _ := e.Clause(c.Clause)
	whose := map[string]string{
		Provider: "is the provider's", Customer: "is the customer's", Upstream: "is upstream's",
		Shared: "is shared by provider and customer",
	}[c.Owner]
	text := c.Name + " " + whose
	if name != c.Name {
		text = fmt.Sprintf("%s belongs to %s, which %s", name, c.Name, whose)
	}
	if c.Managed {
		text += " and managed: the provider runs it and nobody else may change it"
	}
	text += ". " + e.cite(clause)
	return Explanation{Kind: "component", Name: name, Text: text, Clauses: []Clause{clause}}, nil
}
