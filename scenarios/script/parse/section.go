package parse

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"demarc/scenarios/script"
	"demarc/sim/fault"

	"golang.org/x/tools/txtar"
)

// readSections finds the sections and their lines.
func (p *parser) readSections(data []byte, archive *txtar.Archive) {
	lines := strings.Split(string(data), "\n")
	at := 0
	for _, f := range archive.Files {
		for at < len(lines) && !isMarker(lines[at], f.Name) {
			at++
		}
		at++
		if other, ok := p.sections[f.Name]; ok {
			p.problemAt(at, 4, "", "there is a section %s already, in line %d", f.Name, other.Marker)
			continue
		}
		s := &script.Section{Name: f.Name, Marker: at, Text: string(f.Data)}
		p.sections[f.Name] = s
	}
}

// isMarker says whether a line is the marker of the section, as txtar has it.
func isMarker(line, name string) bool {
	rest, ok := strings.CutPrefix(line, "-- ")
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, " --")
	return ok && strings.TrimSpace(rest) == name
}

// Section finds the section that a word names.
func (p *parser) Section(w script.Word) *script.Section {
	s, ok := p.sections[w.Text]
	if !ok {
		p.Problem(w.Col, fault.Suggest(w.Text, slices.Sorted(maps.Keys(p.sections))), "there is no section -- %s -- in this file", w.Text)
		return nil
	}
	p.used[s] = true
	return s
}

// checkUnused reports sections that no step names.
func (p *parser) checkUnused() {
	for _, s := range p.sections {
		if !p.used[s] {
			p.problemAt(s.Marker, 4, "", "no step uses the section %s", s.Name)
		}
	}
}

// checkNodeRefs checks the node references of all sections.
func (p *parser) checkNodeRefs() {
	for _, s := range p.sections {
		for i, line := range strings.Split(s.Text, "\n") {
			p.checkNodeRefsIn(line, s.Marker+1+i, 1)
		}
	}
}

// checkNodeRefsIn checks the node references of a text that begins at a place.
func (p *parser) checkNodeRefsIn(text string, line, col int) {
	for _, m := range script.NodeRef.FindAllStringSubmatchIndex(text, -1) {
		ref := text[m[2]:m[3]]
		if pool, _, named := strings.Cut(ref, "-vmss"); named && vmssSuffix.MatchString(ref) && slices.Contains(p.pools, pool) {
			continue
		}
		if n, err := strconv.ParseUint(ref, 10, 16); err != nil || int(n) > p.lastInstance() {
			p.problemAt(line, col+m[0], "", "$(node/%s): want the index of a node, from 0 to %d", ref, p.lastInstance())
		}
	}
}
