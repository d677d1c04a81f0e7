package parse

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/scenarios/script"
	"demarc/scenarios/script/kinds"
	"demarc/sim/api"
	"demarc/sim/fault"
)

// readCall reads a verb and its arguments. It returns nil if the verb is
// unknown; other mistakes are recorded and the call is returned as far as it
// was understood.
func (p *parser) readCall(words []script.Word) *script.Call {
	verb, ok := script.Lookup(words[0].Text)
	if !ok {
		names := slices.Concat([]string{"refuse"}, expectWords, script.Convert(script.Verbs(), func(v script.Verb) string { return v.Name }))
		p.Problem(words[0].Col, fault.Suggest(words[0].Text, names), "unknown verb %q", words[0].Text)
		return nil
	}
	words = nodeWords(words)
	c := &script.Call{Verb: verb, Words: words, Args: map[string]script.Word{}, Cols: map[string]int{}}
	before := len(p.problems)
	rest := p.readPositional(c, words[1:])
	p.readNamed(c, rest)
	if len(p.problems) > before {
		p.unsure = p.unsure || verb.Name == "apply"
		return c
	}
	p.checkAction(c)
	if verb.Check != nil {
		verb.Check(p, c)
	}
	if verb.Name == "apply" && c.Section != nil {
		p.apply(c)
	}
	return c
}

// checkAction checks that a call has the arguments of its action, and no others.
func (p *parser) checkAction(c *script.Call) {
	action := c.Text("action")
	for _, a := range c.Verb.Args {
		_, given := c.Cols[a.Name]
		switch {
		case given && a.Of != nil && !slices.Contains(a.Of, action):
			p.Problem(c.Args[a.Name].Col, "", "%s %s takes no %s=", c.Verb.Name, action, a.Name)
		case !given && slices.Contains(a.NeededBy, action):
			p.Problem(c.Words[0].Col, "", "%s", strings.TrimSuffix(fmt.Sprintf("%s %s needs %s=: %s", c.Verb.Name, action, a.Name, a.Hint), ": "))
		}
	}
}

// readPositional reads the arguments by position and returns the words behind
// them.
func (p *parser) readPositional(c *script.Call, words []script.Word) []script.Word {
	for _, a := range c.Verb.Args {
		if !a.Positional {
			break
		}
		if a.Type == script.ArgPairs {
			p.readPairs(c, words)
			return nil
		}
		if len(words) > 0 {
			if name, _, ok := words[0].Split(); !ok || !slices.Contains(script.ArgNames(c.Verb.Args), name) {
				p.setArg(c, a, words[0], words[0].Col)
				words = words[1:]
				continue
			}
		}
		if a.Required {
			p.Problem(c.Words[0].End(), "", "%s needs %s: %s", c.Verb.Name, strings.ToUpper(a.Name), c.Verb.Usage())
		}
	}
	return words
}

// readPairs reads KEY=VALUE and KEY-.
func (p *parser) readPairs(c *script.Call, words []script.Word) {
	if len(words) == 0 {
		p.Problem(c.Words[0].Col, "", "%s needs at least one KEY=VALUE, or KEY- to take one away", c.Verb.Name)
	}
	for _, w := range words {
		if _, _, ok := w.Split(); !ok && (!strings.HasSuffix(w.Text, "-") || len(w.Text) < 2) {
			p.Problem(w.Col, "", "want KEY=VALUE, or KEY- to take it away, not %q", w.Text)
			continue
		}
		c.Pairs = append(c.Pairs, w)
	}
}

// readNamed reads name=value words.
func (p *parser) readNamed(c *script.Call, words []script.Word) {
	names := script.ArgNames(c.Verb.Args)
	for _, w := range words {
		name, value, ok := w.Split()
		if !ok {
			p.Problem(w.Col, fault.Suggest(w.Text, names), "%s takes no further word %q: %s", c.Verb.Name, w.Text, c.Verb.Usage())
			continue
		}
		i := slices.IndexFunc(c.Verb.Args, func(a script.Arg) bool { return !a.Positional && a.Name == name })
		if i < 0 {
			p.Problem(w.Col, fault.Suggest(name, names), "%s has no argument %q: %s", c.Verb.Name, name, c.Verb.Usage())
			continue
		}
		if _, twice := c.Args[name]; twice {
			p.Problem(w.Col, "", "%s= is given twice", name)
			continue
		}
		v := w
		v.Text = value
		p.setArg(c, c.Verb.Args[i], v, w.At(len(name)+1))
	}
	for _, a := range c.Verb.Args {
		if _, ok := c.Args[a.Name]; ok || a.Positional {
			continue
		}
		if a.Required {
			p.Problem(c.Words[0].Col, "", "%s needs %s=: %s", c.Verb.Name, a.Name, a.Doc)
		} else if a.Default != "" {
			c.Args[a.Name] = script.Word{Text: a.Default, Col: c.Words[0].Col}
		}
	}
}

