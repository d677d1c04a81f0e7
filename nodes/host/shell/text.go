package shell

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path"
	"regexp"
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

// grep knows -c, -E, -F, -i, -l, -h, -H, -n, -o, -q, -v, -w, -x, -r, -s, -A, -B, -C, -m and -e.
func grep(_ context.Context, c *call) int {
	var patterns []string
	flags := map[string]bool{"E": c.name == "egrep", "F": c.name == "fgrep"}
	number := map[string]int{"A": 0, "B": 0, "m": 0}
	bad := ""
	names := options(c.args, "eABCmf", []string{"regexp", "after-context", "before-context", "context", "max-count", "include", "exclude"}, func(name, value string) {
		switch name {
		case "e", "regexp":
			patterns = append(patterns, value)
		case "A", "B", "m", "C":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				bad = value
			}
			if name == "C" {
				number["A"], number["B"] = n, n
			} else {
				number[name] = n
			}
		case "color", "colour", "line-buffered", "a", "I", "include", "exclude":
		case "ignore-case":
			flags["i"] = true
		default:
			flags[name] = true
		}
	})
	if bad != "" {
		c.fail("grep: %s: invalid context length argument", bad)
		return 2
	}
	if len(patterns) == 0 {
		if len(names) == 0 {
			c.fail("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.")
			return 2
		}
		patterns, names = names[:1], names[1:]
	}
	re, err := expression(patterns, flags)
	if err != nil {
		c.fail("grep: Invalid regular expression")
		return 2
	}
	recursive := flags["r"] || flags["R"]
	if recursive {
		names = c.below(names)
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	found, failed := false, false
	label := (len(names) > 1 || recursive || flags["H"]) && !flags["h"]
	for _, name := range names {
		b, err := c.read(name)
		if err != nil {
			if !flags["s"] {
				c.problem(name, err)
			}
			failed = true
			continue
		}
		prefix := ""
		if label {
			prefix = name
		}
		n := c.search(re, splitLines(b), prefix, name, flags, number)
		found = found || n > 0
	}
	switch {
	case failed && !(found && flags["q"]):
		return 2
	case !found:
		return 1
	}
	return 0
}

// search prints the lines of one file and says how many matched.
func (c *call) search(re *regexp.Regexp, lines []string, prefix, name string, flags map[string]bool, number map[string]int) int {
	mark := func(i int, sep string) string {
		out := ""
		if prefix != "" {
			out = prefix + sep
		}
		if flags["n"] {
			out += strconv.Itoa(i+1) + sep
		}
		return out
	}
	found, shown := 0, -1
	for i, l := range lines {
		if re.MatchString(l) == flags["v"] {
			continue
		}
		found++
		switch {
		case flags["q"] || flags["l"]:
			if flags["l"] {
				c.printf("%s\n", name)
			}
			return found
		case flags["c"]:
		case flags["o"]:
			for _, m := range re.FindAllString(l, 1000) {
				c.printf("%s%s\n", mark(i, ":"), m)
			}
		default:
			from := max(shown+1, i-number["B"])
			if from > shown+1 && shown >= 0 && number["A"]+number["B"] > 0 {
				c.printf("--\n")
			}
			for k := from; k < i; k++ {
				c.printf("%s%s\n", mark(k, "-"), lines[k])
			}
			if shown < i {
				c.printf("%s%s\n", mark(i, ":"), l)
			}
			shown = i
			for k := i + 1; k <= i+number["A"] && k < len(lines) && re.MatchString(lines[k]) == flags["v"]; k++ {
				c.printf("%s%s\n", mark(k, "-"), lines[k])
				shown = k
			}
		}
		if number["m"] > 0 && found >= number["m"] || c.written.err != nil {
			break
		}
	}
	if flags["c"] {
		c.printf("%s%d\n", strings.TrimSuffix(mark(0, ":"), "1:"), found)
	}
	return found
}

// below are all files of some directories.
func (c *call) below(names []string) []string {
	if len(names) == 0 {
		names = []string{"."}
	}
	var out []string
	for _, n := range names {
		c.walk(n, 12, func(name string, f fileInfo) {
			if !f.Dir {
				out = append(out, name)
			}
		})
	}
	return out
}

// basic swaps the characters that basic expressions escape and others do not.
var basic = strings.NewReplacer(`\\`, `\\`, `\+`, `+`, `\?`, `?`, `\|`, `|`, `\(`, `(`, `\)`, `)`, `\{`, `{`, `\}`, `}`,
	`+`, `\+`, `?`, `\?`, `|`, `\|`, `(`, `\(`, `)`, `\)`, `{`, `\{`, `}`, `\}`, `\<`, `\b`, `\>`, `\b`)

