// Package coredns is CoreDNS, the server of names that AKS runs in kube-system: its Corefile
// with every mistake that it finds in one, and the plugins that people write in it.
//
// [Load] reads a Corefile from the files that a container has, and makes a [Server] of it,
// or says what CoreDNS says of one that it cannot start with. A Server answers questions
// ([Server.ServeDNS]); it takes a changed Corefile over as the plugin reload does, and goes on
// with the one it has if the new one is broken ([Server.Reload]). Nothing runs while nobody asks.
//
// What a block of the Corefile does is in the file of its plugin: forward.go, cache.go,
// hosts.go, rewrite.go, template.go. All other plugins of CoreDNS's are known by name and let
// every question pass. Forms and words are those of CoreDNS 1.14.3 and of its parser, Caddy's.
package coredns

import (
	"path"
	"slices"
	"strings"
)

// Files are what a container sees of its configuration, by absolute path.
type Files map[string][]byte

// Limits of what is imported, against what imports itself. Caddy's are 10,000 snippets and
// 100,000 files.
const (
	maxImports = 10000
	maxTokens  = 1 << 18
)

// block is a server block: what it is for, and its directives in their order.
type block struct {
	keys       []string
	directives []directive
}

// directive is a line of a server block, with the block behind it: name and tokens.
type directive []token

// parser reads a Corefile.
type parser struct {
	files Files
	env   func(string) string
	known []string // directives that may be there; nil for any
	file  string   // of the Corefile
	// last is the token that was taken last, first says that there was none, and rest are
	// those that follow, the next one at the end: what is imported comes there.
	last     token
	first    bool
	rest     []token
	snippets map[string][]token
	imports  int
	taken    int
	warnings []string
}

