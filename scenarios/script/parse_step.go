package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"demarc/sim/fault"
)

// expectWords open an expectation.
var expectWords = []string{"expect", "absent", "check"}

// readStep reads a line that opens with a time.
func (p *parser) readStep(text string, words []word) {
	s := step{line: p.line, text: display(text), opens: opening(words[0].text)}
	timeAt := words[min(1, len(words)-1)].col
	words, ok := p.readTimes(&s, words)
	if !ok {
		return
	}
	if p.final > 0 && s.opens != opensFinally {
		p.problem(1, "", "finally (line %d) must be the last: nothing can come after it", p.final)
	}
	if len(words) == 0 {
		p.problem(len(text)+1, "", "something is missing after the time: %s", wantedAfter(s.opens))
		return
	}
	switch w := words[0]; {
	case w.text == "expect" || w.text == "absent":
		s.cond = p.readObjects(words)
	case w.text == "check":
		s.cond = p.readCheck(words)
	case s.opens != opensAt:
		p.notExpectation(w, s.opens)
		return
	case w.text == "refuse":
		p.readRefuse(&s, words)
	default:
		s.act = p.readCall(words)
	}
	p.schedule(&s, timeAt)
	if s.act != nil || s.cond != nil {
		p.script.steps = append(p.script.steps, s)
	}
}

// wantedAfter says what may follow an opening.
func wantedAfter(o opening) string {
	if o == opensAt {
		return "an action, or expect, absent or check"
	}
	return "expect, absent or check"
}

// notExpectation explains a window that is followed by something else.
func (p *parser) notExpectation(w word, o opening) {
	if _, ok := lookupVerb(w.text); ok || w.text == "refuse" {
		p.problem(w.col, "", "%s is an action, and an action happens at a time: at T %s …", w.text, w.text)
		return
	}
	p.problem(w.col, fault.Suggest(w.text, expectWords), "%s is followed by expect, absent or check, not %q", o, w.text)
}

// readTimes reads the words up to the expectation or action and returns the
// rest.
func (p *parser) readTimes(s *step, words []word) ([]word, bool) {
	var ok bool
	switch s.opens {
	case opensFinally:
		if p.final == 0 {
			p.final = p.line
		}
		return words[1:], true
	case opensAt:
		s.at, ok = p.readDuration(words, "at", true)
		return words[min(2, len(words)):], ok
	case opensThroughout, opensWithin:
		s.span, ok = p.readDuration(words, string(s.opens), false)
		return words[min(2, len(words)):], ok
	}
	s.opens = opensWithin // after D1 within D2
	if s.after, ok = p.readDuration(words, "after", false); !ok {
		return nil, false
	}
	if len(words) < 3 || words[2].text != "within" {
		col := words[1].at(len(words[1].text))
		if len(words) > 2 {
			col = words[2].col
		}
		p.problem(col, "", "after D is followed by within D: after 9m within 3m expect FILE")
		return nil, false
	}
	s.span, ok = p.readDuration(words[2:], "within", false)
	return words[min(4, len(words)):], ok
}

// readDuration reads the duration that follows words[0].
func (p *parser) readDuration(words []word, after string, zero bool) (time.Duration, bool) {
	if len(words) < 2 {
		p.problem(words[0].at(len(words[0].text)), "", "%s needs a duration with its unit, such as 90s, 10m or 2h", after)
		return 0, false
	}
	w := words[1]
	d, err := parseDuration(w.text)
	switch {
	case err != nil:
		suggestion := ""
		if _, e := strconv.ParseFloat(w.text, 64); e == nil {
			suggestion = w.text + "s"
		}
		p.problem(w.col, suggestion, "%v", err)
	case d < 0 || d == 0 && !zero:
		p.problem(w.col, "", "%s %s: the duration must be longer than nothing", after, w.text)
	case d > maxSpan:
		p.problem(w.col, "", "%s %s: longer than a year", after, w.text)
	default:
		return d, true
	}
	return 0, false
}

// maxSpan bounds every duration, so that sums of them cannot overflow.
const maxSpan = 366 * 24 * time.Hour

// parseDuration reads Go's durations, and d for days of 24 hours: 1d12h.
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	var sum time.Duration
	if ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n <= 100_000) {
			return 0, fmt.Errorf("%q is not a duration such as 1d12h", s)
		}
		sum, s = time.Duration(n*float64(24*time.Hour)), rest
		if rest == "" {
			return sum, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || ok && d < 0 || sum+d < sum && d > 0 {
		return 0, fmt.Errorf("%q is not a duration with its unit, such as 500ms, 90s, 10m, 2h or 1d", s)
	}
	return sum + d, nil
}

// readRefuse reads refuse ACTION [containing='text'].
func (p *parser) readRefuse(s *step, words []word) {
	s.refuse = &refusal{}
	rest := words[1:]
	if n := len(rest); n > 0 {
		if name, value, ok := rest[n-1].split(); ok && name == "containing" {
			s.refuse.containing = value
			rest = rest[:n-1]
			if value == "" {
				p.problem(words[n].col, "", "containing= needs a part of the error's text")
			}
		}
	}
	if len(rest) == 0 {
		p.problem(words[0].at(len(words[0].text)), "", "refuse is followed by the action that must be refused: refuse apply FILE")
		return
	}
	s.act = p.readCall(rest)
}

// schedule checks that a step is not due before an earlier window can be over.
// timeAt is the column of its time.
func (p *parser) schedule(s *step, timeAt int) {
	switch s.opens {
	case opensAt:
		if s.at < p.earliest {
			p.problem(timeAt, "", "at %s is too early: line %d can take until %s", short(s.at), p.earliestLine, short(p.earliest))
			return
		}
		if s.at > p.earliest || p.earliestLine == 0 {
			p.earliest, p.earliestLine = s.at, p.line
		}
		if s.act != nil && s.act.verb.spans != nil {
			p.earliest, p.earliestLine = s.at+s.act.verb.spans(*s.act), p.line
		}
	case opensWithin, opensThroughout:
		p.earliest, p.earliestLine = p.earliest+s.after+s.span, p.line
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

// short writes a duration without parts that are zero: 2h10m, not 2h10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
