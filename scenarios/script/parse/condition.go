package parse

import (
	"regexp"
	"slices"
	"strings"

	"demarc/scenarios/script"
)

// standsUntil says whether a throughout-step is one that later steps do not wait for:
// no duration stands behind its first word.
func standsUntil(words []script.Word) bool {
	return len(words) > 1 && !digits.MatchString(words[1].Text)
}

var (
	digits      = regexp.MustCompile(`^[-+.0-9]`)
	sectionWord = regexp.MustCompile(`^[\w.-]+$`)
)

// readCondition reads when CONDITION [within D], and throughout CONDITION until T.
func (p *parser) readCondition(s *script.Step, words []script.Word) {
	if p.final > 0 {
		p.Problem(1, "", "finally (line %d) must be the last: nothing can come after it", p.final)
	}
	first, rest := words[0], words[1:]
	if len(rest) == 0 || rest[0].Text == "within" && rest[0].QuotedAt < 0 {
		p.Problem(first.End(), "", "when needs what it waits for: when 'nodes.size() == 4'")
		return
	}
	s.Expect, rest = p.condition(rest)
	ok := true
	switch {
	case s.Opens == script.When && len(rest) == 0:
		s.Span = script.WhenSpan
	case s.Opens == script.When && rest[0].Text == "within":
		s.Span, ok = p.readDuration(rest, "within", false)
		rest = rest[min(2, len(rest)):]
		p.nothingBehind(s, rest)
	case s.Opens == script.When:
		p.nothingBehind(s, rest)
	case len(rest) == 0 || rest[0].Text != "until":
		at := words[len(words)-1].End()
		if len(rest) > 0 {
			at = rest[0].Col
		}
		p.Problem(at, "", "throughout needs its time: throughout 5m check …, or throughout check … until 45m for one that goes on while later steps act")
		return
	default:
		s.Until, ok = p.readDuration(rest, "until", false)
		p.nothingBehind(s, rest[min(2, len(rest)):])
		if ok && s.Until <= p.earliest {
			p.Problem(rest[1].Col, "", "until %s is too early: line %d can take until %s", rest[1].Text, p.earliestLine, script.Short(p.earliest))
		}
		p.latest = max(p.latest, s.Until)
	}
	if s.Expect == nil || !ok {
		return
	}
	if s.Until == 0 {
		p.schedule(s, words[1].Col)
	}
	p.script.Steps = append(p.script.Steps, *s)
}

// condition reads an expectation, which may be written without its first word: 'CEL',
// SECTION, or NAME for a section NAME.cel. It returns the words behind it.
func (p *parser) condition(words []script.Word) (*script.Expectation, []script.Word) {
	w := words[0]
	if slices.Contains(expectWords, w.Text) && w.QuotedAt < 0 {
		n := min(2, len(words))
		if w.Text == "check" {
			return p.readCheck(words[:n]), words[n:]
		}
		return p.readObjects(words[:n]), words[n:]
	}
	if prints(w) {
		n := slices.IndexFunc(words, func(w script.Word) bool { return w.QuotedAt < 0 && (w.Text == "within" || w.Text == "until") })
		if n < 0 {
			n = len(words)
		}
		return p.readCommand(words[:n]), words[n:]
	}
	if w.QuotedAt < 0 && !sectionWord.MatchString(w.Text) {
		p.Problem(w.Col, "", "put the whole expression in quotes, or name a section that ends in .cel")
		return nil, words[1:]
	}
	if _, ok := p.sections[w.Text+".cel"]; ok && w.QuotedAt < 0 {
		w.Text += ".cel"
	} else if w.QuotedAt < 0 && !strings.HasSuffix(w.Text, ".cel") {
		return p.readObjects([]script.Word{{Text: "expect", Col: w.Col, QuotedAt: -1}, w}), words[1:]
	}
	return p.readCheck([]script.Word{words[0], w}), words[1:]
}

// nothingBehind says that there is a word too many behind a condition.
func (p *parser) nothingBehind(s *script.Step, rest []script.Word) {
	if len(rest) == 0 {
		return
	}
	w := rest[0]
	if _, ok := script.Lookup(w.Text); ok {
		p.Problem(w.Col, "then "+w.Text, "an action has a line of its own: what happens at that moment begins with then")
		return
	}
	want := "within D"
	if s.Opens == script.Throughout {
		want = "until T"
	}
	p.Problem(w.Col, "", "behind the condition stands %s and nothing else, not %q", want, w.Text)
}
