package demarctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// CommandEnv names the environment variable that says which demarc is run.
const CommandEnv = "DEMARC"

// module is the module of this package; it lies in the source tree of demarc.
const module = "demarc/demarctest"

// Command is the path of the command demarc: what the environment variable DEMARC names, else
// what is on the PATH, else, if this module lies in demarc's source tree, as with
//
//	replace demarc/demarctest => ../demarc/demarctest
//
// it is built there, once for each test program.
var Command = sync.OnceValues(findCommand)

func findCommand() (string, error) {
	if path := os.Getenv(CommandEnv); path != "" {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("%s names %s, which is no program: correct it, or unset it", CommandEnv, path)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath("demarc"); err == nil {
		return filepath.Abs(path)
	}
	tree, err := sourceTree()
	if err != nil {
		return "", fmt.Errorf("there is no demarc: name it in %s, put it on your PATH, or replace %s with its folder in demarc's source tree (%w)", CommandEnv, module, err)
	}
	return build(tree)
}

// sourceTree is the directory of demarc's sources, if this module lies there.
func sourceTree() (string, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("where is %s? %w", module, withOutput(err))
	}
	tree := filepath.Dir(strings.TrimSpace(string(out)))
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module demarc\n") {
		return "", fmt.Errorf("%s is not in it", tree)
	}
	return tree, nil
}

// build builds the command into the source tree, where it finds its engine or builds it. It
// is put in its place when it is whole: other test programs may build it, or run it.
func build(tree string) (string, error) {
	path := filepath.Join(tree, "bin", "demarc")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(part)
	cmd := exec.Command("go", "build", "-mod=readonly", "-o", part, "./cmd/demarc")
	cmd.Dir, cmd.Env = tree, append(os.Environ(), "GOWORK=off") // how the test is built says nothing of it
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build demarc in %s: %w\n%s", tree, err, said)
	}
	return path, os.Rename(part, path)
}

// withOutput is the error of a program with what it said.
func withOutput(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}

// exitHeldNot is the exit code of demarc for an expectation that did not hold.
const exitHeldNot = 1

// run runs the command for the cluster and reads what it prints, one JSON value, into to; nil
// is for nothing to read.
func (c *Cluster) run(to any, args ...string) error {
	cmd := exec.Command(c.demarc, args...)
	cmd.Env = c.Env()
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("demarc %s: %w", strings.Join(args, " "), withOutput(err))
	}
	if to == nil || len(out) == 0 {
		return err
	}
	return errors.Join(err, json.Unmarshal(out, to))
}
