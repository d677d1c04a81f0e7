package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/fault"
)

// TestTopics reads every topic, as help and completion name them.
func TestTopics(t *testing.T) {
	_, help, _ := demarc.Run(t, "", "help")
	_, words, _ := demarc.Run(t, "", "__complete", "help", "")
	for _, x := range topics() {
		code, out, errout := demarc.Run(t, "", "help", x.name)
		if code != command.Held || errout != "" || strings.Count(out, "\n") < 5 {
			t.Errorf("%s: got %d, %q, %q", x.name, code, out, errout)
		}
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > output.LineWidth {
				t.Errorf("%s: wider than %d: %s", x.name, output.LineWidth, line)
			}
		}
		if strings.Count(help, "\n  "+x.name+" ") != 1 || !strings.Contains(words, x.name+"\t") {
			t.Errorf("%s is in the help: %t, completed: %t", x.name, strings.Count(help, "\n  "+x.name+" ") == 1, strings.Contains(words, x.name+"\t"))
		}
	}
	if code, out, _ := demarc.Run(t, "", "help", "clock", "run"); code != command.Held || !strings.Contains(out, "--until") {
		t.Errorf("help of a command: got %d, %q", code, out)
	}
	if code, _, errout := demarc.Run(t, "", "help", "anotations"); code != command.BadRequest || !strings.Contains(errout, `did you mean "annotations"?`) {
		t.Errorf("help of nothing: got %d, %q", code, errout)
	}
}

// TestFaultsAreComplete looks for each kind of fault.
func TestFaultsAreComplete(t *testing.T) {
	_, out, _ := demarc.Run(t, "", "help", "faults")
	for _, k := range fault.Kinds() {
		if !strings.Contains(out, k.Verb+": ") {
			t.Errorf("%s is missing", k.Verb)
		}
	}
}

// ownAnnotation is an annotation of demarc's.
var ownAnnotation = regexp.MustCompile(`^demarc\.dev/[a-z-]+$`)

// TestAnnotationsAreComplete looks in the whole source for annotations of demarc's that
// the help does not have.
func TestAnnotationsAreComplete(t *testing.T) {
	var help bytes.Buffer
	if err := writeAnnotations(&help); err != nil {
		t.Fatal(err)
	}
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		known := constants(file)
		ast.Inspect(file, func(n ast.Node) bool {
			x, ok := n.(ast.Expr)
			if name := textOf(x, known); ok && ownAnnotation.MatchString(name) {
				if found++; !strings.Contains(help.String(), name) {
					t.Errorf("%s: demarc help annotations does not have %s", path, name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || found < 10 {
		t.Errorf("%d annotations in the source, %v", found, err)
	}
}

// constants are the texts of a file's constants.
func constants(file *ast.File) map[string]string {
	known := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
			for i, name := range v.Names {
				if text := textOf(v.Values[i], known); text != "" {
					known[name.Name] = text
				}
			}
		}
		return true
	})
	return known
}

// textOf is the text that an expression of constants makes, as far as it is known.
func textOf(x ast.Expr, known map[string]string) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(x.Value) // of what is no text it is empty
		return text
	case *ast.Ident:
		return known[x.Name]
	case *ast.BinaryExpr:
		return textOf(x.X, known) + textOf(x.Y, known)
	}
	return ""
}
