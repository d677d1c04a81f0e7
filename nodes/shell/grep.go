package shell

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"strings"

	"demarc/nodes/shell/guard"
)

// grep knows -c, -E, -F, -i, -l, -h, -H, -n, -o, -q, -v, -w, -x, -r, -s, -A, -B, -C, -m and -e.
func grep(_ context.Context, c *Call) int {
	o := c.Options("e,regexp= A,after-context= B,before-context= C,context= m,max-count= f= include= exclude= i,ignore-case")
	flags := map[string]bool{"E": c.Name == "egrep", "F": c.Name == "fgrep"}
	for _, f := range strings.Split("EFHPRchilnoqrsvwx", "") {
		flags[f] = flags[f] || o.Has(f)
	}
	number := map[string]int{}
	for _, name := range []string{"C", "A", "B", "m"} {
		n, err := strconv.Atoi(cmp.Or(o.Value(name), "0"))
		if err != nil || n < 0 {
			return c.Quit(2, "grep: %s: invalid context length argument", o.Value(name))
		}
		number[name] = n
	}
	number["A"], number["B"] = cmp.Or(number["A"], number["C"]), cmp.Or(number["B"], number["C"])
	patterns, names := o.All("e"), o.Operands
	if len(patterns) == 0 {
		if len(names) == 0 {
			return c.Quit(2, "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.")
		}
		patterns, names = names[:1], names[1:]
	}
	re, err := expression(patterns, flags)
	if err != nil {
		return c.Quit(2, "%s", c.say("grep: Invalid regular expression", "grep: bad regex '"+patterns[0]+"'"))
	}
	recursive := flags["r"] || flags["R"]
	if recursive {
		names = c.below(names)
	}
	names = inputs(names)
	found, failed := false, false
	label := (len(names) > 1 || recursive || flags["H"]) && !flags["h"]
	for _, name := range names {
		lines, err := c.readLines(name)
		if err == nil {
			err = c.match(re, lines)
		}
		if err != nil {
			if !flags["s"] {
				c.Problem(name, err)
			}
			failed = true
			continue
		}
		prefix := ""
		if label {
			prefix = name
		}
		n := c.search(re, lines, prefix, name, flags, number)
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
func (c *Call) search(re *regexp.Regexp, lines []string, prefix, name string, flags map[string]bool, number map[string]int) int {
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
				c.Printf("%s\n", name)
			}
			return found
		case flags["c"]:
		case flags["o"]:
			for _, m := range re.FindAllString(l, 1000) {
				c.Printf("%s%s\n", mark(i, ":"), m)
			}
		default:
			from := max(shown+1, i-number["B"])
			if from > shown+1 && shown >= 0 && number["A"]+number["B"] > 0 {
				c.Printf("--\n")
			}
			for k := from; k < i; k++ {
				c.Printf("%s%s\n", mark(k, "-"), lines[k])
			}
			if shown < i {
				c.Printf("%s%s\n", mark(i, ":"), l)
			}
			shown = i
			for k := i + 1; k <= i+number["A"] && k < len(lines) && re.MatchString(lines[k]) == flags["v"]; k++ {
				c.Printf("%s%s\n", mark(k, "-"), lines[k])
				shown = k
			}
		}
		if number["m"] > 0 && found >= number["m"] || c.Stopped() {
			break
		}
	}
	if flags["c"] {
		c.Printf("%s%d\n", strings.TrimSuffix(mark(0, ":"), "1:"), found)
	}
	return found
}

// below are all files of some directories.
func (c *Call) below(names []string) []string {
	if len(names) == 0 {
		names = []string{"."}
	}
	var out []string
	for _, n := range names {
		c.Walk(n, 12, func(name string, f File) {
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
	return guard.Compile(text)
}
