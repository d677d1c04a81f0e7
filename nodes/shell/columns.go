package shell

import (
	"cmp"
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"math"
)

// sortLines knows -h, -k, -n, -r, -t and -u.
func sortLines(_ context.Context, c *Call) int {
	o := c.Options("k,key= t= o= S=")
	key, sep, by := 0, o.Value("t"), o.Value("k")
	if digits := strings.FieldsFunc(by, func(r rune) bool { return r < '0' || r > '9' }); len(digits) > 0 {
		key, _ = strconv.Atoi(digits[0])
	}
	numeric := o.Has("n", "h") || strings.Contains(by, "n")
	lines, code := c.Lines(o.Operands)
	size := rowSize * len(lines)
	for _, l := range lines {
		size += len(l) // the key may be a copy
	}
	if err := c.memory.Hold(size); err != nil {
		return c.Problem("-", err)
	}
	rows := make([]row, len(lines))
	for i, l := range lines {
		release, err := c.holdFields(l)
		if err != nil {
			return c.Problem("-", err)
		}
		rows[i] = row{line: l, key: keyOf(l, key, sep)}
		release()
		if numeric {
			rows[i].number = leading(rows[i].key, o.Has("h"))
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.key, b.key))
	})
	for i, r := range rows {
		lines[i] = r.line
	}
	if o.Has("r") || strings.Contains(by, "r") {
		slices.Reverse(lines)
	}
	if o.Has("u") {
		lines = slices.Compact(lines)
	}
	c.Print(lines)
	return code
}

// row is a line that is sorted, by what.
type row struct {
	line, key string
	number    float64
}

const rowSize = 40 // bytes

// keyOf is what a line is sorted by: all of it, or all from a field on.
func keyOf(line string, key int, sep string) string {
	if key == 0 {
		return line
	}
	fields := strings.Fields(line)
	if sep != "" {
		fields = strings.Split(line, sep)
	}
	if key > len(fields) {
		return ""
	}
	if sep == "" {
		sep = " "
	}
	return strings.Join(fields[key-1:], sep)
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
func uniq(_ context.Context, c *Call) int {
	lines, code := c.Lines(c.Operands()[:min(1, len(c.Operands()))])
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		switch {
		case c.Has("d") && n == 1, c.Has("u") && n > 1:
		case c.Has("c"):
			c.Printf("%7d %s\n", n, lines[i])
		default:
			c.Printf("%s\n", lines[i])
		}
		i += n
	}
	return code
}

// cut knows -d, -f and -c with lists such as 1,3-5.
func cut(_ context.Context, c *Call) int {
	o := c.Options("d,delimiter= f,fields= c,b=")
	sep, list, chars := "\t", cmp.Or(o.Value("c"), o.Value("f")), o.Has("c")
	if o.Has("d") {
		sep = o.Value("d")
	}
	if list == "" || sep == "" {
		return c.Fail("cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.")
	}
	lines, code := c.Lines(o.Operands)
	ranges := ranges(list)
	if chars {
		sep = ""
	}
	for _, l := range lines {
		release, err := c.holdFields(l)
		if err != nil {
			return c.Problem("-", err)
		}
		fields := strings.Split(l, sep)
		switch {
		case chars || len(fields) > 1:
			c.Printf("%s\n", strings.Join(chosen(fields, ranges), sep))
		case !o.Has("s"):
			c.Printf("%s\n", l)
		}
		release()
	}
	return code
}

// ranges are those of a list such as 1,3-, by their beginnings.
func ranges(list string) (out [][2]int) {
	for r := range strings.SplitSeq(list, ",") {
		lo, hi, isRange := strings.Cut(r, "-")
		from, err := strconv.Atoi(lo)
		if err != nil {
			from = 1
		}
		to, err := strconv.Atoi(hi)
		if err != nil {
			to = math.MaxInt
		}
		if !isRange {
			to = from
		}
		out = append(out, [2]int{from, to})
	}
	slices.SortFunc(out, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	return out
}

// chosen are the fields that are in the ranges.
func chosen(fields []string, ranges [][2]int) (out []string) {
	to := 0
	for i, f := range fields {
		for len(ranges) > 0 && ranges[0][0] <= i+1 {
			to, ranges = max(to, ranges[0][1]), ranges[1:]
		}
		if i+1 <= to {
			out = append(out, f)
		}
	}
	return out
}

// tr knows characters, ranges, -d and -s.
func tr(_ context.Context, c *Call) int {
	sets := c.Operands()
	b, err := c.Read("-")
	switch {
	case err != nil:
		return c.Problem("-", err)
	case len(sets) == 0:
		return c.Fail("tr: missing operand")
	case len(sets[0])+len(sets[len(sets)-1]) > maxSet:
		return c.Fail("tr: set too long")
	}
	if err := c.memory.Hold(2 * len(b)); err != nil {
		return c.Problem("-", err)
	}
	from, to := map[rune]int{}, []rune{}
	for i, r := range []rune(spread(sets[0])) {
		if _, ok := from[r]; !ok {
			from[r] = i
		}
	}
	if len(sets) > 1 {
		to = []rune(spread(sets[1]))
	}
	var out strings.Builder
	last := rune(-1)
	for _, r := range string(b) {
		i, in := from[r]
		switch {
		case in && c.Has("d"):
			continue
		case in && len(to) > 0:
			r = to[min(i, len(to)-1)]
		}
		if in && c.Has("s") && r == last {
			continue
		}
		last = r
		out.WriteRune(r)
	}
	_, _ = io.WriteString(c.Out, out.String()) // ends when the reader does
	return 0
}

// maxSet bounds the sets of tr, in bytes.
const maxSet = 4 << 10

func spread(set string) string {
	set = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\f`, "\f", `\v`, "\v", `\a`, "\a", `\b`, "\b", `\\`, `\`, `\0`, "\x00", "[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", "[:space:]", " \t\n\r\f\v").Replace(set)
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
