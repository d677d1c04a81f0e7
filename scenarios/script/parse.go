package script

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"

	"golang.org/x/tools/txtar"
)

// Parse reads a scenario and checks all of it: words, times, sections,
// Kubernetes YAML, CEL. The script can be run if there are no problems; the
// problems are in the order of the file. file is only used for names and
// messages.
func Parse(file string, data []byte) (*Script, []Problem) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	archive := txtar.Parse(data)
	p := &parser{
		script: &Script{
			Name: scriptName(file), File: file, sections: map[string]*section{},
			Cluster: api.ClusterSpec{
				Name: defaultName, Nodes: api.DefaultNodes, Edition: api.DefaultEdition, Start: defaultStart, Seed: defaultSeed,
				EtcdMembers: 1, APIServers: 1,
			},
		},
		traffic: map[string]int{}, watches: map[string]int{},
	}
	p.readSections(data, archive)
	p.readScript(string(archive.Comment))
	p.checkUnused()
	p.checkNodeRefs()
	p.checkClauses()
	p.script.Length = p.earliest
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return p.script, p.problems
}

// parser collects what a file says and what is wrong with it.
type parser struct {
	script   *Script
	problems []Problem
	line     int // of the statement being read

	traffic   map[string]int // names of traffic so far, and their lines
	watches   map[string]int // likewise of watches
	clauses   []place        // of the script's clauses
	statement bool           // a statement has been read
	cluster   int            // line of the cluster statement
	final     int            // line of the first finally

	// earliest is the virtual time at which everything so far can be over,
	// and earliestLine the line that says so.
	earliest     time.Duration
	earliestLine int

	// nodes is how many nodes the pool has by the last change of its size, and
	// instances how many there were ever; 0 before the first.
	nodes, instances int
}

// problem records a mistake in the line being read.
func (p *parser) problem(col int, suggestion, format string, args ...any) {
	p.problemAt(p.line, col, suggestion, format, args...)
}

func (p *parser) problemAt(line, col int, suggestion, format string, args ...any) {
	p.problems = append(p.problems, Problem{
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
			p.script.steps = append(p.script.steps, step{line: commentLine, text: said})
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
	if !slices.ContainsFunc(p.script.steps, func(s step) bool { return s.cond != nil || s.refuse != nil }) && len(p.problems) == 0 {
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
		p.problem(open, "", "the quote that begins here is not closed in this line")
		return
	}
	first := words[0]
	if first.text != "cluster" && first.text != "clause" {
		p.statement = true
	}
	switch first.text {
	case "cluster":
		p.readCluster(words)
	case "clause":
		p.readClause(words)
	case "at", "within", "after", "throughout", "finally":
		p.readStep(line, words)
	default:
		p.unknownOpening(first)
	}
}

// unknownOpening explains a line whose first word opens no statement.
func (p *parser) unknownOpening(w word) {
	if _, ok := lookupVerb(w.text); ok || slices.Contains(expectWords, w.text) {
		p.problem(w.col, "at 0s "+w.text, "%q needs a time before it", w.text)
		return
	}
	words := []string{"at", "within", "after", "throughout", "finally", "cluster", "clause"}
	p.problem(w.col, fault.Suggest(w.text, words), "a line begins with at, within, after, throughout, finally, cluster or clause, not %q", w.text)
}
