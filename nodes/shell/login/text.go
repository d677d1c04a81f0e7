package login

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

func splitLines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// lines are the lines of the files named, or of what comes in. Files that cannot be read
// are complained about.
func (c *call) lines(names []string) ([]string, int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	var out []string
	code := 0
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			code = c.problem(name, err)
			continue
		}
		if err := c.memory.HoldLines(b); err != nil {
			code = c.problem(name, err)
			continue
		}
		out = append(out, splitLines(b)...)
	}
	return out, code
}

func (c *call) print(lines []string) {
	for _, l := range lines {
		if _, err := io.WriteString(c.out, l+"\n"); err != nil {
			return
		}
	}
}

// count reads -n N, -c N and -N, and returns the other operands. Numbers may have a sign.
func (c *call) count() (n int, plus, minus, bytes bool, names []string, ok bool) {
	n, ok = 10, true
	set := func(name, value string) {
		switch name {
		case "n", "lines", "c", "bytes":
			plus, minus = strings.HasPrefix(value, "+"), strings.HasPrefix(value, "-")
			k, err := strconv.Atoi(strings.TrimLeft(value, "+-"))
			if err != nil {
				ok = false
				c.fail("%s: invalid number of %s: ‘%s’", c.name, map[bool]string{true: "bytes", false: "lines"}[name[0] == 'c' || name[0] == 'b'], value)
			}
			n, bytes = k, name == "c" || name == "bytes"
		}
	}
	var args []string
	for _, a := range c.args {
		if k, err := strconv.Atoi(strings.TrimPrefix(a, "-")); err == nil && strings.HasPrefix(a, "-") && k >= 0 {
			if len(args) > 0 && (args[len(args)-1] == "-n" || args[len(args)-1] == "-c") {
				args = append(args, a)
				continue
			}
			n = k
			continue
		}
		args = append(args, a)
	}
	names = options(args, "nc", []string{"lines", "bytes", "pid", "sleep-interval"}, set)
	return n, plus, minus, bytes, names, ok
}

// head also stands for tail, which shows with -f what is there and ends: a session is
// not held up by what may never come.
func head(_ context.Context, c *call) int {
	n, plus, minus, bytes, names, ok := c.count()
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := 0
	for i, name := range names {
		b, err := c.read(name)
		if err != nil {
			code = c.fail("%s: cannot open '%s' for reading: %s", c.name, name, reason(err))
			continue
		}
		if len(names) > 1 && !c.has("q") {
			c.printf("%s==> %s <==\n", map[bool]string{true: "\n", false: ""}[i > 0], name)
		}
		_, _ = c.out.Write(part(b, n, c.name == "tail", plus, minus, bytes)) // ends when the reader does
	}
	return code
}

// part is the beginning or the end of a text, in bytes or lines.
func part(b []byte, n int, tail, plus, minus, bytes bool) []byte {
	units := make([][]byte, 0, 64)
	if bytes {
		switch k := min(n, len(b)); {
		case tail && plus:
			return b[max(0, k-1):]
		case tail:
			return b[len(b)-k:]
		case minus:
			return b[:len(b)-k]
		default:
			return b[:k]
		}
	}
	for len(b) > 0 {
		i := slices.Index(b, '\n') + 1
		if i == 0 {
			i = len(b)
		}
		units, b = append(units, b[:i]), b[i:]
	}
	k := min(n, len(units))
	switch {
	case tail && plus:
		units = units[max(0, k-1):]
	case tail:
		units = units[len(units)-k:]
	case minus:
		units = units[:len(units)-k]
	default:
		units = units[:k]
	}
	return slices.Concat(units...)
}

func wc(_ context.Context, c *call) int {
	names := c.operands()
	show := func(b []byte, name string) {
		counts := map[string]int{"l": strings.Count(string(b), "\n"), "w": len(strings.Fields(string(b))), "c": len(b)}
		var shown []string
		for _, o := range []string{"l", "w", "c"} {
			if c.has(o) || !c.has("lwc") {
				shown = append(shown, strconv.Itoa(counts[o]))
			}
		}
		if len(shown) > 1 {
			for i := range shown {
				shown[i] = fmt.Sprintf("%7s", shown[i])
			}
		}
		if name != "-" {
			shown = append(shown, name)
		}
		c.printf("%s\n", strings.Join(shown, " "))
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := 0
	var all []byte
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			code = c.problem(name, err)
			continue
		}
		show(b, name)
		all = append(all, b...)
	}
	if len(names) > 1 {
		show(all, "total")
	}
	return code
}

// maxSeq bounds seq: output is kept in memory.
const maxSeq = 100_000

