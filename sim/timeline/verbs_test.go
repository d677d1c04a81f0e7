package timeline_test

import (
	"errors"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/sim/timeline"
)

// source type-checks the packages of the module, without any other.
type source struct {
	fset  *token.FileSet
	done  map[string]*types.Package
	check func(file *ast.File, info *types.Info)
}

const moduleRoot, modulePath = "../..", "demarc"

// Import implements [types.Importer]. Packages of other modules are empty.
func (s *source) Import(path string) (*types.Package, error) {
	if p, ok := s.done[path]; ok {
		return p, nil
	}
	dir, ours := strings.CutPrefix(path+"/", modulePath+"/")
	if !ours {
		return nil, errors.New("of another module")
	}
	tags := build.Default
	tags.BuildTags = []string{"faketime"}
	var files []*ast.File
	dir = filepath.Join(moduleRoot, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if ok, err := tags.MatchFile(dir, e.Name()); err != nil || !ok || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: s, Error: func(error) {}} // of what is imported from elsewhere
	p, _ := conf.Check(path, s.fset, files, info)
	s.done[path] = p
	for _, f := range files {
		s.check(f, info)
	}
	return p, nil
}

// TestVerbsAreInTheTable walks the source of the module: every verb that is in it must
// be in the table, and the table has no others. A verb that is put together from others
// cannot be looked up, and fails.
func TestVerbsAreInTheTable(t *testing.T) {
	s := &source{fset: token.NewFileSet(), done: map[string]*types.Package{}}
	isVerb := func(x types.Type) bool { return x != nil && x.String() == modulePath+"/sim/timeline.Verb" }
	used := map[timeline.Verb]bool{"": true}
	s.check = func(file *ast.File, info *types.Info) {
		table := strings.HasSuffix(s.fset.File(file.Pos()).Name(), "sim/timeline/verbs.go")
		ast.Inspect(file, func(n ast.Node) bool {
			x, ok := n.(ast.Expr)
			if !ok || table {
				return !table
			}
			tv := info.Types[x]
			if call, ok := x.(*ast.CallExpr); ok && tv.Value == nil && isVerb(info.Types[call.Fun].Type) && info.Types[call.Fun].IsType() {
				t.Errorf("%s: a verb is made of a text: write it down", s.fset.Position(x.Pos()))
			}
			if tv.Value != nil && tv.Value.Kind() == constant.String && isVerb(tv.Type) {
				v := timeline.Verb(constant.StringVal(tv.Value))
				if _, known := timeline.Verbs()[v]; !known && v != "" {
					t.Errorf("%s: the verb %q is not in the table of sim/timeline/verbs.go", s.fset.Position(x.Pos()), v)
				}
				used[v] = true
			}
			return true
		})
	}
	err := filepath.WalkDir(moduleRoot, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if name := e.Name(); path != moduleRoot && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); len(files) > 0 {
			rel, err := filepath.Rel(moduleRoot, path)
			if err != nil {
				return err
			}
			_, err = s.Import(filepath.ToSlash(filepath.Join(modulePath, rel)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(used) < 50 {
		t.Fatalf("only %d verbs were found: the test does not see the source", len(used))
	}
	for v := range timeline.Verbs() {
		if !used[v] {
			t.Errorf("the verb %q of the table is not used", v)
		}
	}
}

// TestTableOfVerbs checks that its rows make sense.
func TestTableOfVerbs(t *testing.T) {
	effects := []timeline.Effect{timeline.Acts, timeline.Breaks, timeline.Mends, timeline.Tells}
	for v, m := range timeline.Verbs() {
		if !slices.Contains(effects, m.Effect) {
			t.Errorf("%q has the effect %q", v, m.Effect)
		}
		for _, by := range m.UndoneBy {
			if _, ok := timeline.Verbs()[by]; !ok {
				t.Errorf("%q is undone by %q, which is no verb", v, by)
			}
		}
		if m.Reads != "" && strings.Count(m.Reads, "%s") != 1 {
			t.Errorf("%q reads %q: want one %%s", v, m.Reads)
		}
	}
}
