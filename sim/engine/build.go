package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// PathEnv names the environment variable that overrides where the engine's
// program is.
const PathEnv = "DEMARC_ENGINE"

// Build returns the path of the engine's program. In a source tree that is
// bin/demarc-engine, built if it is older than its sources; the build is
// reported to progress, and at most one runs at a time, however many processes
// ask for it. Elsewhere it is the program beside the running one.
func Build(ctx context.Context, progress io.Writer) (path string, err error) {
	if path := os.Getenv(PathEnv); path != "" {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", &InputError{Message: fmt.Sprintf("%s names %s, which is no program", PathEnv, path), Hint: "correct it, or unset it"}
		}
		return filepath.Abs(path)
	}
	root := SourceTree()
	if path := besideExecutable(root); path != "" {
		return path, nil
	}
	if root == "" {
		return "", &InputError{Message: "there is no " + programName() + " beside this program",
			Hint: "put it there, name it in " + PathEnv + ", or work in demarc's source tree"}
	}
	return buildIn(ctx, root, progress)
}

func programName() string {
	if runtime.GOOS == "windows" {
		return "demarc-engine.exe"
	}
	return "demarc-engine"
}

// besideExecutable finds an installed engine: one beside the running program,
// unless that is in the source tree, where it may be out of date.
func besideExecutable(root string) string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return ""
	}
	dir := filepath.Dir(exe)
	if root != "" && moduleRoot(dir) == root {
		return ""
	}
	path := filepath.Join(dir, programName())
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// BuildTags are the arguments of go build that give an engine for a system its virtual
// clock; none for Windows, for which Go's runtime has none.
func BuildTags(system string) []string {
	if system == "windows" {
		return nil
	}
	return []string{"-tags", "faketime"}
}

// buildArgs are the arguments of go build but for -o. The version control's
// state is left out of the program, or each commit would link it anew.
func buildArgs() []string {
	return append([]string{"build", "-v", "-buildvcs=false"}, BuildTags(runtime.GOOS)...)
}

// buildIn brings ROOT/bin/demarc-engine up to date.
func buildIn(ctx context.Context, root string, progress io.Writer) (string, error) {
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("build the engine: %w", err)
	}
	show := newBuildProgress(progress)
	defer show.stop()
	unlock, err := lock(ctx, filepath.Join(bin, ".lock"), show.waiting)
	if err != nil {
		return "", fmt.Errorf("build the engine: %w", err)
	}
	defer unlock()
	target := filepath.Join(bin, programName())
	want, err := fingerprint(root)
	if err != nil {
		return "", err
	}
	if upToDate(target, want) {
		return target, nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", &InputError{Message: "the engine must be built, and there is no go command", Hint: "install Go (https://go.dev/dl), or name a built engine in " + PathEnv}
	}
	show.begin()
	if err := goBuild(ctx, root, target, show.compiled); err != nil {
		return "", err
	}
	show.done()
	return target, os.WriteFile(recordFile(target), []byte(record(target, want)), 0o644)
}

// goBuild builds into a file beside the target and then puts it in its place,
// so that nobody ever runs half a program. The file begins as another name of
// the target: go build leaves it alone if it is already what it would build.
func goBuild(ctx context.Context, root, target string, compiled func()) error {
	tmp := target + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("build the engine: %w", err)
	}
	defer os.Remove(tmp)
	_ = os.Link(target, tmp) // if it cannot be linked it is built anew
	cmd := exec.CommandContext(ctx, "go", append(buildArgs(), "-o", tmp, "./cmd/demarc-engine")...)
	cmd.Dir = root
	// With cgo a virtual clock never moves; what is asked of the engine must
	// not depend on what this program is being built for.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	said, err := runBuild(cmd, compiled)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &FailedError{Reason: fmt.Sprintf("go build: %v\n%s", err, said)}
	}
	if err := os.Rename(tmp, target); err != nil {
		return fmt.Errorf("build the engine: %w", err)
	}
	return nil
}

// runBuild runs go build -v, which names each package that it compiles, and
// returns everything else that it says.
func runBuild(cmd *exec.Cmd, compiled func()) (said string, err error) {
	out, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var rest bytes.Buffer
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if l := lines.Text(); strings.ContainsAny(l, " \t:") || l == "" {
			rest.WriteString(l + "\n")
		} else {
			compiled()
		}
	}
	err = cmd.Wait()
	return strings.TrimSpace(rest.String()), errors.Join(lines.Err(), err)
}

func recordFile(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".built")
}

// record says from what a program was built, and which file it is.
func record(target, fingerprint string) string {
	info, err := os.Stat(target)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d\n", fingerprint, info.Size(), info.ModTime().UnixNano())
}

// upToDate says that the program was built by this function's neighbours from
// the sources as they are.
func upToDate(target, fingerprint string) bool {
	got, err := os.ReadFile(recordFile(target))
	want := record(target, fingerprint)
	return err == nil && want != "" && slices.Equal(got, []byte(want))
}
