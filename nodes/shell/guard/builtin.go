package guard

import (
	"crypto/rand"
	"io"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// maxLine bounds what read takes of its input, and mapfile of all of it.
const maxLine = 1 << 20

// own are the interpreter's own commands that [Process.Builtin] changes.
var own = []string{"unset", "shift", "alias", "unalias", "shopt", "pushd", "popd", "read", "mapfile", "readarray", "printf"}

// Changed is the set of a shell's changed commands, with those that are changed here.
func Changed(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, n := range slices.Concat(names, own) {
		set[n] = true
	}
	return set
}

// Builtin is the command in place of one of the interpreter's own that would fail, or take
// more than it may.
func (p *Process) Builtin(h interp.HandlerContext, argv []string) (other []string, ok bool) {
	refused := []string{"false"}
	switch argv[0] {
	case "unset":
		return slices.DeleteFunc(slices.Clone(argv), func(a string) bool { return a == "" || strings.ContainsRune(a, '[') && len(a) > 4096 }), true
	case "shift":
		if len(argv) > 1 && strings.HasPrefix(argv[1], "-") {
			return refused, true
		}
	case "alias", "unalias": // the interpreter would run what it has not shown to us
		return []string{":"}, true
	case "shopt":
		if slices.Contains(argv, "expand_aliases") {
			return []string{":"}, true
		}
	case "pushd":
		if p.pushed(1) > 1000 {
			return refused, true
		}
	case "exec":
		if len(argv) == 1 && p.pushed(1) > 1000 { // its redirections stay
			return refused, true
		}
	case "popd":
		p.pushed(-1)
	case "read":
		if h.Stdin != nil && !p.isFed(h) {
			line, whole := Line(h.Stdin)
			return p.Feed(argv, line, whole), true
		}
	case "mapfile", "readarray":
		if p.isFed(h) {
			return nil, false
		}
		if h.Stdin == nil {
			return refused, true
		}
		b, err := io.ReadAll(io.LimitReader(h.Stdin, maxLine))
		if err != nil {
			return refused, true
		}
		return p.Feed(argv, strings.TrimSuffix(string(b), "\n"), true), true
	}
	return nil, false
}

func (p *Process) pushed(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirs += n
	return p.dirs
}

// Line reads a line and not a byte more; whole says that it had an end.
func Line(in io.Reader) (line string, whole bool) {
	var b strings.Builder
	var p [1]byte
	for in != nil && b.Len() < maxLine {
		n, err := in.Read(p[:])
		if n == 1 {
			if p[0] == '\n' {
				return b.String(), true
			}
			b.WriteByte(p[0])
		}
		if err != nil {
			break
		}
	}
	return b.String(), false
}

// isFed says that a command reads what [Process.Feed] gives it.
func (p *Process) isFed(h interp.HandlerContext) bool { return h.Env.Get(p.feeding()).IsSet() }

// feeding is the variable by which such a command is known. Scripts cannot guess it.
func (p *Process) feeding() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.feed == "" {
		p.feed = "fed_" + rand.Text()
	}
	return p.feed
}

// Feed is a command that reads, with its input as a string. Without an end to that, the
// command fails after it has read.
func (p *Process) Feed(argv []string, input string, whole bool) []string {
	words := make([]string, len(argv))
	for i, a := range append(slices.Clone(argv), strings.ToValidUTF8(strings.ReplaceAll(input, "\x00", ""), "\uFFFD")) {
		quoted, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			return []string{"false"}
		}
		if i < len(argv) {
			words[i] = quoted
			continue
		}
		words = append(words, "<<<", quoted)
	}
	text := p.feeding() + "=1 " + strings.Join(words, " ")
	if !whole {
		text += "\nfalse"
	}
	return []string{"eval", text}
}
