package engine

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// modulePath is the module that has the engine.
const modulePath = "demarc"

// SourceTree is the directory of the source from which this program was compiled, or of the
// one around it or the working directory; empty if there is none.
func SourceTree() string {
	var starts []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, dir := range starts {
		if root := moduleRoot(dir); root != "" {
			return root
		}
	}
	return ""
}

// moduleRoot goes up from dir to the nearest go.mod, which must be demarc's.
func moduleRoot(dir string) string {
	for {
		if f, err := os.Open(filepath.Join(dir, "go.mod")); err == nil {
			defer f.Close()
			return rootIfOurs(dir, f)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

func rootIfOurs(dir string, mod *os.File) string {
	for lines := bufio.NewScanner(mod); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "module "+modulePath {
			return dir
		}
	}
	return ""
}

// fingerprint identifies everything from which the engine is built: each file's name
// and content, also of embedded ones, and what else goes into a build. Times of files
// say nothing: a file that was unpacked, or put back, has an old one.
func fingerprint(root string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), buildArgs(), os.Getenv("GOFLAGS"), os.Getenv("GOAMD64"), os.Getenv("GOARM64"), os.Getenv("GOEXPERIMENT"))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && irrelevant(rel, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasSuffix(rel, "_test.go") || rel == "README.md":
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %x\n", rel, sha256.Sum256(text))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look at the engine's sources: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// irrelevant says which directories have nothing of the engine: among them the other
// programs, and what other modules import.
func irrelevant(rel, name string) bool {
	return rel == "bin" || rel == "demarctest" || filepath.Dir(rel) == "cmd" && name != "demarc-engine" || name == "testdata" || len(name) > 1 && name[0] == '.'
}