func seq(_ context.Context, c *call) int {
	numbers := make([]int, len(c.args))
	for i, a := range c.args {
		n, err := strconv.Atoi(a)
		if err != nil {
			return c.fail("seq: invalid floating point argument: ‘%s’\nTry 'seq --help' for more information.", a)
		}
		numbers[i] = max(min(n, 1<<40), -1<<40)
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
		return c.fail("seq: missing operand\nTry 'seq --help' for more information.")
	}
	if step == 0 {
		return c.fail("seq: invalid Zero increment value: ‘0’\nTry 'seq --help' for more information.")
	}
	for n := 0; (step > 0 && first <= last || step < 0 && first >= last) && n < maxSeq && c.written.Err == nil; n++ {
		c.printf("%d\n", first)
		first += step
	}
	return 0
}

// yes stops when nobody reads, and long before it matters if somebody does.
func yes(_ context.Context, c *call) int {
	text := "y"
	if len(c.args) > 0 {
		text = strings.Join(c.args, " ")
	}
	text = strings.Repeat(text+"\n", 1+4096/(len(text)+1))
	for range maxSeq / 100 {
		if _, err := io.WriteString(c.out, text); err != nil {
			break
		}
	}
	return 0
}

func basename(_ context.Context, c *call) int {
	if len(c.args) == 0 {
		return c.fail("%s: missing operand", c.name)
	}
	if c.name == "dirname" {
		for _, name := range c.args {
			c.printf("%s\n", path.Dir(name))
		}
		return 0
	}
	name := path.Base(c.args[0])
	if len(c.args) > 1 && name != c.args[1] {
		name = strings.TrimSuffix(name, c.args[1])
	}
	c.printf("%s\n", name)
	return 0
}

func base64Text(_ context.Context, c *call) int {
	name := append(c.operands(), "-")[0]
	b, err := c.read(name)
	if err != nil {
		return c.problem(name, err)
	}
	if c.has("d") || c.long("--decode") {
		out, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
		_, _ = c.out.Write(out) // ends when the reader does
		if err != nil {
			return c.fail("base64: invalid input")
		}
		return 0
	}
	text := base64.StdEncoding.EncodeToString(b)
	for width := 76; !c.has("w") && len(text) > width; text = text[width:] {
		c.printf("%s\n", text[:width])
	}
	c.printf("%s\n", text)
	return 0
}

// echo knows -n and -e.
func echo(_ context.Context, c *call) int {
	args, newline, escapes := c.args, true, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		newline = newline && !strings.Contains(args[0], "n")
		escapes = strings.Contains(args[0], "e") || escapes && !strings.Contains(args[0], "E")
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		text = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\e`, "\x1b", `\033`, "\x1b", `\a`, "\a", `\0`, "\x00").Replace(text)
	}
	if newline {
		text += "\n"
	}
	if _, err := io.WriteString(c.out, text); err != nil {
		return 1
	}
	return 0
}

// xargs runs a command once, with -n for some words at a time, with -I for each line.
func xargs(ctx context.Context, c *call) int {
	args, each, replace, skipEmpty := c.args, 0, "", false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		value := func(flag string) string {
			if v := strings.TrimPrefix(args[0], flag); v != "" {
				return v
			}
			if len(args) > 1 {
				args = args[1:]
				return args[0]
			}
			return ""
		}
		switch a := args[0]; {
		case strings.HasPrefix(a, "-n"), strings.HasPrefix(a, "-L"):
			each, _ = strconv.Atoi(value(a[:2]))
		case strings.HasPrefix(a, "-P"), strings.HasPrefix(a, "-d"):
			value(a[:2])
		case strings.HasPrefix(a, "-I"):
			replace = value("-I")
		case a == "-r" || a == "--no-run-if-empty":
			skipEmpty = true
		}
		args = args[1:]
	}
	if len(args) == 0 {
		args = []string{"echo"}
	}
	b, err := c.read("-")
	if err != nil {
		return c.problem("standard input", err)
	}
	words := strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == 0 })
	if replace != "" {
		words, each = splitLines(b), 1
	}
	if len(words) == 0 && (skipEmpty || replace != "") {
		return 0
	}
	c.in = strings.NewReader("")
	code := 0
	for first := true; first || len(words) > 0; first = false {
		n := len(words)
		if each > 0 {
			n = min(each, n)
		}
		argv := slices.Concat(args, words[:n])
		if replace != "" {
			argv = slices.Clone(args)
			for i := range argv {
				if len(argv[i])+strings.Count(argv[i], replace)*len(words[0]) > maxText {
					return c.fail("xargs: argument line too long")
				}
				argv[i] = strings.ReplaceAll(argv[i], replace, words[0])
			}
		}
		words = words[n:]
		if c.run(ctx, argv) != 0 {
			code = 123
		}
		if ctx.Err() != nil {
			return 130
		}
	}
	return code
}