var nameWord = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,62}$`)

// setArg checks an argument's value and sets it. col is where the value begins.
func (p *parser) setArg(c *script.Call, a script.Arg, w script.Word, col int) {
	if c.Verb.Prints && a.Type == script.ArgText {
		p.checkNodeRefsIn(w.Text, p.line, col)
	}
	c.Args[a.Name], c.Cols[a.Name] = w, col
	v := w.Text
	switch a.Type {
	case script.ArgSection:
		c.Section = p.Section(script.Word{Text: v, Col: col, QuotedAt: -1})
	case script.ArgObject:
		p.Object(c, v, col)
	case script.ArgNode:
		p.Node(v, col)
	case script.ArgWord:
		if !nameWord.MatchString(v) {
			p.Problem(col, "", "%q is not a name: want letters, digits, hyphens and underscores, a letter first", v)
		}
	case script.ArgDuration:
		if d, err := script.ParseDuration(v); err != nil {
			p.Problem(col, "", "%s=: %v", a.Name, err)
		} else if d <= 0 || d > script.MaxSpan {
			p.Problem(col, "", "%s=%s: want more than nothing and less than a year", a.Name, v)
		}
	case script.ArgInt:
		if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 0 {
			p.Problem(col, "", "%s=%s: want a whole number from 0", a.Name, v)
		}
	case script.ArgRate:
		if _, err := script.ParseRate(v); err != nil {
			p.Problem(col, "", "%s=: %v", a.Name, err)
		}
	case script.ArgEnum:
		if !slices.Contains(a.Values, v) {
			what := a.Name + "=" + v
			if a.Positional {
				what = strconv.Quote(v)
			}
			p.Problem(col, fault.Suggest(v, a.Values), "%s: want one of %s", what, strings.Join(a.Values, ", "))
		}
	}
}

// Object checks KIND/[NAMESPACE/]NAME.
func (p *parser) Object(c *script.Call, v string, col int) {
	kind, rest, ok := strings.Cut(v, "/")
	if !ok || strings.Count(rest, "/") > 1 || slices.Contains(strings.Split(rest, "/"), "") {
		p.Problem(col, "", "%q: want KIND/NAME or KIND/NAMESPACE/NAME, such as deployment/shop", v)
		return
	}
	gvk, ok := kinds.ByWord(kind)
	if !ok {
		p.Problem(col, fault.Suggest(kind, kinds.Words()), "unknown kind %q", kind)
		return
	}
	if strings.Contains(rest, "/") && !kinds.Namespaced(gvk) {
		p.Problem(col, "", "a %s lives in no namespace: write %s/%s", gvk.Kind, kind, rest[strings.Index(rest, "/")+1:])
		return
	}
	c.GVK = gvk
	namespace, name := "", rest
	if before, after, ok := strings.Cut(rest, "/"); ok {
		namespace, name = before, after
	}
	if gvk.Kind == "Node" {
		p.NodeIndex(name, col+len(kind)+1)
		return
	}
	p.Exists(gvk, namespace, name, col+len(kind)+1)
}

// Start notes what a call starts by its name.
func (p *parser) Start(c *script.Call) {
	verb, name := c.Verb.Name, c.Text("name")
	if p.started[verb] == nil {
		p.started[verb] = map[string]int{}
	}
	if line, twice := p.started[verb][name]; twice {
		p.Problem(c.Cols["name"], "", "there is a %s %s already, in line %d", verb, name, line)
	}
	p.started[verb][name] = p.line
}

// Keep notes by what name the output of a call is kept. A later one takes its place.
func (p *parser) Keep(c *script.Call) {
	if name := c.Text("as"); name != "" {
		if p.started[outputs] == nil {
			p.started[outputs] = map[string]int{}
		}
		p.started[outputs][name] = p.line
	}
}

// outputs is where the parser has the names of outputs, among what verbs have started.
const outputs = "output"

// Started are the names of what a verb has started so far.
func (p *parser) Started(verb string) []string { return slices.Sorted(maps.Keys(p.started[verb])) }

// Cluster is the cluster that the scenario wants, as far as it is read.
func (p *parser) Cluster() api.ClusterSpec { return p.script.Cluster }
