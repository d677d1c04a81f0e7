// Package command is what the commands of demarc share: the cluster that is meant and a
// client of it ([Env]), asking and printing the answer ([Ask], [List]), waiting for what
// goes on ([Await]), flags, completion and exit codes. Each group of commands is a package
// of its own, with a function Commands; [Root] puts them together.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/books"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// Env is one run of demarc.
type Env struct {
	*output.Printer
	In io.Reader

	// Name is --name; the name of the cluster once it was looked for.
	Name string
	// As is --as.
	As string
	// Detach is set by what goes on though nobody reads the output.
	Detach atomic.Bool

	chosen bool // the cluster was not named
	ran    bool // the arguments were understood

	mu     sync.Mutex
	engine *engine.Process // to kill at the second signal; nil if it is not ours
}

// New is a run that reads and writes there.
func New(in io.Reader, out, err io.Writer) *Env {
	return &Env{In: in, Printer: &output.Printer{Out: out, Err: err}}
}

// Role is the role that --as names.
func (e *Env) Role() api.Role { return api.Role(e.As) }

// Dir is the data directory of the cluster that is meant, and Name its name from then on.
func (e *Env) Dir() (string, error) { return e.choose(false) }

// DirToStart is Dir for a cluster that need not be there yet.
func (e *Env) DirToStart() (string, error) { return e.choose(true) }

func (e *Env) choose(toStart bool) (_ string, err error) {
	if e.Name == "" {
		e.chosen = true
		if e.Name, err = engine.Choose(toStart); err != nil {
			return "", err
		}
	}
	return engine.DataDir(e.Name)
}

// Client finds the running engine of the cluster that is meant, and speaks to it in the
// role that --as names.
func (e *Env) Client() (*api.Client, error) { return e.ClientAs(e.Role()) }

// ClientAs is Client in another role.
func (e *Env) ClientAs(role api.Role) (*api.Client, error) {
	dir, err := e.Dir()
	if err != nil {
		return nil, err
	}
	c, err := engine.AttachAs(dir, role)
	if errors.Is(err, engine.ErrNotRunning) {
		return nil, e.NotRunning(dir)
	}
	if err != nil {
		return nil, err
	}
	e.Counts(c)
	return c, nil
}

// readyTimeout is how long it is waited for an answer when a cluster was ready.
const readyTimeout = 5 * time.Second

// Counts makes what is printed count seconds since the cluster of a client was ready.
func (e *Env) Counts(c *api.Client) {
	e.Ready = sync.OnceValue(func() time.Time {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		s, _ := c.Status(ctx) // without an answer the times are there alone
		return s.ReadyAt
	})
}

// ClientOrBooks is Client, and for a cluster that is stopped a client that answers by its
// books what is asked about its past.
func (e *Env) ClientOrBooks() (*api.Client, error) {
	dir, err := e.Dir()
	if err != nil {
		return nil, err
	}
	c, err := engine.AttachAs(dir, e.Role())
	switch {
	case err == nil:
		e.Counts(c)
		return c, nil
	case !errors.Is(err, engine.ErrNotRunning):
		return nil, err
	}
	stopped := e.NotRunning(dir)
	b, err := books.Load(dir)
	if err != nil {
		return nil, err
	}
	if b.Cluster.Name == "" { // of an earlier version, or none
		return nil, stopped
	}
	events, err := timeline.Read(filepath.Join(dir, timeline.File))
	if err != nil {
		return nil, fmt.Errorf("read the timeline: %w", err)
	}
	c = api.Offline(b.Actions(events, e.Role(), stopped))
	e.Counts(c)
	return c, nil
}

// ClientOrData is the client, as the customer, of a cluster that runs, and nil for one of
// which there is only data.
func (e *Env) ClientOrData() (c *api.Client, dir string, err error) {
	if dir, err = e.Dir(); err != nil {
		return nil, dir, err
	}
	c, err = engine.Attach(dir)
	switch {
	case errors.Is(err, engine.ErrNotRunning) && engine.Exists(dir):
		e.Ready = sync.OnceValue(func() time.Time {
			b, _ := books.Load(dir) // without them the times are there alone
			return b.ReadyAt
		})
		return nil, dir, nil
	case errors.Is(err, engine.ErrNotRunning):
		return nil, dir, e.NotRunning(dir)
	case err != nil:
		return nil, dir, err
	}
	e.Counts(c)
	return c, dir, nil
}

// NameFlag is what names the cluster in a command that is proposed.
func (e *Env) NameFlag() string {
	if e.chosen {
		return ""
	}
	return " --name " + e.Name
}

// NotRunning explains that there is nothing to talk to.
func (e *Env) NotRunning(dir string) error {
	flag := e.NameFlag()
	if engine.Find(dir).Drill() {
		return &engine.InputError{Message: fmt.Sprintf("the drill %s is over, and its data is in %s", e.Name, dir), Hint: "remove it with: demarc down --delete" + flag}
	}
	if engine.Exists(dir) {
		return &engine.InputError{Message: fmt.Sprintf("the cluster %s is stopped", e.Name), Hint: "start it again with: demarc up" + flag}
	}
	hint := "make one with: demarc up" + flag
	if names := clusterNames(); len(names) > 0 {
		hint = fmt.Sprintf("there is %s; %s", strings.Join(names, ", "), hint)
	}
	return &engine.InputError{Message: fmt.Sprintf("there is no cluster %s", e.Name), Hint: hint}
}

// clusterNames are the names of the clusters that can be found.
func clusterNames() (names []string) {
	list, _ := engine.Clusters() // of those that cannot, nothing is to be said
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

// Own remembers the engine that ends with this process.
func (e *Env) Own(p *engine.Process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.engine = p
}

// KillEngine ends the engine of this process at once, if there is one.
func (e *Env) KillEngine() {
	e.mu.Lock()
	p := e.engine
	e.mu.Unlock()
	if p != nil {
		p.Kill()
	}
}
