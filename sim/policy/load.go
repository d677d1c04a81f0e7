package policy

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed editions/*.yaml
var files embed.FS

// loadAll reads the editions that are part of the program.
func loadAll() ([]*Edition, error) {
	const dir = "editions"
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("editions of the support policy: %w", err)
	}
	var list []*Edition
	for _, entry := range entries {
		data, err := files.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("editions of the support policy: %w", err)
		}
		e, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("support policy %s: %w", entry.Name(), err)
		}
		if want := e.ID + ".yaml"; entry.Name() != want {
			return nil, fmt.Errorf("support policy %s: edition %s belongs in %s", entry.Name(), e.ID, want)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *Edition) int { return cmp.Compare(a.Date, b.Date) })
	return list, nil
}

// parse reads an edition, compiles what is in it and checks that it hangs
// together. The error names every mistake.
func parse(data []byte) (*Edition, error) {
	e := &Edition{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(e); err != nil {
		return nil, err
	}
	if err := errors.Join(e.compile(), e.check()); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Edition) compile() error {
	var errs []error
	note := func(where string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
	}
	when := func(where, source string, vars ...string) *condition {
		c, err := compileCondition(source, vars...)
		note(where, err)
		return c
	}
	says := func(where, source string) *sentence {
		s, err := compileSentence(source)
		note(where, err)
		return s
	}
	for i := range e.Rules {
		r := &e.Rules[i]
		r.when = when("rule "+r.ID, r.When, "event", "root")
		r.sentence = says("rule "+r.ID, r.Sentence)
	}
	for i := range e.Duties {
		d := &e.Duties[i]
		d.when = when("duty "+d.ID, d.When, "root")
	}
	for i := range e.Conditions {
		c := &e.Conditions[i]
		where := "condition " + c.ID
		c.when, c.until = when(where, c.When, "event"), when(where, c.Until, "event", "later")
		c.sentence, c.wayBack = says(where, c.Sentence), says(where, c.WayBack)
	}
	return errors.Join(errs...)
}

// clauseID is what the ID of a clause looks like.
var clauseID = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// check finds what does not fit together.
func (e *Edition) check() error {
	c := checker{e: e, seen: map[string]bool{}, has: map[string]bool{}}
	if e.ID == "" || e.Title == "" || e.Date == "" || e.Source == "" {
		c.problem("id, title, date and source are needed")
	}
	for _, s := range e.Sections {
		c.once("section", s.ID)
	}
	for _, x := range e.Clauses {
		c.clause(x)
	}
	for _, s := range e.Sections {
		if !c.has[s.ID] {
			c.problem("section %s has no clause", s.ID)
		}
	}
	for _, x := range e.Components {
		c.once("component", x.Name)
		c.oneOf("component "+x.Name, x.Owner, Provider, Shared, Customer, Upstream)
		c.known("component "+x.Name, x.Clause)
		c.patterns("component "+x.Name, x.Patterns)
	}
	for _, r := range e.Rules {
		c.rule(r)
	}
	if n := len(e.Rules); n == 0 || e.Rules[n-1].When != "true" {
		c.problem("the last rule must hold for everything: when: \"true\"")
	}
	for _, d := range e.Duties {
		c.once("duty", d.ID)
		c.known("duty "+d.ID, d.Clause)
		c.patterns("duty "+d.ID, d.Of)
		for _, h := range d.Healers {
			c.oneOf("duty "+d.ID, h, healerLeader, healerRepair, healerWatchdog, healerPlane, healerMonitors)
		}
	}
	for _, x := range e.Conditions {
		c.once("condition", x.ID)
		c.known("condition "+x.ID, x.Clause)
		c.oneOf("condition "+x.ID, x.State, StateAtRisk, StateUnsupported)
	}
	return errors.Join(c.errs...)
}

// checker collects what is wrong with an edition.
type checker struct {
	e    *Edition
	seen map[string]bool // by kind and ID
	has  map[string]bool // sections that have a clause
	errs []error
}

func (c *checker) problem(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) once(kind, id string) {
	if id == "" {
		c.problem("a %s has no id", kind)
	} else if c.seen[kind+" "+id] {
		c.problem("%s %s is there twice", kind, id)
	}
	c.seen[kind+" "+id] = true
}

func (c *checker) oneOf(where, word string, words ...string) {
	if !slices.Contains(words, word) {
		c.problem("%s: %q is none of %v", where, word, words)
	}
}

func (c *checker) known(where, clause string) {
	if _, ok := c.e.Clause(clause); !ok {
		c.problem("%s names an unknown clause %q", where, clause)
	}
}

func (c *checker) patterns(where string, patterns []string) {
	if len(patterns) == 0 {
		c.problem("%s has no pattern", where)
	}
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			c.problem("%s: pattern %q: %w", where, p, err)
		}
	}
}

func (c *checker) clause(x Clause) {
	c.once("clause", x.ID)
	if !clauseID.MatchString(x.ID) {
		c.problem("clause %q: want words of lower-case letters and digits, joined by . or -", x.ID)
	}
	if _, ok := c.e.Section(x.Section); !ok {
		c.problem("clause %s is in an unknown section %q", x.ID, x.Section)
	}
	c.has[x.Section] = true
	c.oneOf("clause "+x.ID, x.Owner, Provider, Shared, Customer, Upstream)
	c.oneOf("clause "+x.ID, x.Kind, KindPromise, KindDuty, KindExclusion)
	if x.Scope == "" || x.Says == "" {
		c.problem("clause %s: scope and says are needed", x.ID)
	}
}

func (c *checker) rule(r Rule) {
	c.once("rule", r.ID)
	c.oneOf("rule "+r.ID, r.Owner, Provider, Customer, Upstream)
	c.oneOf("rule "+r.ID, r.Coverage, Covered, BestEffort, NotCovered, VoidsSupport)
	c.oneOf("rule "+r.ID, r.Remedy, Automatic, Escalation, ByCustomer, NoRemedy)
	if len(r.Clauses) == 0 {
		c.problem("rule %s names no clause", r.ID)
	}
	for _, id := range r.Clauses {
		c.known("rule "+r.ID, id)
	}
}
