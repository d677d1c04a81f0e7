package script

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
)

var (
	clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	clauseID    = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
)

var clusterArgs = []Arg{
	{Name: "nodes", Type: ArgInt, Default: strconv.Itoa(api.DefaultNodes), Doc: "worker nodes, 1 to 1000"},
	{Name: "edition", Type: ArgEnum, Values: api.Editions, Default: api.DefaultEdition, Doc: "edition of the support policy"},
	{Name: "seed", Type: ArgInt, Default: strconv.Itoa(defaultSeed), Doc: "makes the simulation's choices repeatable"},
	{Name: "start", Type: ArgText, Default: defaultStart.Format(time.RFC3339), Doc: "virtual time at which the cluster is created, as RFC 3339"},
	{Name: "name", Type: ArgText, Default: defaultName, Doc: "the cluster's name"},
}

// readCluster reads the cluster statement.
func (p *parser) readCluster(words []word) {
	switch {
	case p.cluster > 0:
		p.problem(words[0].col, "", "there is a cluster statement already, in line %d", p.cluster)
		return
	case p.statement:
		p.problem(words[0].col, "", "the cluster statement must come before every step")
	}
	p.cluster = p.line
	seen := map[string]bool{}
	for _, w := range words[1:] {
		name, value, ok := w.split()
		if !ok {
			p.problem(w.col, "", "want name=value, such as nodes=3, not %q", w.text)
			continue
		}
		if seen[name] {
			p.problem(w.col, "", "%s is given twice", name)
			continue
		}
		seen[name] = true
		p.setCluster(w, name, value)
	}
}

// setCluster sets one property of the cluster.
func (p *parser) setCluster(w word, name, value string) {
	c, col := &p.script.Cluster, w.at(len(name)+1)
	switch name {
	case "nodes":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > api.MaxNodes {
			p.problem(col, "", "nodes=%s: want a whole number from 1 to %d", value, api.MaxNodes)
			return
		}
		c.Nodes = n
	case "edition":
		if !slices.Contains(api.Editions, value) {
			p.problem(col, fault.Suggest(value, api.Editions), "unknown edition %q; there are %s", value, strings.Join(api.Editions, " and "))
			return
		}
		c.Edition = value
	case "seed":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			p.problem(col, "", "seed=%s: want a whole number from 0", value)
			return
		}
		c.Seed = n
	case "start":
		t, err := time.Parse(time.RFC3339, value)
		if err != nil || t.Year() < 2010 || t.Year() > 2100 {
			p.problem(col, "", "start=%s: want a time between 2010 and 2100 such as %s", value, defaultStart.Format(time.RFC3339))
			return
		}
		c.Start = t.UTC()
	case "name":
		if !clusterName.MatchString(value) {
			p.problem(col, "", "name=%s: want up to 40 lower-case letters, digits and hyphens, a letter first", value)
			return
		}
		c.Name = value
	default:
		names := argNames(clusterArgs)
		p.problem(w.col, fault.Suggest(name, names), "cluster has no property %q; it has %s", name, strings.Join(names, ", "))
	}
}

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
