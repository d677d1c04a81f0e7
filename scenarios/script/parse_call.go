package script

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/fault"
)

// readCall reads a verb and its arguments. It returns nil if the verb is
// unknown; other mistakes are recorded and the call is returned as far as it
// was understood.
func (p *parser) readCall(words []word) *call {
	verb, ok := lookupVerb(words[0].text)
	if !ok {
		names := slices.Concat([]string{"refuse"}, expectWords, convert(Verbs(), func(v Verb) string { return v.Name }))
		p.problem(words[0].col, fault.Suggest(words[0].text, names), "unknown verb %q", words[0].text)
		return nil
	}
	c := &call{verb: verb, words: words, args: map[string]word{}, cols: map[string]int{}}
	before := len(p.problems)
	rest := p.readPositional(c, words[1:])
	p.readNamed(c, rest)
	if len(p.problems) > before {
		return c
	}
	p.checkAction(c)
	if verb.check != nil {
		verb.check(p, c)
	}
	return c
}

// checkAction checks that a call has the arguments of its action, and no others.
func (p *parser) checkAction(c *call) {
	action := c.text("action")
	for _, a := range c.verb.Args {
		_, given := c.cols[a.Name]
		switch {
		case given && a.of != nil && !slices.Contains(a.of, action):
			p.problem(c.args[a.Name].col, "", "%s %s takes no %s=", c.verb.Name, action, a.Name)
		case !given && slices.Contains(a.neededBy, action):
			p.problem(c.words[0].col, "", "%s", strings.TrimSuffix(fmt.Sprintf("%s %s needs %s=: %s", c.verb.Name, action, a.Name, a.hint), ": "))
		}
	}
}

// readPositional reads the arguments by position and returns the words behind
// them.
func (p *parser) readPositional(c *call, words []word) []word {
	for _, a := range c.verb.Args {
		if !a.Positional {
			break
		}
		if a.Type == ArgPairs {
			p.readPairs(c, words)
			return nil
		}
		if len(words) > 0 {
			if name, _, ok := words[0].split(); !ok || !slices.Contains(argNames(c.verb.Args), name) {
				p.setArg(c, a, words[0], words[0].col)
				words = words[1:]
				continue
			}
		}
		if a.Required {
			last := c.words[0]
			p.problem(last.at(len(last.text)), "", "%s needs %s: %s", c.verb.Name, strings.ToUpper(a.Name), c.verb.Usage())
		}
	}
	return words
}

// readPairs reads KEY=VALUE and KEY-.
func (p *parser) readPairs(c *call, words []word) {
	if len(words) == 0 {
		p.problem(c.words[0].col, "", "%s needs at least one KEY=VALUE, or KEY- to take one away", c.verb.Name)
	}
	for _, w := range words {
		if _, _, ok := w.split(); !ok && (!strings.HasSuffix(w.text, "-") || len(w.text) < 2) {
			p.problem(w.col, "", "want KEY=VALUE, or KEY- to take it away, not %q", w.text)
			continue
		}
		c.pairs = append(c.pairs, w)
	}
}

// readNamed reads name=value words.
func (p *parser) readNamed(c *call, words []word) {
	names := argNames(c.verb.Args)
	for _, w := range words {
		name, value, ok := w.split()
		if !ok {
			p.problem(w.col, fault.Suggest(w.text, names), "%s takes no further word %q: %s", c.verb.Name, w.text, c.verb.Usage())
			continue
		}
		i := slices.IndexFunc(c.verb.Args, func(a Arg) bool { return !a.Positional && a.Name == name })
		if i < 0 {
			p.problem(w.col, fault.Suggest(name, names), "%s has no argument %q: %s", c.verb.Name, name, c.verb.Usage())
			continue
		}
		if _, twice := c.args[name]; twice {
			p.problem(w.col, "", "%s= is given twice", name)
			continue
		}
		v := w
		v.text = value
		p.setArg(c, c.verb.Args[i], v, w.at(len(name)+1))
	}
	for _, a := range c.verb.Args {
		if _, ok := c.args[a.Name]; ok || a.Positional {
			continue
		}
		if a.Required {
			p.problem(c.words[0].col, "", "%s needs %s=: %s", c.verb.Name, a.Name, a.Doc)
		} else if a.Default != "" {
			c.args[a.Name] = word{text: a.Default, col: c.words[0].col}
		}
	}
}

