package shell

import (
	"context"
	"regexp"
	"strconv"
	"strings"
)

// edit is one command of a sed script: s, p, d or q at an address.
type edit struct {
	what        byte
	re          *regexp.Regexp
	by          string
	global      bool
	print       bool
	from, to    int // lines; 0 is any, -1 the last
	match, upTo *regexp.Regexp
	inside      bool
}

// sed knows s///, p, d, q and addresses, with -n, -e, -E and -i.
func sed(_ context.Context, c *Call) int {
	o := c.Options("e,expression= n,quiet E,r i,in-place")
	scripts, names := o.All("e"), o.Operands
	if len(scripts) == 0 {
		if len(names) == 0 {
			return c.Fail("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...")
		}
		scripts, names = names[:1], names[1:]
	}
	var edits []*edit
	for _, script := range scripts {
		for _, one := range commandsOf(script) {
			e, text := readEdit(one, o.Has("E"))
			if text != "" {
				return c.Fail("sed: -e expression #1, char %d: %s", len(one), text)
			}
			edits = append(edits, e)
		}
	}
	code := 0
	for _, name := range inputs(names) {
		lines, err := c.readLines(name)
		if err == nil {
			err = c.Shell.process.Meter.Work(c.Ctx, len(edits)*len(lines))
		}
		for _, e := range edits {
			for _, re := range []*regexp.Regexp{e.re, e.match, e.upTo} {
				if err == nil && re != nil {
					err = c.match(re, lines)
				}
			}
		}
		if err != nil {
			c.Fail("sed: can't read %s: %s", name, Reason(err))
			code = 2
			continue
		}
		out := apply(edits, lines, o.Has("n"))
		switch {
		case !o.Has("i"):
			c.Print(out)
		default:
			text := strings.Join(out, "\n")
			if len(out) > 0 {
				text += "\n"
			}
			if err := c.Shell.Write(c.User, c.Path(name), []byte(text), false); err != nil {
				c.Fail("sed: couldn't open temporary file %s: %s", strings.TrimSuffix(c.Path(name), name)+"sedXYZ", Reason(err))
				code = 4
			}
		}
	}
	return code
}

// commandsOf splits a script at its semicolons, which may also stand in patterns.
func commandsOf(script string) (out []string) {
	start, sep, parts, escaped := 0, byte(0), 0, false
	for i := 0; i < len(script); i++ {
		ch := script[i]
		switch {
		case escaped:
			escaped = false
		case ch == '\\':
			escaped = true
		case sep != 0 && ch == sep:
			if parts--; parts == 0 {
				sep = 0
			}
		case sep != 0:
		case ch == '/':
			sep, parts = '/', 1
		case ch == 's' && i+1 < len(script) && strings.Trim(script[start:i], " 0123456789,$") == "" || ch == 's' && i > 0 && script[i-1] == '/' && i+1 < len(script):
			sep, parts = script[i+1], 3
		case ch == ';' || ch == '\n':
			out, start = append(out, script[start:i]), i+1
		}
	}
	out = append(out, script[start:])
	kept := out[:0]
	for _, o := range out {
		if o = strings.TrimSpace(o); o != "" {
			kept = append(kept, o)
		}
	}
	return kept
}