// parse reads the blocks of a Corefile.
func (p *parser) parse() (blocks []block, err error) {
	p.first, p.last, p.snippets = true, token{file: p.file}, map[string][]token{}
	p.push(lex(p.file, p.files[p.file]))
	for len(p.rest) > 0 {
		b, err := p.block()
		if err != nil {
			return nil, err
		}
		if len(b.keys) > 0 {
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

// push puts tokens before those that follow.
func (p *parser) push(in []token) {
	for _, t := range slices.Backward(in) {
		p.rest = append(p.rest, t)
	}
}

// peek is the n-th token of those that follow; not ok says that there are not so many.
func (p *parser) peek(n int) (t token, ok bool) {
	if n >= len(p.rest) {
		return token{}, false
	}
	return p.rest[len(p.rest)-1-n], true
}

// next takes a token.
func (p *parser) next() token {
	p.last, p.first = p.rest[len(p.rest)-1], false
	p.rest = p.rest[:len(p.rest)-1]
	p.taken++
	return p.last
}

// begins says whether the n-th token of those that follow is the first of its line.
func (p *parser) begins(n int) bool {
	t, _ := p.peek(n)
	if n > 0 {
		before, _ := p.peek(n - 1)
		return t.follows(before)
	}
	return p.first || t.follows(p.last)
}

// block reads one server block, or a snippet, which has no keys then.
func (p *parser) block() (b block, err error) {
	if err := p.keys(&b); err != nil || len(p.rest) == 0 {
		return b, err
	}
	if name, ok := snippetName(b.keys); ok {
		return block{}, p.snippet(name)
	}
	t, _ := p.peek(0)
	braces := t.text == "{"
	if braces {
		p.next()
	}
	for len(p.rest) > 0 {
		switch t, _ := p.peek(0); {
		case p.taken > maxTokens:
			return b, t.wrong("the Corefile has too many words")
		case t.text == "}":
			p.next()
			return b, nil
		case t.text == "import":
			err = p.include()
		default:
			var d directive
			if d, err = p.directive(); err == nil {
				b.directives = append(b.directives, d)
			}
		}
		if err != nil {
			return b, err
		}
	}
	if braces {
		return b, p.last.unexpected("}")
	}
	return b, nil
}

// keys reads what a block is for.
func (p *parser) keys(b *block) error {
	for another, begun := false, false; len(p.rest) > 0; {
		t, _ := p.peek(0)
		switch {
		case begun && !another && p.begins(0):
			return nil
		case t.text == "import" && p.begins(0):
			if err := p.include(); err != nil {
				return err
			}
			continue
		case t.text == "{" && another:
			return t.wrong("Expected another address but had '%s' - check for extra comma", t.text)
		case t.text == "{":
			return nil
		}
		p.next()
		begun = true
		if key := p.expand(t.text); key != "" {
			key, another = strings.CutSuffix(key, ",")
			b.keys = append(b.keys, key)
		}
		if another && len(p.rest) == 0 {
			return t.wrong("Unexpected EOF")
		}
	}
	return nil
}

// snippetName is the name of a snippet, if that is what a block is.
func snippetName(keys []string) (string, bool) {
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "(") || !strings.HasSuffix(keys[0], ")") {
		return "", false
	}
	return strings.TrimSuffix(keys[0][1:], ")"), true
}

// snippet keeps the tokens of a snippet, for who imports it.
func (p *parser) snippet(name string) error {
	t := p.next()
	if _, there := p.snippets[name]; there {
		return t.wrong("redeclaration of previously declared snippet %s", name)
	}
	if t.text != "{" {
		return t.unexpected("{")
	}
	in := []token{}
	for depth := 1; len(p.rest) > 0; in = append(in, t) {
		begins := p.begins(0)
		t = p.next()
		switch t.text {
		case "{":
			depth++
		case "}":
			depth--
		case "import":
			if what, ok := p.peek(0); ok && begins && p.expand(what.text) == name {
				return what.tooDeep()
			}
		}
		if depth == 0 {
			p.snippets[name] = in
			return nil
		}
	}
	return p.last.unexpected("}")
}

// directive reads a directive with its block.
func (p *parser) directive() (directive, error) {
	first := p.next()
	first.text = p.expand(first.text)
	if p.known != nil && !slices.Contains(p.known, first.text) {
		return nil, first.wrong("Unknown directive '%s'", first.text)
	}
	d, depth := directive{first}, 0
	for len(p.rest) > 0 {
		t, _ := p.peek(0)
		switch {
		case p.taken > maxTokens:
			return nil, t.wrong("the Corefile has too many words")
		case t.text == "{":
			depth++
		case p.begins(0) && depth == 0:
			return d, nil
		case t.text == "}" && depth == 0:
			return nil, t.wrong("Unexpected '}' because no matching opening brace")
		case t.text == "}":
			depth--
		case t.text == "import" && p.begins(0):
			if err := p.include(); err != nil {
				return nil, err
			}
			continue
		}
		p.next()
		t.text = p.expand(t.text)
		d = append(d, t)
	}
	if depth > 0 {
		return nil, p.last.wrong("Unexpected EOF")
	}
	return d, nil
}

// include puts what an import names in its place.
func (p *parser) include() error {
	t, _ := p.peek(0)
	what, ok := p.peek(1)
	if !ok || p.begins(1) {
		return t.wrong("Wrong argument count or unexpected line ending after '%s'", t.text)
	}
	pattern := p.expand(what.text)
	if pattern == "" {
		return what.wrong("Import requires a non-empty filepath")
	}
	if more, ok := p.peek(2); ok && !p.begins(2) {
		return more.wrong("Import takes only one argument (glob pattern or file)")
	}
	if p.imports++; p.imports > maxImports {
		return what.tooDeep()
	}
	in, ok := p.snippets[pattern]
	if !ok {
		var err error
		if in, err = p.imported(what, pattern); err != nil {
			return err
		}
	}
	if p.taken += len(in); p.taken > maxTokens {
		return what.tooDeep()
	}
	p.rest = p.rest[:len(p.rest)-2]
	p.push(in)
	return nil
}

// imported are the tokens of the files that a pattern names.
func (p *parser) imported(t token, pattern string) (in []token, err error) {
	full := pattern
	if !path.IsAbs(full) {
		full = path.Join(path.Dir(t.file), full)
	}
	if strings.Count(full, "*") > 1 || strings.Count(full, "?") > 1 || strings.Contains(full, "[") && strings.Contains(full, "]") {
		return nil, t.wrong("Glob pattern may only contain one wildcard (*), but has others: %s", full)
	}
	var names []string
	for name := range p.files {
		fits, err := path.Match(full, name)
		if err != nil {
			return nil, t.wrong("Failed to use import pattern %s: %v", pattern, err)
		}
		if fits {
			names = append(names, name)
		}
	}
	switch {
	case len(names) > 0:
	case strings.ContainsAny(full, "*?[]"):
		p.warnings = append(p.warnings, "No files matching import glob pattern: "+pattern)
	default:
		return nil, t.wrong("File to import not found: %s", pattern)
	}
	slices.Sort(names)
	for _, name := range names {
		in = append(in, lex(name, p.files[name])...)
	}
	return in, nil
}

// expand puts the values of variables of the environment in place of {$NAME} and {%NAME%}.
func (p *parser) expand(text string) string {
	return expandBetween(expandBetween(text, "{%", "%}", p.env), "{$", "}", p.env)
}

func expandBetween(text, before, after string, value func(string) string) string {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(text, before)
		name, tail, closed := strings.Cut(rest, after)
		if !ok || !closed || name == "" {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(head + value(name))
		text = tail
	}
}
