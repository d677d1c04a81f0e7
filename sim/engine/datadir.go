package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"demarc/sim/disk"
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

// Clusters are the names of the clusters that have data, in alphabetical order.
func Clusters() ([]string, error) {
	home, err := Home()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the clusters: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(versionFile(filepath.Join(home, e.Name()))); err == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Exists says whether a cluster has data in dir that can be resumed.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "state.json"))
	return err == nil
}

// Delete removes all data of the cluster in dir, which must not be running.
func Delete(dir string) error {
	if err := checkFormat(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete the cluster's data: %w", err)
	}
	return nil
}

// version is the content of version.json.
type version struct {
	Format int `json:"format"`
}

func versionFile(dir string) string { return filepath.Join(dir, "version.json") }

// logFile is where an engine's standard error goes.
func logFile(dir string) string { return filepath.Join(dir, "logs", "engine.log") }

// prepare makes a data directory, or checks that there is one that this version
// understands.
func prepare(dir string) error {
	if err := checkFormat(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory private: %w", err)
	}
	return writeJSON(versionFile(dir), version{Format: dataFormat})
}

// checkFormat refuses a directory that is not, or not yet, or no longer, ours.
// One that does not exist, or is empty but for logs, is fine.
func checkFormat(dir string) error {
	b, err := os.ReadFile(versionFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return checkUnused(dir)
	}
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	var v version
	if err := json.Unmarshal(b, &v); err != nil {
		return &InputError{Message: fmt.Sprintf("%s is damaged (%v)", versionFile(dir), err),
			Hint: fmt.Sprintf("if nothing in it is needed, remove %s", dir)}
	}
	if v.Format != dataFormat {
		return &InputError{
			Message: fmt.Sprintf("the data in %s has format %d, and this version of demarc reads format %d", dir, v.Format, dataFormat),
			Hint:    "use the version of demarc that made it, another --name, or remove that directory",
		}
	}
	return nil
}

func checkUnused(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &InputError{Message: fmt.Sprintf("%s cannot be a data directory (%v)", dir, err), Hint: "set " + HomeEnv + " to another place"}
	}
	for _, e := range entries {
		if e.Name() != "logs" && e.Name() != startLock {
			return &InputError{Message: fmt.Sprintf("%s has files that are not a cluster's (%s)", dir, e.Name()), Hint: "use another --name, or remove that directory"}
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

// discard removes what a first start that failed has left, all but its logs.
func discard(dir string) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != "logs" {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