// readEdit reads one command; its text is what is wrong with it.
func readEdit(s string, extended bool) (*edit, string) {
	compile := func(p string) (*regexp.Regexp, error) {
		return expression([]string{p}, map[string]bool{"E": extended})
	}
	e := &edit{}
	address := func() (int, *regexp.Regexp, bool) {
		switch {
		case strings.HasPrefix(s, "$"):
			s = s[1:]
			return -1, nil, true
		case strings.HasPrefix(s, "/"):
			p, rest, ok := section(s[1:], '/')
			if !ok {
				return 0, nil, false
			}
			s = rest
			re, err := compile(p)
			return 0, re, err == nil
		}
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		k, _ := strconv.Atoi(s[:n]) // no digits are no address
		s = s[n:]
		return k, nil, true
	}
	var ok bool
	if e.from, e.match, ok = address(); !ok {
		return nil, "unterminated address regex"
	}
	e.to = e.from
	if strings.HasPrefix(s, ",") {
		s = s[1:]
		if e.to, e.upTo, ok = address(); !ok || e.to == 0 && e.upTo == nil {
			return nil, "unexpected `,'"
		}
	}
	if s == "" {
		return nil, "missing command"
	}
	e.what, s = s[0], s[1:]
	switch e.what {
	case 'p', 'd', 'q':
		if strings.TrimSpace(s) != "" {
			return nil, "extra characters after command"
		}
		return e, ""
	case 's':
	default:
		return nil, "unknown command: `" + string(e.what) + "'"
	}
	if s == "" {
		return nil, "unterminated `s' command"
	}
	sep := s[0]
	from, rest, ok1 := section(s[1:], sep)
	by, flags, ok2 := section(rest, sep)
	if !ok1 || !ok2 {
		return nil, "unterminated `s' command"
	}
	if strings.Contains(flags, "I") || strings.Contains(flags, "i") {
		from = "(?i)" + from
	}
	re, err := compile(from)
	if err != nil {
		return nil, "Invalid preceding regular expression"
	}
	e.re, e.by, e.global, e.print = re, replacement(by), strings.Contains(flags, "g"), strings.Contains(flags, "p")
	return e, ""
}

// section is a text up to a separator that is not escaped.
func section(s string, sep byte) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] != sep {
				b.WriteByte('\\')
			}
			i++
			b.WriteByte(s[i])
		case s[i] == sep:
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// replacement is sed's, as package regexp has it.
func replacement(by string) string {
	var b strings.Builder
	for i := 0; i < len(by); i++ {
		switch {
		case by[i] == '$':
			b.WriteString("$$")
		case by[i] == '&':
			b.WriteString("${0}")
		case by[i] == '\\' && i+1 < len(by):
			i++
			switch {
			case by[i] >= '0' && by[i] <= '9':
				b.WriteString("${" + string(by[i]) + "}")
			case by[i] == 'n':
				b.WriteByte('\n')
			case by[i] == 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(by[i])
			}
		default:
			b.WriteByte(by[i])
		}
	}
	return b.String()
}

func (e *edit) at(line, last int, text string) bool {
	is := func(n int, re *regexp.Regexp) bool {
		return re != nil && re.MatchString(text) || re == nil && (n == line || n == -1 && line == last)
	}
	switch {
	case e.from == 0 && e.match == nil:
		return true
	case e.from == e.to && e.upTo == nil && (e.match == nil || e.to == 0):
		return is(e.from, e.match)
	case e.inside:
		e.inside = !is(e.to, e.upTo) && (e.to <= 0 || line < e.to)
		return true
	case is(e.from, e.match):
		e.inside = e.to == -1 || e.to > line || e.upTo != nil
		return true
	}
	return false
}

// apply runs a script over the lines of a file. What it makes is bounded.
func apply(edits []*edit, lines []string, quiet bool) (out []string) {
	size := 0
	print := func(l string) {
		out = append(out, l)
		size += len(l) + lineSize
	}
	for i, l := range lines {
		deleted, quit := false, false
		for _, e := range edits {
			if deleted || !e.at(i+1, len(lines), l) {
				continue
			}
			switch e.what {
			case 'p':
				print(l)
			case 'd':
				deleted = true
			case 'q':
				quit = true
			case 's':
				if e.substitute(&l) && e.print {
					print(l)
				}
			}
			if size > MaxRead {
				break
			}
		}
		if !deleted && !quiet {
			print(l)
		}
		if quit || size > MaxRead {
			break
		}
	}
	return out
}

func (e *edit) substitute(l *string) bool {
	m := e.re.FindStringSubmatchIndex(*l)
	// Each reference may be to the whole line.
	if m == nil || len(e.by)+strings.Count(e.by, "${")*len(*l) > maxText {
		return false
	}
	matches := [][]int{m}
	if e.global {
		matches = e.re.FindAllStringSubmatchIndex(*l, maxMatches)
	}
	var b []byte
	last := 0
	for _, m := range matches {
		if len(b) > maxText {
			return false
		}
		b = e.re.ExpandString(append(b, (*l)[last:m[0]]...), e.by, *l, m)
		last = m[1]
	}
	*l = string(b) + (*l)[last:]
	return true
}

// lineSize is what a line takes beside its text, in bytes.
const lineSize = 16

// maxMatches is how many places of a line are replaced.
const maxMatches = 64 << 10
