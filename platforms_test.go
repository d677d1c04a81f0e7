package demarc

import (
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/engine"

	"golang.org/x/tools/go/packages"
)

// platforms are those that archives are made for, besides the one that all else is
// tested on.
var platforms = []struct{ system, architecture string }{
	{"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

var onPlatforms = flag.Bool("platforms", false, "check types on every platform, two minutes of CPU")

// TestPlatforms checks the types of every package for every platform, the engine's
// too. To compile Kubernetes for one takes a quarter of an hour; here only what other
// modules declare is read of them, and no code is made, so that what an assembler or
// a linker would say is not known.
func TestPlatforms(t *testing.T) {
	if !*onPlatforms {
		t.Skip("reads Kubernetes once for each platform: ask for it with -platforms")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range platforms {
		t.Run(p.system+"-"+p.architecture, func(t *testing.T) {
			loaded, err := packages.Load(&packages.Config{
				Context: t.Context(), Dir: root,
				Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
					packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax,
				Env:        append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.system, "GOARCH="+p.architecture),
				BuildFlags: engine.BuildTags(p.system),
				ParseFile:  declarationsOutside(root),
			}, "./...")
			if err != nil {
				t.Fatal(err)
			}
			for _, pkg := range loaded {
				for _, e := range pkg.Errors {
					t.Errorf("%s: %v", pkg.PkgPath, e)
				}
			}
			if len(loaded) < 40 {
				t.Errorf("only %d packages were checked", len(loaded))
			}
		})
	}
}

// declarationsOutside reads a file whole if it is below root, and else without the
// bodies of its functions.
func declarationsOutside(root string) func(*token.FileSet, string, []byte) (*ast.File, error) {
	return func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
		f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if f == nil {
			return nil, errors.Join(err, errors.New(name+" cannot be read"))
		}
		if strings.HasPrefix(name, root+string(filepath.Separator)) {
			return f, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				fn.Body = nil
			}
		}
		return f, err
	}
}
