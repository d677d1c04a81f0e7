package policy

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Name is what people call a part of a cluster, in whatever edition.
type Name struct {
	// Subject is what the timeline calls it, with words in capitals for what differs: by
	// that an edition says which component it belongs to.
	Subject string `yaml:"subject"`
	// Is says what it is.
	Is string `yaml:"is"`
	// Names are those that it has; * is anything.
	Names []string `yaml:"names"`
}

//go:embed names.yaml
var namesText []byte

// allNames is the table of names. That the program's own file is wrong is a mistake that
// the tests find.
var allNames = sync.OnceValue(func() (list []Name) {
	_ = yaml.Unmarshal(namesText, &list)
	return list
})

// known is what people call so: by that very name, in the plural, or by a pattern.
func known(word string) (n Name, ok bool) {
	word = strings.Join(strings.Fields(strings.ToLower(word)), "-")
	for _, w := range []string{word, strings.TrimSuffix(word, "s")} {
		if n, ok = find(allNames(), func(n Name) bool { return slices.Contains(n.Names, w) }); ok {
			return n, true
		}
	}
	return find(allNames(), func(n Name) bool { return matchAny(n.Names, word) })
}

// NamesOf are the names by which people know what belongs to a component, without
// patterns and its own.
func (e *Edition) NamesOf(c Component) (names []string) {
	for _, n := range allNames() {
		if of, ok := e.Component(n.Subject); !ok || of.Name != c.Name {
			continue
		}
		for _, name := range n.Names {
			if name != c.Name && !strings.Contains(name, "*") {
				names = append(names, name)
			}
		}
	}
	return names
}

// part is a component, or something that belongs to one.
type part struct {
	Component
	// subject is what the timeline calls it, and is says what it is, if that is known.
	subject, is string
}

// part finds what somebody means: a component, what people call one or a part of one, or
// a subject of the timeline.
func (e *Edition) part(name string) (p part, ok bool) {
	if c, ok := find(e.Components, func(c Component) bool { return c.Name == name }); ok {
		return e.example(c), true
	}
	if n, ok := known(name); ok {
		p.Component, ok = e.Component(n.Subject)
		p.subject, p.is = n.Subject, n.Is
		return p, ok
	}
	p.Component, ok = e.Component(name)
	n, _ := known(kindOf(name))
	p.subject, p.is = name, n.Is
	return p, ok
}

// example is a component as a part of itself: by its own name, or by the first that there
// is for it.
func (e *Edition) example(c Component) part {
	p := part{Component: c, subject: strings.NewReplacer("/**", "/NAME", "*", "NAME").Replace(c.Patterns[0])}
	for _, n := range allNames() {
		own := slices.Contains(n.Names, c.Name)
		if of, ok := e.Component(n.Subject); ok && of.Name == c.Name && (own || p.is == "") {
			p.subject, p.is = n.Subject, n.Is
			if own {
				break
			}
		}
	}
	return p
}