// expression is grep's pattern as package regexp has it.
func expression(patterns []string, flags map[string]bool) (*regexp.Regexp, error) {
	var parts []string
	for _, p := range patterns {
		for _, one := range strings.Split(p, "\n") {
			switch {
			case flags["F"]:
				one = regexp.QuoteMeta(one)
			case !flags["E"] && !flags["P"]:
				one = basic.Replace(one)
			}
			parts = append(parts, "(?:"+one+")")
		}
	}
	text := strings.Join(parts, "|")
	switch {
	case flags["x"]:
		text = "^(?:" + text + ")$"
	case flags["w"]:
		text = `\b(?:` + text + `)\b`
	}
	if flags["i"] {
		text = "(?i)" + text
	}
	return regexp.Compile(text)
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

// sortLines knows -h, -k, -n, -r, -t and -u.
func sortLines(_ context.Context, c *call) int {
	key, sep := 0, ""
	flags := map[string]bool{}
	names := options(c.args, "ktoS", []string{"key"}, func(name, value string) {
		switch name {
		case "k", "key":
			digits := strings.FieldsFunc(value, func(r rune) bool { return r < '0' || r > '9' })
			if len(digits) > 0 {
				key, _ = strconv.Atoi(digits[0])
			}
			flags["n"] = flags["n"] || strings.Contains(value, "n")
			flags["r"] = flags["r"] || strings.Contains(value, "r")
		case "t":
			sep = value
		default:
			flags[name] = true
		}
	})
	lines, code := c.lines(names)
	of := func(l string) string {
		if key == 0 {
			return l
		}
		f := strings.Fields(l)
		if sep != "" {
			f = strings.Split(l, sep)
		}
		if key <= len(f) {
			return strings.Join(f[key-1:], " ")
		}
		return ""
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		if flags["n"] || flags["h"] {
			if x, y := leading(of(a), flags["h"]), leading(of(b), flags["h"]); x != y {
				if x < y {
					return -1
				}
				return 1
			}
		}
		return strings.Compare(of(a), of(b))
	})
	if flags["r"] {
		slices.Reverse(lines)
	}
	if flags["u"] {
		lines = slices.Compact(lines)
	}
	c.print(lines)
	return code
}

var numeral = regexp.MustCompile(`^\s*(-?[0-9]*\.?[0-9]+)([KMGT]?)`)

// leading is the number at the beginning of a text, with -h in units.
func leading(s string, units bool) float64 {
	m := numeral.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	f, _ := strconv.ParseFloat(m[1], 64) // the expression only matches numbers
	if units {
		f *= map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[m[2]]
	}
	return f
}

// uniq knows -c, -d and -u.
func uniq(_ context.Context, c *call) int {
	lines, code := c.lines(c.operands()[:min(1, len(c.operands()))])
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		switch {
		case c.has("d") && n == 1, c.has("u") && n > 1:
		case c.has("c"):
			c.printf("%7d %s\n", n, lines[i])
		default:
			c.printf("%s\n", lines[i])
		}
		i += n
	}
	return code
}

// cut knows -d, -f and -c with lists such as 1,3-5.
func cut(_ context.Context, c *call) int {
	sep, fields, chars := "\t", "", ""
	names := options(c.args, "dfcb", []string{"delimiter", "fields"}, func(name, value string) {
		switch name {
		case "d", "delimiter":
			sep = value
		case "f", "fields":
			fields = value
		case "c", "b":
			chars = value
		}
	})
	if fields == "" && chars == "" || sep == "" {
		return c.fail("cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.")
	}
	lines, code := c.lines(names)
	for _, l := range lines {
		if chars != "" {
			c.printf("%s\n", strings.Join(chosen(strings.Split(l, ""), chars), ""))
			continue
		}
		f := strings.Split(l, sep)
		if len(f) == 1 {
			if !c.has("s") {
				c.printf("%s\n", l)
			}
			continue
		}
		c.printf("%s\n", strings.Join(chosen(f, fields), sep))
	}
	return code
}

// chosen are the fields that a list such as 1,3- names.
func chosen(fields []string, list string) (out []string) {
	for i, f := range fields {
		for _, r := range strings.Split(list, ",") {
			lo, hi, isRange := strings.Cut(r, "-")
			from, err := strconv.Atoi(lo)
			if err != nil {
				from = 1
			}
			to, err := strconv.Atoi(hi)
			if err != nil {
				to = len(fields)
			}
			if !isRange {
				to = from
			}
			if i+1 >= from && i+1 <= to {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// tr knows characters, ranges, -d and -s.
func tr(_ context.Context, c *call) int {
	sets := c.operands()
	b, err := c.read("-")
	if err != nil || len(sets) == 0 {
		return c.fail("tr: missing operand")
	}
	from, to := []rune(spread(sets[0])), []rune{}
	if len(sets) > 1 {
		to = []rune(spread(sets[1]))
	}
	var out strings.Builder
	last := rune(-1)
	for _, r := range string(b) {
		i := slices.Index(from, r)
		switch {
		case i >= 0 && c.has("d"):
			continue
		case i >= 0 && len(to) > 0:
			r = to[min(i, len(to)-1)]
		}
		if i >= 0 && c.has("s") && r == last {
			continue
		}
		last = r
		out.WriteRune(r)
	}
	_, _ = io.WriteString(c.out, out.String()) // ends when the reader does
	return 0
}

func spread(set string) string {
	set = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00", "[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", "[:space:]", " \t\n").Replace(set)
	var b strings.Builder
	r := []rune(set)
	for i := 0; i < len(r); i++ {
		if i+2 < len(r) && r[i+1] == '-' && r[i+2] >= r[i] && r[i+2]-r[i] < 256 {
			for k := r[i]; k <= r[i+2]; k++ {
				b.WriteRune(k)
			}
			i += 2
			continue
		}
		b.WriteRune(r[i])
	}
	return b.String()
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
	for n := 0; (step > 0 && first <= last || step < 0 && first >= last) && n < maxSeq && c.written.err == nil; n++ {
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
	b, err := c.read(append(c.operands(), "-")[0])
	if err != nil {
		return c.problem(c.operands()[0], err)
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
