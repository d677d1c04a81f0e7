// Package engine is the engine as other processes see it: they find or build
// its program, start one for a cluster or a scenario, and find those that run.
//
// [Build] returns the path of demarc-engine and in a source tree builds it when
// something has changed. [Start] starts one in a data directory, [Attach] finds
// the one that runs there, and [RunScenario] plays one scenario in an engine of
// its own. What is said to a running engine goes through package sim/api.
package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// EnvPath names the engine's program, instead of looking for it.
const EnvPath = "DEMARC_ENGINE"

// program is the name of the engine's program.
const program = "demarc-engine"

// Build returns the path of an engine that is up to date. It is the one that
// DEMARC_ENGINE names, or the one beside this program, or in a source tree
// bin/demarc-engine, which is built if the sources have changed. What takes
// time is said on progress.
func Build(ctx context.Context, progress io.Writer) (string, error) {
	if path := os.Getenv(EnvPath); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w", EnvPath, err)
		}
		return path, nil
	}
	root, err := sourceTree()
	if err != nil {
		return "", err
	}
	if root == "" {
		return installed()
	}
	path := filepath.Join(root, "bin", program+exe())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another build of the engine: %w", err)
	}
	defer unlock()
	digest, err := sourceDigest(root)
	if err != nil {
		return "", err
	}
	if old, err := os.ReadFile(path + ".sources"); err == nil && string(old) == digest {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if err := compile(ctx, root, path, progress); err != nil {
		return "", err
	}
	return path, os.WriteFile(path+".sources", []byte(digest), 0o644)
}

// installed is the engine beside this program.
func installed() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), program+exe())
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("there is no %s beside %s: build it with `CGO_ENABLED=0 go build -tags faketime ./cmd/demarc-engine`, or name it in %s", program, filepath.Base(self), EnvPath)
	}
	return path, nil
}

// sourceTree is the root of demarc's module around the working directory or
// around this program, or empty.
func sourceTree() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	starts := []string{wd}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	// With `go run` and `go test` the program is elsewhere, and the user may
	// be too; the path of this very file tells, unless it was trimmed.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && bytes.HasPrefix(b, []byte("module demarc\n")) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", nil
}

// Sources are the files that the engine is made of, under the module's root:
// everything but tests and the command line.
func Sources(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path) // both are absolute
		switch {
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || rel == "bin" || rel == filepath.Join("cmd", "demarc")) && rel != ".":
			return fs.SkipDir
		case d.IsDir(), strings.HasSuffix(rel, "_test.go"):
			return nil
		case rel == "go.mod", rel == "go.sum", strings.HasSuffix(rel, ".go"), strings.HasSuffix(rel, ".yaml"):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// sourceDigest changes when a source of the engine does, comes or goes.
func sourceDigest(root string) (string, error) {
	files, err := Sources(root)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", f, len(b))
		h.Write(b)
	}
	fmt.Fprintln(h, runtime.Version(), os.Getenv("GOFLAGS"))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// compile builds the engine and moves it into place as a whole.
func compile(ctx context.Context, root, path string, progress io.Writer) error {
	tmp := path + ".new"
	args := []string{"build", "-o", tmp}
	if runtime.GOOS != "windows" { // where the runtime has no faketime
		args = append(args, "-tags", "faketime")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/demarc-engine")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	done := make(chan struct{})
	go tick(progress, done)
	err := cmd.Run()
	close(done)
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the engine must be built and there is no go command: install Go 1.26 or later")
	}
	if err != nil {
		return fmt.Errorf("build the engine: %w\n%s", err, bytes.TrimSpace(output.Bytes()))
	}
	return os.Rename(tmp, path)
}

// patience is after which time it is said that a build is going on, and again.
const patience = 2 * time.Second

func tick(w io.Writer, done <-chan struct{}) {
	start := time.Now()
	for wait := patience; ; wait = 30 * time.Second {
		select {
		case <-done:
			if since := time.Since(start); since > patience {
				fmt.Fprintf(w, "engine built in %s\n", since.Round(time.Second))
			}
			return
		case <-time.After(wait):
			if wait == patience {
				fmt.Fprintln(w, "building the engine, once; Kubernetes is part of it, so the first time takes several minutes …")
			} else {
				fmt.Fprintf(w, "still building the engine (%s)\n", time.Since(start).Round(time.Second))
			}
		}
	}
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
