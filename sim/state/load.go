package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/etcdplan"
)

// Loaded is what is known of a cluster.
type Loaded struct {
	*State
	// Mended is what was found damaged or missing, and what was done about it.
	Mended []api.Mended
}

// Last is the newest state in dir that is whole, nil if there is none. It leaves
// everything as it is.
func Last(dir string) *State {
	for _, name := range []string{file, previous, origin} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			if s, err := decode(text); err == nil {
				return s
			}
		}
	}
	return nil
}

// Load finds out what is known of the cluster in dir: from its state, the previous
// one, or what it was made as. If all of them are gone or damaged and there is
// data, it is rebuilt from what was asked for when the cluster was started last.
// The state is nil if there is no cluster.
func Load(dir string, asked api.ClusterSpec) (Loaded, error) {
	var l Loaded
	for _, name := range []string{file, previous, origin} {
		s, mended, err := read(filepath.Join(dir, name))
		if err != nil {
			return l, err
		}
		l.Mended = append(l.Mended, mended...)
		if s == nil {
			continue
		}
		l.State = s
		if name != file && !s.Starting {
			l.lose("the cluster goes on with %s; what has changed since in machines, traffic and load balancers is lost", name)
		}
		return l, nil
	}
	data, err := Look(dir)
	if err != nil || !data.Any() {
		return l, err
	}
	asked.EtcdMembers = members(dir, asked.EtcdMembers)
	l.State = &State{Cluster: asked, Now: asked.Start}
	l.lose("the cluster goes on with its data, the settings of this start and new machines")
	return l, nil
}

func (l *Loaded) lose(remedy string, args ...any) {
	l.Mended = append(l.Mended, api.Mended{Subject: file, Found: "it is lost", Remedy: fmt.Sprintf(remedy, args...)})
}

// read reads a record. One that is damaged is set aside; one that is not there is
// no state.
func read(path string) (s *State, mended []api.Mended, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	s, damage := decode(text)
	if damage == nil {
		return s, nil, nil
	}
	aside, err := disk.SetAside(path)
	if err != nil {
		return nil, nil, err
	}
	return nil, []api.Mended{{
		Subject: filepath.Base(path), Found: "it is damaged: " + damage.Error(), Remedy: "it was set aside as " + filepath.Base(aside),
	}}, nil
}

// members is how many etcd members there are: as their plan says, or else as many
// as given.
func members(dir string, otherwise int) int {
	text, err := os.ReadFile(filepath.Join(dir, etcdplan.File))
	if err == nil {
		if plan, err := etcdplan.Decode(text); err == nil {
			return len(plan.Formed)
		}
	}
	return otherwise
}

// Resume is the time at which a resumed clock starts, if the other records that
// there are have the latest times given: it has never been later.
func (s *State) Resume(others ...time.Time) time.Time {
	at := s.Now.Add(Interval)
	for _, t := range others {
		if !t.Before(at) {
			at = t.Add(time.Second)
		}
	}
	return at
}
