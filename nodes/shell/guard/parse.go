package guard

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

const (
	maxScript = 1 << 20 // bytes
	maxDepth  = 1_000   // of a script's tree
	// parserFrames is how much more of our stack a parser may take, and parserBytes how much
	// it is given between two looks at that.
	parserFrames = 1_000
	parserBytes  = 64
)

var (
	errNested  = errors.New("syntax error: nested too deeply")
	errTooLong = errors.New("script too long")
)

// File is a script's tree.
type File = syntax.File

// Reader gives a parser its text in small pieces, and ends it when it has recursed too deep
// or has been given more than a script may have. Reset it where a statement ends.
type Reader struct {
	From io.Reader
	read int
}

// Reset says that what follows is another script.
func (r *Reader) Reset() { r.read = 0 }

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if deeper(maxFrames + 1_000 + parserFrames) {
		return 0, errNested
	}
	n, err := r.From.Read(p[:min(len(p), parserBytes)])
	if r.read += n; r.read > maxScript {
		return n, errTooLong
	}
	return n, err
}

// Parse reads a script in the language of bash, whose tree has a greatest depth.
func Parse(script, name string) (*syntax.File, error) {
	if len(script) > maxScript {
		return nil, errTooLong
	}
	// Invalid characters make the interpreter's patterns fail.
	script = strings.ToValidUTF8(script, "\uFFFD")
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(&Reader{From: strings.NewReader(script)}, name)
	if err != nil {
		return nil, err
	}
	depth, deepest := 0, false
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil {
			depth--
			return true
		}
		if depth >= maxDepth {
			deepest = true
			return false
		}
		depth++
		return true
	})
	if deepest {
		return nil, &Error{f.Pos(), errNested}
	}
	return f, nil
}

// Safe makes a script safe to run: statements say what they take, and nothing asks the host.
// The error is of what cannot be run.
func Safe(f *syntax.File) error {
	t := tamer{ours: map[*syntax.Stmt]bool{}}
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil || t.err != nil {
			return t.err == nil
		}
		if err := t.tame(n); err != nil {
			t.err = &Error{n.Pos(), err}
		}
		return t.err == nil
	})
	return t.err
}

// Error is what of a script cannot be run, and where it stands.
type Error struct {
	At  syntax.Pos
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// tamer changes a script's nodes.
type tamer struct {
	ours map[*syntax.Stmt]bool // made here
	err  error
}

// tame changes one node, before those below it.
func (t *tamer) tame(n syntax.Node) error {
	switch n := n.(type) {
	case *syntax.ProcSubst: // a pipe of the host's
		return errors.New("syntax error: process substitution")
	case *syntax.CoprocClause:
		return errors.New("syntax error: coproc")
	case *syntax.TestDecl:
		return errors.New("syntax error: @test")
	case *syntax.Stmt:
		if t.ours[n] {
			return nil
		}
		if n.Background || n.Disown {
			return t.stage(n)
		}
		return t.measure(n)
	case *syntax.BinaryCmd:
		if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
			return t.stage(n.X)
		}
	case *syntax.WhileClause:
		n.Do = append([]*syntax.Stmt{counted(n.Pos())}, n.Do...)
	case *syntax.ForClause:
		if n.Select {
			return errors.New("syntax error: select")
		}
		n.Do = append([]*syntax.Stmt{counted(n.Pos())}, n.Do...)
		if c, ok := n.Loop.(*syntax.CStyleLoop); ok {
			return plain(c)
		}
	case *syntax.SglQuoted:
		if n.Dollar && !validQuoted(n.Value) {
			return errors.New("syntax error: invalid multibyte character")
		}
	case *syntax.ParamExp:
		// The process is the only one that its container has.
		if n.Param != nil && (n.Param.Value == "$" || n.Param.Value == "PPID") {
			n.Param.Value, n.Short = map[string]string{"$": PIDVar, "PPID": ParentVar}[n.Param.Value], false
		}
		n.Index = subscript(n.Index)
	case *syntax.Assign:
		n.Index = subscript(n.Index)
	case *syntax.ArrayElem:
		n.Index = subscript(n.Index)
	case *syntax.UnaryTest: // every file is root's
		if n.Op == syntax.TsUsrOwn || n.Op == syntax.TsGrpOwn {
			n.Op = syntax.TsExists
		}
	}
	return nil
}

// subscript makes an array's index a word: the interpreter takes it for one if the array
// turns out to be associative.
func subscript(index syntax.ArithmExpr) syntax.ArithmExpr {
	if _, ok := index.(*syntax.Word); ok || index == nil {
		return index
	}
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.ArithmExp{X: index}}}
}

// plain says whether a loop's arithmetic only reads and sets numbers. It is computed in
// each turn, without a statement that could be asked what it takes.
func plain(c *syntax.CStyleLoop) (err error) {
	for _, x := range []syntax.ArithmExpr{c.Init, c.Cond, c.Post} {
		if x == nil {
			continue
		}
		syntax.Walk(x, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Word:
				if len(n.Parts) > 1 {
					err = errors.New("syntax error: a word of several parts in the head of a loop")
				}
			case *syntax.ParamExp:
				if n.Exp != nil || n.Repl != nil || n.Slice != nil || n.Excl {
					err = errors.New("syntax error: an expansion in the head of a loop")
				}
			case *syntax.CmdSubst:
				err = errors.New("syntax error: a command in the head of a loop")
			}
			return err == nil
		})
	}
	return err
}

// counted is a command that does nothing.
func counted(at syntax.Pos) *syntax.Stmt { return command(at, lit(at, ":")) }

func command(at syntax.Pos, words ...syntax.WordPart) *syntax.Stmt {
	c := &syntax.CallExpr{}
	for _, w := range words {
		c.Args = append(c.Args, &syntax.Word{Parts: []syntax.WordPart{w}})
	}
	return &syntax.Stmt{Position: at, Cmd: c}
}

func lit(at syntax.Pos, text string) *syntax.Lit {
	return &syntax.Lit{ValuePos: at, ValueEnd: at, Value: text}
}

// Text is a tree as text.
func Text(n syntax.Node) (string, error) {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, n); err != nil {
		return "", fmt.Errorf("syntax error: %w", err)
	}
	return b.String(), nil
}

// The variables that stand for $$ and $PPID after [Safe].
const (
	PIDVar    = "__pid"
	ParentVar = "__ppid"
)

// validQuoted says whether $'…' is text.
func validQuoted(s string) bool {
	text, _, err := expand.Format(nil, s, nil)
	return err != nil || utf8.ValidString(text)
}
