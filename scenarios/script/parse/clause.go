package parse

import (
	"regexp"
	"slices"

	"demarc/scenarios/script"
	"demarc/sim/fault"
	"demarc/sim/policy"
)

var clauseID = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// readClause reads a clause statement.
func (p *parser) readClause(words []script.Word) {
	if p.statement {
		p.Problem(words[0].Col, "", "clauses must come before every step")
	}
	if len(words) == 1 {
		p.Problem(words[0].Col, "", "clause needs the ids of clauses, such as control-plane.managed")
	}
	for _, w := range words[1:] {
		switch {
		case !clauseID.MatchString(w.Text):
			p.Problem(w.Col, "", "%q is not the id of a clause: want words of lower-case letters and digits, joined by . or -", w.Text)
		case slices.Contains(p.script.Clauses, w.Text):
			p.Problem(w.Col, "", "clause %s is named twice", w.Text)
		default:
			p.script.Clauses = append(p.script.Clauses, w.Text)
			p.clauses = append(p.clauses, place{p.line, w.Col})
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
	ids := script.Convert(e.Clauses, func(c policy.Clause) string { return c.ID })
	for i, id := range p.script.Clauses {
		if !slices.Contains(ids, id) {
			at := p.clauses[i]
			p.problemAt(at.line, at.col, fault.Suggest(id, ids), "edition %s of the support policy has no clause %s; demarc policy show %s lists them", e.ID, id, e.ID)
		}
	}
}
