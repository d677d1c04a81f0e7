package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"demarc/sim/disk"
	"demarc/sim/state"
)

// HomeEnv names the environment variable that overrides where clusters are kept.
const HomeEnv = "DEMARC_HOME"

// dataFormat is the format of data directories. It changes when an engine can
// no longer read what an older one wrote.
const dataFormat = 2

// label is a DNS label as Kubernetes wants it, RFC 1123.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Home is the directory that has a data directory for each cluster:
// $DEMARC_HOME, or demarc in the user's state directory.
func Home() (string, error) {
	if dir := os.Getenv(HomeEnv); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "demarc"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &InputError{Message: "there is no home directory to keep clusters in", Hint: "set " + HomeEnv}
	}
	return filepath.Join(home, ".local", "state", "demarc"), nil
}

// DataDir is the data directory of the cluster of that name, whether or not it
// exists.
func DataDir(name string) (string, error) {
	if !label.MatchString(name) {
		return "", &InputError{
			Message: fmt.Sprintf("%q cannot be a cluster's name", name),
			Hint:    "use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends",
		}
	}
	home, err := Home()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, name), nil
}

// Exists says whether a cluster has data in dir that can be resumed.
func Exists(dir string) bool { return state.Exists(dir) }

// Delete removes all data of the cluster in dir, which must not be running, and
// says what that was.
func Delete(ctx context.Context, dir string) (state.Data, error) {
	if err := checkFormat(dir); err != nil {
		return state.Data{}, err
	}
	if err := awaitRelease(ctx, dir); err != nil {
		return state.Data{}, err
	}
	data, err := state.Look(dir)
	if err != nil {
		return data, err
	}
	// A link to a directory elsewhere would be removed, and the data stay.
	target, err := filepath.EvalSymlinks(dir)
	if err == nil {
		err = errors.Join(os.RemoveAll(target), os.RemoveAll(dir))
	}
	if err != nil {
		return data, fmt.Errorf("delete the cluster's data: %w", err)
	}
	return data, nil
}

// version is the content of version.json.
type version struct {
	Format int `json:"format"`
}

func versionFile(dir string) string { return filepath.Join(dir, "version.json") }

// makeDir makes a data directory, or checks that there is one that this version
// understands and its user may use.
func makeDir(dir string) error {
	if err := checkFormat(dir); err != nil {
		return err
	}
	elsewhere := "set " + HomeEnv + " to a directory of your own"
	if info, err := os.Stat(dir); err == nil && !ours(info) {
		return &InputError{Message: fmt.Sprintf("the data directory %s belongs to another user", dir), Hint: elsewhere}
	}
	if err := disk.MakeDir(filepath.Join(dir, "logs")); err != nil {
		return &InputError{Message: fmt.Sprintf("the data directory cannot be made (%v)", err), Hint: elsewhere}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return &InputError{Message: fmt.Sprintf("the data directory cannot be made private (%v)", err), Hint: elsewhere}
	}
	return nil
}

// checkFormat refuses a directory that is not, or not yet, or no longer, ours.
// One that does not exist, or is empty but for logs, is fine; so is one of which
// only the mark of its format is gone.
func checkFormat(dir string) error {
	b, err := os.ReadFile(versionFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return checkUnused(dir)
	}
	if err != nil {
		return &InputError{Message: fmt.Sprintf("the data directory cannot be read (%v)", err), Hint: "set " + HomeEnv + " to a directory of your own"}
	}
	var v version
	if err := json.Unmarshal(b, &v); err != nil {
		if Exists(dir) {
			return nil
		}
		return &InputError{Message: fmt.Sprintf("%s is damaged (%v), and there is no cluster beside it", versionFile(dir), err), Hint: "use another --name"}
	}
	if v.Format != dataFormat {
		return &InputError{
			Message: fmt.Sprintf("the data in %s has format %d, and this version of demarc reads format %d", dir, v.Format, dataFormat),
			Hint:    "use the version of demarc that made it, or another --name",
		}
	}
	return nil
}

// preliminary are the files of a data directory in which there is no cluster yet.
var preliminary = []string{"logs", startLock, engineLock, "version.json.tmp"}

func checkUnused(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &InputError{Message: fmt.Sprintf("%s cannot be a data directory (%v)", dir, err), Hint: "set " + HomeEnv + " to another place"}
	}
	for _, e := range entries {
		if !slices.Contains(preliminary, e.Name()) && !Exists(dir) {
			return &InputError{Message: fmt.Sprintf("%s has files that are not a cluster's (%s)", dir, e.Name()), Hint: "use another --name, or set " + HomeEnv + " to another place"}
		}
	}
	return nil
}

// writeJSON replaces a file that says v.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	if err := disk.Replace(path, append(b, '\n'), true); err != nil {
		return fmt.Errorf("write the data directory: %w", err)
	}
	return nil
}

// discard removes what a first start that failed has left, all but its logs and
// locks, and says whether it did: nothing goes once there is data.
func discard(dir string) (done bool, err error) {
	data, err := state.Look(dir)
	if err != nil || data.Any() {
		return false, err
	}
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if !slices.Contains(preliminary, e.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return true, errors.Join(errs...)
}
