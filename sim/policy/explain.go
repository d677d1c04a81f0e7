package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
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
	kind, name := j.e.named(what)
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
	if _, ok := j.e.part(name); ok {
		return j.e.explainComponent(name)
	}
	return Explanation{}, fmt.Errorf("edition %s knows neither a clause nor a component %q%s; demarc policy components lists what it knows", j.e.ID, name, didYouMean(name, j.e.names()))
}

// NeedsWorld says whether what names an event or an incident, which only a cluster
// has; clauses and components can be explained without one.
func NeedsWorld(what string) bool {
	kind, _ := split(what)
	return kind == "event" || kind == "incident"
}

// named is split, with names of several words left whole: load balancer.
func (e *Edition) named(what string) (kind, name string) {
	if _, ok := known(what); ok {
		return "", strings.TrimSpace(what)
	}
	return split(what)
}

// split splits what is to be explained into its kind and its name. The kind is empty
// if it is not said and the name is that of no event or incident.
func split(what string) (kind, name string) {
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

// names are those of all clauses and components, and what people call these.
func (e *Edition) names() []string {
	list := append(e.clauseIDs(), e.componentNames()...)
	for _, n := range allNames() {
		list = append(list, slices.DeleteFunc(slices.Clone(n.Names), func(s string) bool { return strings.Contains(s, "*") })...)
	}
	return list
}

func (e *Edition) componentNames() []string {
	return each(e.Components, func(c Component) string { return c.Name })
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
	x, _ := j.event(seq)
	mends, err := j.mends(v, x.Subject, x.Time, j.facts[j.root(seq)])
	if err != nil {
		return Explanation{}, err
	}
	return j.explained(Explanation{
		Kind: "event", Name: strconv.FormatInt(seq, 10), Title: fmt.Sprintf("Event #%d, %s: %s", seq, stamp(x.Time), j.say(seq)),
		Whose: whose(v), Why: v.Sentence, Mends: mends,
	}, v), nil
}

func (j *Judge) explainIncident(id string) (Explanation, error) {
	v, err := j.Incident(id)
	if err != nil {
		return Explanation{}, err
	}
	i, _ := j.incident(id)
	root := j.rootOf(i)
	mends, err := j.mends(v, i.Subject, j.since(i, root).Start, root)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Kind: "incident", Name: id, Whose: whose(v), Why: v.Sentence}
	if i.End.IsZero() {
		x.Title = fmt.Sprintf("Incident %s: %s is out since %s", id, i.Subject, stamp(i.Start))
		x.Mends = mends + "; so far it has lasted " + span(j.end(i).Sub(i.Start))
	} else {
		lasted := span(i.End.Sub(i.Start))
		x.Title = fmt.Sprintf("Incident %s: %s was out for %s, from %s to %s", id, i.Subject, lasted, stamp(i.Start), stamp(i.End))
		x.Mends = mends + "; it was over after " + lasted
	}
	if len(v.Shares) > 1 {
		x.Whose = ""
		for n, s := range v.Shares {
			x.Whose += fmt.Sprintf("%s%s %s", map[bool]string{true: "", false: ", then "}[n == 0], possessive(s.Owner), span(s.To.Sub(s.From)))
		}
		x.Whose += "; " + coverages[v.Coverage]
	}
	return j.explained(x, v), nil
}

// explained adds the clauses and the chain of causes.
func (j *Judge) explained(x Explanation, v Judgement) Explanation {
	x.Judgement, x.Clauses = &v, []Clause{}
	ids := slices.Clone(v.Clauses)
	for _, s := range v.Shares {
		if s.Clause != "" && !slices.Contains(ids, s.Clause) {
			ids = append(ids, s.Clause)
		}
	}
	for _, id := range ids {
		c, _ := j.e.Clause(id)
		x.Clauses = append(x.Clauses, c)
		x.Clause = append(x.Clause, j.e.cite(c))
	}
	x.Chain, x.More = j.tree(v.Chain)
	return x
}

// whose is whose something is by a judgement, and whether it is covered.
func whose(v Judgement) string { return possessive(v.Owner) + "; " + coverages[v.Coverage] }

// possessive is whose something is in words.
func possessive(owner string) string {
	switch owner {
	case Upstream:
		return "upstream's"
	case Shared:
		return "shared by provider and customer"
	}
	return "the " + owner + "'s"
}

// coverages are what is done about it, in words.
var coverages = map[string]string{
	Covered: "covered by support", BestEffort: "best effort of support", NotCovered: "not covered by support", VoidsSupport: "costs the cluster its support",
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

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

// span is a duration as people say it: 46m, 1h30m.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// cite is a clause with its source.
func (e *Edition) cite(c Clause) string {
	s, _ := e.Section(c.Section)
	return fmt.Sprintf("%s: %s [%s, %s, %q]", c.ID, c.Says, e.ID, c.Kind, s.Heading())
}

func (e *Edition) explainClause(id string) (Explanation, error) {
	c, ok := e.Clause(id)
	if !ok {
		return Explanation{}, fmt.Errorf("edition %s has no clause %q%s%s", e.ID, id, didYouMean(id, e.clauseIDs()), elsewhere(e, id))
	}
	cite := e.cite(c) + "; source: " + e.Source
	if len(c.Scenarios) > 0 {
		cite += "; shown by " + strings.Join(c.Scenarios, ", ")
	}
	kind := map[string]string{KindPromise: "a promise", KindDuty: "a duty", KindExclusion: "an exclusion"}[c.Kind]
	return Explanation{
		Kind: "clause", Name: id, Title: fmt.Sprintf("Clause %s of edition %s, about %s", c.ID, e.ID, c.Scope),
		Whose: possessive(c.Owner) + ": " + kind, Why: c.Says, Mends: e.mendsBy(c), Clause: []string{cite}, Clauses: []Clause{c}, Chain: []api.Link{},
	}, nil
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

// explainComponent says whose a component, or a part of one, is, and whose its outage
// would be if it failed by itself.
func (e *Edition) explainComponent(name string) (Explanation, error) {
	p, ok := e.part(name)
	if !ok {
		return Explanation{}, e.unknownComponent(name)
	}
	f := e.fact(timeline.Event{Actor: timeline.Node, Verb: "failed", Subject: p.subject})
	v, err := e.apply(f, f)
	if err != nil {
		return Explanation{}, err
	}
	mends, err := e.Judge(World{}).mends(v, p.subject, time.Time{}, f)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Kind: "component", Name: name, Title: name, Mends: "if it fails by itself: " + mends, Chain: []api.Link{}, Clauses: []Clause{}}
	if p.is != "" {
		x.Title += ", " + p.is
	}
	if name != p.Name {
		x.Title += ": belongs to the component " + p.Name
	}
	x.Whose = possessive(p.Owner)
	if p.Managed {
		x.Whose += " and managed: the provider runs it and nobody else may change it"
	}
	x.Why = fmt.Sprintf("the edition's table of components says so; if it fails by itself, the outage is %s, %s", possessive(v.Owner), coverages[v.Coverage])
	for _, id := range append([]string{p.Clause}, v.Clauses...) {
		if c, ok := e.Clause(id); ok && !slices.ContainsFunc(x.Clauses, func(known Clause) bool { return known.ID == id }) {
			x.Clauses, x.Clause = append(x.Clauses, c), append(x.Clause, e.cite(c))
		}
	}
	return x, nil
}
