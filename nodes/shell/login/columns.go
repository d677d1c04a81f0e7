package login

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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
