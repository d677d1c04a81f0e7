package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"demarc/sim/api"
)

// NameEnv names the environment variable that chooses the cluster where --name does not.
const NameEnv = "DEMARC_NAME"

// defaultName is the cluster's name where there is none yet.
const defaultName = "demarc"

// Cluster is a cluster that has a data directory.
type Cluster struct {
	Name, Dir string
	// Config is what its engine was told when it was started last.
	Config api.EngineConfig
}

// Drill says whether it was made for a drill.
func (c Cluster) Drill() bool { return c.Config.Scenario != "" }

// Find reads what there is of the cluster in a data directory.
func Find(dir string) Cluster {
	c := Cluster{Name: filepath.Base(dir), Dir: dir}
	if b, err := os.ReadFile(configFile(dir)); err != nil || json.Unmarshal(b, &c.Config) != nil {
		c.Config = api.EngineConfig{} // it was never started, or is damaged
	}
	return c
}

// Clusters are the clusters that have data, drills among them, in alphabetical order.
func Clusters() ([]Cluster, error) {
	home, err := Home()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the clusters: %w", err)
	}
	var list []Cluster
	for _, e := range entries {
		dir := filepath.Join(home, e.Name())
		if _, err := os.Stat(versionFile(dir)); label.MatchString(e.Name()) && (err == nil || Exists(dir)) {
			list = append(list, Find(dir))
		}
	}
	return list, nil
}

// Choose is the name of the cluster that is meant where --name names none:
// $DEMARC_NAME, or else the only one that there is. A drill is meant only if it runs
// and there is no other cluster, and never if the cluster is to be started.
func Choose(toStart bool) (string, error) {
	if name := os.Getenv(NameEnv); name != "" {
		return name, nil
	}
	list, err := Clusters()
	if err != nil {
		return "", err
	}
	var names, drills []string
	for _, c := range list {
		if !c.Drill() {
			names = append(names, c.Name)
		} else if _, err := Attach(c.Dir); err == nil && !toStart {
			drills = append(drills, c.Name)
		}
	}
	if len(names) == 0 {
		names = drills
	}
	switch len(names) {
	case 0:
		return defaultName, nil
	case 1:
		return names[0], nil
	}
	return "", &InputError{
		Message: fmt.Sprintf("there are %d clusters, %s", len(names), strings.Join(names, ", ")),
		Hint:    "choose one with --name or " + NameEnv,
	}
}

// DrillDir makes the data directory of a drill. It has the scenario's name, or one with
// a number where that is taken. What a drill that was killed has left there is removed.
func DrillDir(ctx context.Context, scenario string) (string, error) {
	home, err := Home()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", &InputError{Message: fmt.Sprintf("no data directory can be made (%v)", err), Hint: "set " + HomeEnv + " to a directory of your own"}
	}
	unlock, err := lock(ctx, filepath.Join(home, "drills.lock"), nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	scenario = labelOf(scenario)
	for n := 1; ; n++ {
		dir := filepath.Join(home, scenario)
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", dir, n)
		}
		if leftOver(dir) {
			if err := os.RemoveAll(dir); err != nil {
				return "", fmt.Errorf("remove what a drill has left: %w", err)
			}
		}
		err := os.Mkdir(dir, 0o700)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
	}
}

// labelOf is a name as a cluster may have it, with room for a number.
func labelOf(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if name = strings.Trim(name[:min(len(name), 50)], "-"); name == "" {
		return "drill"
	}
	return name
}

// leftOver says that a directory is of a drill, or of demarc exec, that has ended and is not to
// be kept.
func leftOver(dir string) bool {
	if c := Find(dir); !c.Drill() && !c.Config.Ephemeral || c.Config.Keep {
		return false
	}
	f, err := os.OpenFile(filepath.Join(dir, startLock), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if free, err := tryLock(f); err != nil || !free {
		return false // it is being started
	}
	_, err = Attach(dir)
	return errors.Is(err, ErrNotRunning)
}

func configFile(dir string) string { return filepath.Join(dir, "config.json") }