var nameWord = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,62}$`)

// setArg checks an argument's value and sets it. col is where the value begins.
func (p *parser) setArg(c *call, a Arg, w word, col int) {
	c.args[a.Name], c.cols[a.Name] = w, col
	v := w.text
	switch a.Type {
	case ArgSection:
		c.section = p.section(word{text: v, col: col, quotedAt: -1})
	case ArgObject:
		p.setObject(c, v, col)
	case ArgNode:
		p.checkNode(v, col)
	case ArgWord:
		if !nameWord.MatchString(v) {
			p.problem(col, "", "%q is not a name: want letters, digits, hyphens and underscores, a letter first", v)
		}
	case ArgDuration:
		if d, err := parseDuration(v); err != nil {
			p.problem(col, "", "%s=: %v", a.Name, err)
		} else if d <= 0 || d > maxSpan {
			p.problem(col, "", "%s=%s: want more than nothing and less than a year", a.Name, v)
		}
	case ArgInt:
		if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 0 {
			p.problem(col, "", "%s=%s: want a whole number from 0", a.Name, v)
		}
	case ArgRate:
		if _, err := parseRate(v); err != nil {
			p.problem(col, "", "%s=: %v", a.Name, err)
		}
	case ArgEnum:
		if !slices.Contains(a.Values, v) {
			what := a.Name + "=" + v
			if a.Positional {
				what = strconv.Quote(v)
			}
			p.problem(col, fault.Suggest(v, a.Values), "%s: want one of %s", what, strings.Join(a.Values, ", "))
		}
	}
}

// setObject checks KIND/[NAMESPACE/]NAME.
func (p *parser) setObject(c *call, v string, col int) {
	kind, rest, ok := strings.Cut(v, "/")
	if !ok || strings.Count(rest, "/") > 1 || slices.Contains(strings.Split(rest, "/"), "") {
		p.problem(col, "", "%q: want KIND/NAME or KIND/NAMESPACE/NAME, such as deployment/shop", v)
		return
	}
	gvk, ok := kindByWord(kind)
	if !ok {
		p.problem(col, fault.Suggest(kind, kindWords()), "unknown kind %q", kind)
		return
	}
	if strings.Contains(rest, "/") && !namespaced(gvk) {
		p.problem(col, "", "a %s lives in no namespace: write %s/%s", gvk.Kind, kind, rest[strings.Index(rest, "/")+1:])
		return
	}
	c.gvk = gvk
}

// checkNode checks node/INDEX or node/NAME.
func (p *parser) checkNode(v string, col int) {
	ref, ok := strings.CutPrefix(v, "node/")
	if !ok || ref == "" || strings.Contains(ref, "/") {
		p.problem(col, "", "%q: want node/INDEX or node/NAME, such as node/0", v)
		return
	}
	p.checkNodeIndex(ref, col+len("node/"))
}

// checkNodeIndex checks a reference to a node if it is an index.
func (p *parser) checkNodeIndex(ref string, col int) {
	if n, err := strconv.Atoi(ref); err == nil && (n < 0 || n > p.lastInstance()) {
		p.problem(col, "", "there is no node %d: the cluster has %d, from 0 to %d", n, p.lastInstance()+1, p.lastInstance())
	}
}

// splitObject cuts KIND/[NAMESPACE/]NAME that was checked before.
func splitObject(v string) (namespace, name string) {
	parts := strings.Split(v, "/")
	if len(parts) == 3 {
		return parts[1], parts[2]
	}
	return "default", parts[1]
}
