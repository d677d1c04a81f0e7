package program

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/shell/guard"
)

// lines are the lines of the files named, or of what comes in.
func (c *call) lines(command string, names []string) ([]string, int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	var out []string
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			return nil, c.problem(command, name, err)
		}
		if err := c.memory.HoldLines(b); err != nil {
			return nil, c.problem(command, name, err)
		}
		if text := strings.TrimSuffix(string(b), "\n"); len(b) > 0 {
			out = append(out, strings.Split(text, "\n")...)
		}
	}
	return out, 0
}

func (c *call) print(lines []string) {
	for _, l := range lines {
		if _, err := fmt.Fprintln(c.out, l); err != nil {
			return // the reader has ended
		}
	}
}

// grep knows -c, -E, -F, -i, -n, -q, -v, -x and -e PATTERN.
func grep(_ context.Context, c *call) int {
	pattern, names, given := "", []string{}, false
	for i := 0; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case a == "-e" && i+1 < len(c.args):
			i++
			pattern, given = c.args[i], true
		case strings.HasPrefix(a, "-") && a != "-":
		case !given:
			pattern, given = a, true
		default:
			names = append(names, a)
		}
	}
	if !given {
		c.fail("usage: grep PATTERN [FILE]...")
		return 2
	}
	re, err := c.expression(pattern)
	if err != nil {
		c.fail("grep: bad regex '%s'", pattern)
		return 2
	}
	lines, code := c.lines("grep", names)
	if code != 0 {
		return 2
	}
	found := 0
	for i, l := range lines {
		if re.MatchString(l) == c.has("v") {
			continue
		}
		found++
		switch {
		case c.has("qc"):
		case c.has("n"):
			fmt.Fprintf(c.out, "%d:%s\n", i+1, l)
		default:
			fmt.Fprintln(c.out, l)
		}
	}
	if c.has("c") {
		fmt.Fprintln(c.out, found)
	}
	if found == 0 {
		return 1
	}
	return 0
}

// basic swaps the characters that basic expressions escape and others do not.
var basic = strings.NewReplacer(`\+`, `+`, `\?`, `?`, `\|`, `|`, `\(`, `(`, `\)`, `)`, `\{`, `{`, `\}`, `}`,
	`+`, `\+`, `?`, `\?`, `|`, `\|`, `(`, `\(`, `)`, `\)`, `{`, `\{`, `}`, `\}`)

// expression is grep's pattern as package regexp has it.
func (c *call) expression(pattern string) (*regexp.Regexp, error) {
	switch {
	case c.has("F"):
		pattern = regexp.QuoteMeta(pattern)
	case !c.has("E"):
		pattern = basic.Replace(pattern)
	}
	if c.has("x") {
		pattern = "^(?:" + pattern + ")$"
	}
	if c.has("i") {
		pattern = "(?i)" + pattern
	}
	return guard.Compile(pattern)
}

// count reads -n N or -N and returns the other operands.
func (c *call) count(fallback int) (int, []string) {
	n, rest := fallback, []string{}
	for i := 0; i < len(c.args); i++ {
		a := c.args[i]
		if (a == "-n" || a == "-c") && i+1 < len(c.args) {
			i++
			a = "-" + c.args[i]
		}
		if k, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "n")); err == nil && strings.HasPrefix(a, "-") {
			n = max(k, 0)
		} else if !strings.HasPrefix(a, "-") {
			rest = append(rest, a)
		}
	}
	return n, rest
}

func head(_ context.Context, c *call) int {
	n, names := c.count(10)
	if c.has("c") {
		name := append(names, "-")[0]
		b, err := c.read(name)
		if err != nil {
			return c.problem("head", name, err)
		}
		_, _ = c.out.Write(b[:min(n, len(b))]) // ends when the reader does
		return 0
	}
	lines, code := c.lines("head", names)
	c.print(lines[:min(n, len(lines))])
	return code
}

// tail shows the end of a file. With -f it then waits, and sees nothing more.
func tail(ctx context.Context, c *call) int {
	n, names := c.count(10)
	lines, code := c.lines("tail", names)
	c.print(lines[max(0, len(lines)-n):])
	if c.has("fF") && code == 0 {
		<-ctx.Done()
	}
	return code
}

func wc(_ context.Context, c *call) int {
	names := c.operands()
	name := append(names, "-")[0]
	b, err := c.read(name)
	if err != nil {
		return c.problem("wc", name, err)
	}
	counts := map[string]int{"l": strings.Count(string(b), "\n"), "w": len(strings.Fields(string(b))), "c": len(b)}
	var shown []string
	for _, o := range []string{"l", "w", "c"} {
		if c.has(o) || !c.has("lwc") {
			shown = append(shown, strconv.Itoa(counts[o]))
		}
	}
	fmt.Fprintln(c.out, strings.Join(append(shown, names...), " "))
	return 0
}

// sortLines knows -n, -r and -u.
func sortLines(_ context.Context, c *call) int {
	lines, code := c.lines("sort", c.operands())
	slices.SortStableFunc(lines, func(a, b string) int {
		if c.has("n") {
			x, _ := strconv.ParseFloat(strings.TrimSpace(a), 64) // what is no number counts as 0
			y, _ := strconv.ParseFloat(strings.TrimSpace(b), 64)
			if x < y {
				return -1
			} else if x > y {
				return 1
			}
		}
		return strings.Compare(a, b)
	})
	if c.has("r") {
		slices.Reverse(lines)
	}
	if c.has("u") {
		lines = slices.Compact(lines)
	}
	c.print(lines)
	return code
}

// uniq knows -c.
func uniq(_ context.Context, c *call) int {
	lines, code := c.lines("uniq", c.operands())
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		if c.has("c") {
			fmt.Fprintf(c.out, "%7d %s\n", n, lines[i])
		} else {
			fmt.Fprintln(c.out, lines[i])
		}
		i += n
	}
	return code
}

func seq(_ context.Context, c *call) int {
	numbers := make([]int, len(c.args))
	for i, a := range c.args {
		n, err := strconv.Atoi(a)
		if err != nil {
			return c.fail("seq: invalid number '%s'", a)
		}
		numbers[i] = n
	}
	first, step, last := 1, 1, 0
	switch len(numbers) {
	case 1:
		last = numbers[0]
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	default:
		return c.fail("usage: seq [FIRST [INC]] LAST")
	}
	if step == 0 {
		return c.fail("seq: invalid increment '0'")
	}
	for i := first; step > 0 && i <= last || step < 0 && i >= last; {
		if _, err := fmt.Fprintln(c.out, i); err != nil {
			return 1
		}
		next := i + step
		if (next > i) != (step > 0) {
			break // past the last number that there is
		}
		i = next
	}
	return 0
}
