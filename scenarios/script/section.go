package script

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/fault"

	"golang.org/x/tools/txtar"
)

// section is one file of the archive.
type section struct {
	name   string
	marker int // line of the marker; the text begins in the next line
	text   string
	used   bool
	docs   []document // once it was read as YAML
	read   bool
}

// readSections finds the sections and their lines.
func (p *parser) readSections(data []byte, archive *txtar.Archive) {
	lines := strings.Split(string(data), "\n")
	at := 0
	for _, f := range archive.Files {
		for at < len(lines) && !isMarker(lines[at], f.Name) {
			at++
		}
		at++
		if other, ok := p.script.sections[f.Name]; ok {
			p.problemAt(at, 4, "", "there is a section %s already, in line %d", f.Name, other.marker)
			continue
		}
		s := &section{name: f.Name, marker: at, text: string(f.Data)}
		p.script.sections[f.Name] = s
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

// section finds the section that a word names.
func (p *parser) section(w word) *section {
	s, ok := p.script.sections[w.text]
	if !ok {
		p.problem(w.col, fault.Suggest(w.text, slices.Sorted(maps.Keys(p.script.sections))), "there is no section -- %s -- in this file", w.text)
		return nil
	}
	s.used = true
	return s
}

// checkUnused reports sections that no step names.
func (p *parser) checkUnused() {
	for _, s := range p.script.sections {
		if !s.used {
			p.problemAt(s.marker, 4, "", "no step uses the section %s", s.name)
		}
	}
}

// nodeRef is how section texts and checks name a node: $(node/0).
var nodeRef = regexp.MustCompile(`\$\(node/([^)]*)\)`)

// checkNodeRefs checks the node references of all sections.
func (p *parser) checkNodeRefs() {
	for _, s := range p.script.sections {
		for i, line := range strings.Split(s.text, "\n") {
			p.checkNodeRefsIn(line, s.marker+1+i, 1)
		}
	}
}

// checkNodeRefsIn checks the node references of a text that begins at a place.
func (p *parser) checkNodeRefsIn(text string, line, col int) {
	for _, m := range nodeRef.FindAllStringSubmatchIndex(text, -1) {
		ref := text[m[2]:m[3]]
		if n, err := strconv.ParseUint(ref, 10, 16); err != nil || int(n) > p.lastInstance() {
			p.problemAt(line, col+m[0], "", "$(node/%s): want the index of a node, from 0 to %d", ref, p.lastInstance())
		}
	}
}

// replaceNodes puts full names in place of node references.
func replaceNodes(text string, nodeName func(string) (string, bool)) string {
	return nodeRef.ReplaceAllStringFunc(text, func(m string) string {
		ref := nodeRef.FindStringSubmatch(m)[1]
		if name, ok := nodeName(ref); ok {
			return name
		}
		return m
	})
}

// replaceNodesIn does the same in every string of a decoded document.
func replaceNodesIn(v any, nodeName func(string) (string, bool)) any {
	switch v := v.(type) {
	case string:
		return replaceNodes(v, nodeName)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = replaceNodesIn(v[i], nodeName)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[replaceNodes(k, nodeName)] = replaceNodesIn(v[k], nodeName)
		}
		return out
	}
	return v
}
