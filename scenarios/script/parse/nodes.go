package parse

import (
	"regexp"
	"strconv"
	"strings"

	"demarc/scenarios/script"
	"demarc/sim/api"
)

var (
	vmssSuffix = regexp.MustCompile(`(^|-)vmss[0-9a-z]{6}$`)
	nodeNumber = regexp.MustCompile(`^[0-9]+$`)
)

// nodeWords puts node/INDEX in place of the other forms in which a node is written:
// node INDEX, and POOL/INDEX.
func nodeWords(words []script.Word) []script.Word {
	var out []script.Word
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.QuotedAt < 0 {
			if w.Text == "node" && i > 0 && i+1 < len(words) && nodeNumber.MatchString(words[i+1].Text) {
				i++
				w.Text += "/" + words[i].Text
			}
			for _, before := range []string{"", "from=", "node="} {
				if ref, ok := strings.CutPrefix(w.Text, before+api.DefaultPool+"/"); ok {
					w.Text = before + "node/" + ref
				}
			}
		}
		out = append(out, w)
	}
	return out
}

// Node checks node/INDEX or node/NAME.
func (p *parser) Node(v string, col int) {
	ref, ok := strings.CutPrefix(v, "node/")
	if pool, index, _ := strings.Cut(v, "/"); !ok && nodeNumber.MatchString(index) {
		p.Pool(pool, col)
		return
	}
	if !ok || ref == "" || strings.Contains(ref, "/") {
		suggestion := ""
		if nodeNumber.MatchString(v) {
			suggestion = "node/" + v
		}
		p.Problem(col, suggestion, "%q: want node/INDEX or node/NAME, such as node/0", v)
		return
	}
	p.NodeIndex(ref, col+len("node/"))
}

// NodeIndex checks a reference to a node: an index, or the name of an instance of a
// scale set. What must be refused may be about none.
func (p *parser) NodeIndex(ref string, col int) {
	n, err := strconv.Atoi(ref)
	last := p.lastInstance()
	switch {
	case err != nil && !p.refusing && !vmssSuffix.MatchString(ref):
		p.Problem(col, "", "there is no node %s: write its index, from 0 to %d, its vmss suffix or its full name", ref, last)
	case err == nil && (n < 0 || n > last):
		p.Problem(col, "", "there is no node %s: the cluster has %d, from 0 to %d", ref, last+1, last)
	}
}

// Grow notes that the cluster has a number of nodes from here on. Indices are
// instance numbers, which are never used twice.
func (p *parser) Grow(nodes int) {
	if p.nodes == 0 {
		p.nodes, p.instances = p.script.Cluster.Nodes, p.script.Cluster.Nodes
	}
	p.instances += max(nodes-p.nodes, 0)
	p.nodes = nodes
}

// lastInstance is the highest index of a node so far.
func (p *parser) lastInstance() int { return max(p.instances, p.script.Cluster.Nodes) - 1 }
