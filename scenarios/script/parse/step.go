package parse

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/fault"
)

// readStep reads a line that opens with a time.
func (p *parser) readStep(text string, words []script.Word) {
	s := script.Step{Line: p.line, Text: display(text), Opens: script.Opening(words[0].Text)}
	timeAt := words[min(1, len(words)-1)].Col
	if s.Opens == script.When || s.Opens == script.Throughout && standsUntil(words) {
		p.readCondition(&s, words)
		return
	}
	words, ok := p.readTimes(&s, words)
	if !ok {
		return
	}
	if p.final > 0 && s.Opens != script.Finally {
		p.Problem(1, "", "finally (line %d) must be the last: nothing can come after it", p.final)
	}
	if len(words) == 0 {
		p.Problem(len(text)+1, "", "something is missing after the time: %s", wantedAfter(s.Opens))
		return
	}
	switch w := words[0]; {
	case w.Text == "expect" || w.Text == "absent":
		s.Expect = p.readObjects(words)
	case w.Text == "check":
		s.Expect = p.readCheck(words)
	case prints(w) && s.Opens != script.At && s.Opens != script.Then:
		s.Expect = p.readCommand(words)
	case s.Opens != script.At && s.Opens != script.Then:
		p.notExpectation(w, s.Opens)
		return
	case w.Text == "refuse":
		p.readRefuse(&s, words)
	default:
		s.Act = p.readCall(words)
	}
	p.schedule(&s, timeAt)
	if s.Act != nil || s.Expect != nil {
		p.script.Steps = append(p.script.Steps, s)
	}
}

// wantedAfter says what may follow an opening.
func wantedAfter(o script.Opening) string {
	if o == script.At || o == script.Then {
		return "an action, or expect, absent or check"
	}
	return "expect, absent, check or a command such as logs"
}

// notExpectation explains a window that is followed by something else.
func (p *parser) notExpectation(w script.Word, o script.Opening) {
	if _, ok := script.Lookup(w.Text); ok || w.Text == "refuse" {
		p.Problem(w.Col, "", "%s is an action, and an action happens at a time: at T %s …, or then %[1]s …", w.Text, w.Text)
		return
	}
	p.Problem(w.Col, fault.Suggest(w.Text, expectWords), "%s is followed by expect, absent or check, not %q", o, w.Text)
}

// readTimes reads the words up to the expectation or action and returns the
// rest.
func (p *parser) readTimes(s *script.Step, words []script.Word) ([]script.Word, bool) {
	var ok bool
	switch s.Opens {
	case script.Finally:
		if p.final == 0 {
			p.final = p.line
		}
		return words[1:], true
	case script.Then:
		isStep := func(s script.Step) bool { return s.Opens != script.Narrative }
		if !slices.ContainsFunc(p.script.Steps, isStep) && len(p.problems) == 0 {
			p.Problem(words[0].Col, "at 0s", "then follows a step: there is none before this line")
			return nil, false
		}
		if len(words) < 2 || words[1].Text != "after" {
			return words[1:], true
		}
		s.After, ok = p.readDuration(words[1:], "after", false)
		return words[min(3, len(words)):], ok
	case script.At:
		s.At, ok = p.readDuration(words, "at", true)
		return words[min(2, len(words)):], ok
	case script.Throughout, script.Within:
		s.Span, ok = p.readDuration(words, string(s.Opens), false)
		return words[min(2, len(words)):], ok
	}
	s.Opens = script.Within // after D1 within D2
	if s.After, ok = p.readDuration(words, "after", false); !ok {
		return nil, false
	}
	if len(words) < 3 || words[2].Text != "within" {
		col := words[1].End()
		if len(words) > 2 {
			col = words[2].Col
		}
		p.Problem(col, "", "after D is followed by within D: after 9m within 3m expect FILE")
		return nil, false
	}
	s.Span, ok = p.readDuration(words[2:], "within", false)
	return words[min(4, len(words)):], ok
}

// readDuration reads the duration that follows words[0].
func (p *parser) readDuration(words []script.Word, after string, zero bool) (time.Duration, bool) {
	if len(words) < 2 {
		p.Problem(words[0].End(), "", "%s needs a duration with its unit, such as 90s, 10m or 2h", after)
		return 0, false
	}
	w := words[1]
	d, err := script.ParseDuration(w.Text)
	switch {
	case err != nil:
		suggestion := ""
		if _, e := strconv.ParseFloat(w.Text, 64); e == nil {
			suggestion = w.Text + "s"
		}
		p.Problem(w.Col, suggestion, "%v", err)
	case d < 0 || d == 0 && !zero:
		p.Problem(w.Col, "", "%s %s: the duration must be longer than nothing", after, w.Text)
	case d > script.MaxSpan:
		p.Problem(w.Col, "", "%s %s: longer than a year", after, w.Text)
	default:
		return d, true
	}
	return 0, false
}

// readRefuse reads refuse ACTION [containing='text'].
func (p *parser) readRefuse(s *script.Step, words []script.Word) {
	s.Refuse = &script.Refusal{}
	rest := words[1:]
	if n := len(rest); n > 0 {
		if name, value, ok := rest[n-1].Split(); ok && name == "containing" {
			s.Refuse.Containing = value
			rest = rest[:n-1]
			if value == "" {
				p.Problem(words[n].Col, "", "containing= needs a part of the error's text")
			}
		}
	}
	if len(rest) == 0 {
		p.Problem(words[0].End(), "", "refuse is followed by the action that must be refused: refuse apply FILE")
		return
	}
	p.refusing = true
	s.Act = p.readCall(rest)
	p.refusing = false
}

// schedule checks that a step is not due before an earlier window can be over.
// timeAt is the column of its time.
func (p *parser) schedule(s *script.Step, timeAt int) {
	switch s.Opens {
	case script.At:
		if s.At < p.earliest {
			p.Problem(timeAt, "", "at %s is too early: line %d can take until %s", script.Short(s.At), p.earliestLine, script.Short(p.earliest))
			return
		}
		if s.At > p.earliest || p.earliestLine == 0 {
			p.earliest, p.earliestLine = s.At, p.line
		}
		if s.Act != nil && s.Act.Verb.Spans != "" {
			p.earliest, p.earliestLine = s.At+s.Act.Span(), p.line
		}
	case script.Then:
		wait := s.After
		if s.Act != nil {
			wait += s.Act.Span()
		}
		if wait > 0 {
			p.earliest, p.earliestLine = p.earliest+wait, p.line
		}
	case script.Within, script.Throughout, script.When:
		p.earliest, p.earliestLine = p.earliest+s.After+s.Span, p.line
	}
}

// display is a line as reports show it: without the blanks that align it.
func display(line string) string {
	i := strings.IndexAny(line, `'"`)
	if i < 0 {
		i = len(line)
	}
	words := strings.Join(strings.Fields(line[:i]), " ")
	if i == len(line) {
		return words
	}
	if i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
		words += " "
	}
	return words + line[i:]
}
