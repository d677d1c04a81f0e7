package script

import (
	"regexp"
	"slices"
)

var clauseID = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// readClause reads a clause statement.
func (p *parser) readClause(words []word) {
	if p.statement {
		p.problem(words[0].col, "", "clauses must come before every step")
	}
	if len(words) == 1 {
		p.problem(words[0].col, "", "clause needs the ids of clauses, such as control-plane.managed")
	}
	for _, w := range words[1:] {
		switch {
		case !clauseID.MatchString(w.text):
			p.problem(w.col, "", "%q is not the id of a clause: want words of lower-case letters and digits, joined by . or -", w.text)
		case slices.Contains(p.script.Clauses, w.text):
			p.problem(w.col, "", "clause %s is named twice", w.text)
		default:
			p.script.Clauses = append(p.script.Clauses, w.text)
		}
	}
}
