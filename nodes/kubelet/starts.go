package kubelet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"demarc/nodes/program"
	"demarc/nodes/shell/guard"
)

// Starts remembers, in a directory, which programs of containers are beginning to run: what
// ended the engine then is not started again, since it would end it each time. A name is
// there from before a program runs until virtual time passes, which it does only when the
// program waits for something.
type Starts struct {
	dir string

	mu     sync.Mutex
	blamed map[string]bool
	active map[string]int // programs by name: the container's own, and its probes
}

// refusedSuffix ends the name of a program that is not started any more.
const refusedSuffix = ".refused"

// OpenStarts opens the directory. Crashed says that the engine before has ended by a fault,
// and not because it was stopped or killed.
func OpenStarts(dir string, crashed bool) (*Starts, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Starts{dir: dir, blamed: map[string]bool{}, active: map[string]int{}}
	for _, e := range entries {
		name, was := strings.CutSuffix(e.Name(), refusedSuffix)
		path := filepath.Join(dir, e.Name())
		switch {
		case was:
			s.blamed[name] = true
		case crashed:
			s.blamed[name] = true
			err = os.Rename(path, path+refusedSuffix)
		default:
			err = os.Remove(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// errRefused is why a container is not started.
var errRefused = errors.New("failed to start container: the engine ended by a fault while it ran this container's command; delete the pod and create it anew to try again")

// refuse says why a container must not run; nil if it may.
func (s *Starts) refuse(name string) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blamed[name] {
		return errRefused
	}
	return nil
}

// begin notes that a program begins to run. It returns what notes that it goes well.
func (s *Starts) begin(name string) (well func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, name)
	if s.active[name] == 0 {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return nil, fmt.Errorf("note the start of a program: %w", err)
		}
	}
	s.active[name]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.active[name]--; s.active[name] == 0 {
			delete(s.active, name)
			_ = os.Remove(path) // what stays is looked at after a fault only
		}
	}), nil
}

// forget forgets the programs of a pod that is gone.
func (s *Starts) forget(p *pod) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range p.containers {
		if name := c.startName(); s.blamed[name] {
			delete(s.blamed, name)
			if err := os.Remove(filepath.Join(s.dir, name+refusedSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				s.blamed[name] = true // until it can be
			}
		}
	}
}

// startName is the container's name among the programs that begin to run.
func (c *container) startName() string { return string(c.p.uid) + "_" + c.name }

// startNoted is how long a program runs, in virtual time, before its start has gone well:
// none of it passes while a program computes.
const startNoted = time.Second

// guarded runs a program of the container's, so that what it does to the engine is noted,
// and a fault of ours in it is its own end.
func (c *container) guarded(run func() int) int {
	well, err := c.p.k.ks.Starts.begin(c.startName())
	if err != nil {
		guard.Report(err.Error())
		return exitStart
	}
	defer well()
	defer time.AfterFunc(startNoted, well).Stop()
	code := exitFault
	_ = guard.Contain(func() error { // it has been reported
		code = run()
		return nil
	})
	return code
}

// notStarted is the behaviour of a container that is not started.
func notStarted() program.Behaviour {
	return program.Behaviour{Exits: true, ExitCode: exitStart, ExitReason: "StartError", ExitMessage: errRefused.Error()}
}
