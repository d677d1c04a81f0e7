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

// sourceTree finds the directory of the module's source: the one from which
// this program was compiled, or one around the program or the working
// directory. Empty if there is none.
func sourceTree() string {
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

// fingerprint identifies the state of everything from which the engine is
// built: each file's name, size and time of change, also of embedded ones, and
// what else goes into a build. It reads no file, so it takes milliseconds.
func fingerprint(root string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), buildArgs(), os.Getenv("GOFLAGS"), os.Getenv("GOAMD64"), os.Getenv("GOEXPERIMENT"))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if irrelevant(rel, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(rel, "_test.go") || strings.HasSuffix(rel, ".md") {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(h, rel, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("look at the engine's sources: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// irrelevant says which directories have nothing of the engine.
func irrelevant(rel, name string) bool {
	return rel == "bin" || rel == filepath.Join("cmd", "demarc") || name == "testdata" || len(name) > 1 && name[0] == '.'
}
