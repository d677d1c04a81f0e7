package script

import (
	"regexp"
	"slices"

	"demarc/sim/fault"
	"demarc/sim/policy"
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
			p.clauses = append(p.clauses, place{p.line, w.col})
		}
	}
}

// place is where something is in the file.
type place struct{ line, col int }

// checkClauses looks the clauses up in the edition, which a later line may name.
func (p *parser) checkClauses() {
	e, err := policy.Lookup(p.script.Cluster.Edition)
	if err != nil {
		return // the cluster statement is wrong, and said so
	}
	ids := convert(e.Clauses, func(c policy.Clause) string { return c.ID })
	for i, id := range p.script.Clauses {
		if !slices.Contains(ids, id) {
			at := p.clauses[i]
			p.problemAt(at.line, at.col, fault.Suggest(id, ids), "edition %s of the support policy has no clause %s; demarc policy show %s lists them", e.ID, id, e.ID)
		}
	}
}
