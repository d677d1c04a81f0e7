package parse

import (
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// expectWords open an expectation.
var expectWords = []string{"expect", "absent", "check"}

// readCommand reads a command whose output is expected, or returns nil: the verb of
// another action is none.
func (p *parser) readCommand(words []script.Word) *script.Expectation {
	c := p.readCall(words)
	if c == nil {
		return nil
	}
	return &script.Expectation{Command: c}
}

// prints says whether a word is a verb of a command whose output can be expected.
func prints(w script.Word) bool {
	v, ok := script.Lookup(w.Text)
	return ok && v.Prints && w.QuotedAt < 0
}

// readObjects reads expect FILE and absent FILE.
func (p *parser) readObjects(words []script.Word) *script.Expectation {
	verb := words[0]
	if len(words) == 1 {
		p.Problem(verb.End(), "", "%s needs the name of a section", verb.Text)
		return nil
	}
	if len(words) > 2 {
		p.Problem(words[2].Col, "", "%s takes one section, and nothing behind it", verb.Text)
	}
	s := p.Section(words[1])
	if s == nil {
		return nil
	}
	p.checkNames(p.Manifest(s, script.NeedPart, schema.GroupVersionKind{}))
	return &script.Expectation{Section: s, Absent: verb.Text == "absent"}
}

// readCheck reads check 'EXPRESSION' and check FILE.cel.
func (p *parser) readCheck(words []script.Word) *script.Expectation {
	if len(words) == 1 {
		p.Problem(words[0].At(len("check")), "", "check needs a CEL expression in quotes, or the name of a section that ends in .cel")
		return nil
	}
	w := words[1]
	if len(words) > 2 {
		p.Problem(words[2].Col, "", "put the whole expression in quotes: check 'traffic.shop.failed == 0'")
		return nil
	}
	text, line, col := w.Text, p.line, w.At(0)
	if w.QuotedAt < 0 && strings.HasSuffix(w.Text, ".cel") {
		s := p.Section(w)
		if s == nil {
			return nil
		}
		text, line, col = strings.TrimRight(s.Text, "\n"), s.Marker+1, 1
	} else {
		p.checkNodeRefsIn(text, line, col)
	}
	if !p.compiles(text, line, col) {
		return nil
	}
	return &script.Expectation{Check: text}
}

// compiles reports what is wrong with an expression that begins at a place.
func (p *parser) compiles(text string, line, col int) bool {
	e, mistakes := check.Compile(text)
	if e != nil {
		mistakes = e.Mistakes(check.Known{Traffic: p.Started("traffic"), Watches: p.Started("watch"), Outputs: p.Started(outputs), Misspelt: p.misspelt})
	}
	for _, m := range mistakes {
		c := m.Column
		if m.Line <= 1 {
			c += col - 1
		}
		p.problemAt(max(line+m.Line-1, line), max(c, 1), m.Suggestion, "%s", m.Message)
	}
	return len(mistakes) == 0
}
