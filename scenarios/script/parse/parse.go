// Package parse reads scenarios and checks all of them: words, times, sections,
// Kubernetes YAML against the types of client-go, and CEL.
package parse

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/fault"

	"golang.org/x/tools/txtar"
)

// Parse reads a scenario and checks all of it: words, times, sections,
// Kubernetes YAML, CEL. The script can be run if there are no problems; the
// problems are in the order of the file. file is only used for names and
// messages.
func Parse(file string, data []byte) (*script.Script, []script.Problem) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	archive := txtar.Parse(data)
	p := &parser{
		script: &script.Script{
			Name: scriptName(file), File: file,
			Cluster: api.ClusterSpec{
				Name: defaultName, Nodes: api.DefaultNodes, Edition: api.DefaultEdition, Start: defaultStart, Seed: defaultSeed,
				EtcdMembers: 1, APIServers: 1,
			},
		},
		sections: map[string]*script.Section{}, used: map[*script.Section]bool{}, read: map[*script.Section]bool{}, started: map[string]map[string]int{},
	}
	p.readSections(data, archive)
	p.readScript(string(archive.Comment))
	p.checkUnused()
	p.checkNodeRefs()
	p.checkClauses()
	p.script.Length = max(p.earliest, p.latest)
	slices.SortStableFunc(p.problems, func(a, b script.Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return p.script, p.problems
}

// parser collects what a file says and what is wrong with it.
type parser struct {
	script   *script.Script
	problems []script.Problem
	line     int // of the statement being read

	sections map[string]*script.Section
	used     map[*script.Section]bool // a step names it
	read     map[*script.Section]bool // as Kubernetes YAML

	started   map[string]map[string]int // by verb: the names of what it has started so far, and their lines
	clauses   []place                   // of the script's clauses
	statement bool                      // a statement has been read
	cluster   int                       // line of the cluster statement
	final     int                       // line of the first finally

	made     []objectName // what the manifests make that were applied so far
	unsure   bool         // one could not be read, and may make anything
	refusing bool         // the action being read must be refused

	// earliest is the virtual time at which everything so far can be over,
	// and earliestLine the line that says so.
	earliest     time.Duration
	earliestLine int
	latest       time.Duration // when the last throughout … until ends

	// nodes is how many nodes the pool has by the last change of its size, and
	// instances how many there were ever; 0 before the first.
	nodes, instances int
	pools            []string // that the script has added
}

// Problem records a mistake in the line being read.
func (p *parser) Problem(col int, suggestion, format string, args ...any) {
	p.problemAt(p.line, col, suggestion, format, args...)
}

func (p *parser) problemAt(line, col int, suggestion, format string, args ...any) {
	p.problems = append(p.problems, script.Problem{
		File: p.script.File, Line: line, Column: col, Suggestion: suggestion, Message: fmt.Sprintf(format, args...),
	})
}

// readScript reads the part before the sections.
func (p *parser) readScript(text string) {
	lines := strings.Split(text, "\n")
	i := p.readTitle(lines)
	var comment []string
	commentLine := 0
	flush := func() {
		if said := strings.TrimSpace(strings.Join(comment, "\n")); said != "" {
			p.script.Steps = append(p.script.Steps, script.Step{Line: commentLine, Text: said})
		}
		comment = nil
	}
	for ; i < len(lines); i++ {
		p.line = i + 1
		line := strings.TrimRight(lines[i], " \t")
		if said, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "#"); ok {
			if comment == nil {
				commentLine = p.line
			}
			comment = append(comment, strings.TrimSpace(said))
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		flush()
		p.readLine(line)
	}
	flush()
	if !slices.ContainsFunc(p.script.Steps, func(s script.Step) bool { return s.Expect != nil && s.Opens != script.When || s.Refuse != nil }) && len(p.problems) == 0 {
		p.problemAt(max(1, len(lines)-1), 1, "", "the scenario expects nothing: add a line such as within 2m expect FILE")
	}
}

// readTitle reads the comment at the top and returns the index of the first
// line behind it.
func (p *parser) readTitle(lines []string) int {
	i := 0
	for i < len(lines) && strings.TrimSpace(lines[i]) == "" {
		i++
	}
	var said []string
	for ; i < len(lines) && strings.HasPrefix(lines[i], "#"); i++ {
		said = append(said, strings.TrimSpace(strings.TrimPrefix(lines[i], "#")))
	}
	if len(said) == 0 || said[0] == "" {
		p.problemAt(1, 1, "", "the first line must be the scenario's title, as a comment: # Workloads survive …")
		return i
	}
	p.script.Title = said[0]
	p.script.Description = strings.TrimSpace(strings.Join(said[1:], "\n"))
	return i
}

// readLine reads one statement.
func (p *parser) readLine(line string) {
	words, open := lexLine(line)
	if open > 0 {
		p.Problem(open, "", "the quote that begins here is not closed in this line")
		return
	}
	first := words[0]
	if first.Text != "cluster" && first.Text != "clause" {
		p.statement = true
	}
	switch first.Text {
	case "cluster":
		p.readCluster(words)
	case "clause":
		p.readClause(words)
	case "at", "then", "within", "after", "throughout", "finally", "when":
		p.readStep(line, words)
	default:
		p.unknownOpening(first)
	}
}

// unknownOpening explains a line whose first word opens no statement.
func (p *parser) unknownOpening(w script.Word) {
	if _, ok := script.Lookup(w.Text); ok || slices.Contains(expectWords, w.Text) {
		p.Problem(w.Col, "at 0s "+w.Text, "%q needs a time before it", w.Text)
		return
	}
	words := []string{"at", "when", "then", "within", "after", "throughout", "finally", "cluster", "clause"}
	p.Problem(w.Col, fault.Suggest(w.Text, words), "a line begins with at, when, then, within, after, throughout, finally, cluster or clause, not %q", w.Text)
}

// Defaults of the cluster statement.
const (
	defaultSeed = 1
	defaultName = "demarc"
)

// defaultStart is a Monday morning.
var defaultStart = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func scriptName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ".txtar")
}
