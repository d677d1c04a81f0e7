package torture

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"
)

// up is a demarc up in a terminal of its own.
type up struct {
	dir  string
	cmd  *exec.Cmd
	out  output
	done chan struct{}
	err  error // how it ended; read after done
}

// output is what a user sees.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startUp runs demarc up for the cluster whose data is in dir. Flags are for a new
// one.
func (l *lane) startUp(dir string, flags ...string) (*up, error) {
	u := &up{dir: dir, done: make(chan struct{})}
	u.cmd = exec.Command(l.cli, append([]string{"up", "--no-sample", "--rate", "60x", "--name", filepath.Base(dir)}, flags...)...)
	u.cmd.Env = append(os.Environ(), engine.HomeEnv+"="+filepath.Dir(dir), engine.PathEnv+"="+l.engine)
	u.cmd.Stdout, u.cmd.Stderr = &u.out, &u.out
	if err := u.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		u.err = u.cmd.Wait()
		close(u.done)
	}()
	return u, nil
}

// ready waits until the cluster is; an error says that it will not be.
func (u *up) ready(ctx context.Context) (*api.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		select {
		case <-u.done:
			return nil, fmt.Errorf("demarc up ended (%v)", u.err)
		case <-ctx.Done():
			return nil, errHangs
		case <-time.After(30 * time.Millisecond):
		}
		if c, err := engine.Attach(u.dir); err == nil {
			if s, err := c.Status(ctx); err == nil && s.State == "ready" {
				return c, nil
			}
		}
	}
}

var errHangs = fmt.Errorf("demarc up is neither ready nor ended after %s", readyTimeout)

// kill kills the engine, as soon as there is one, and waits until demarc up has seen
// that.
func (u *up) kill() {
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		for _, pid := range children(u.cmd.Process.Pid) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it has ended if it fails
			}
		}
		select {
		case <-u.done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = u.cmd.Process.Kill()
	<-u.done
}

// children are the processes that a process has started: of demarc up, the engine.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PARENT …; the name may have spaces.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// traces says whether a user sees the program's stacks.
func (u *up) traces() bool {
	text := u.out.String()
	return strings.Contains(text, "goroutine ") || strings.Contains(text, "panic:")
}

// lastLine is the last line of what a user sees.
func (u *up) lastLine() string {
	lines := strings.Split(strings.TrimSpace(u.out.String()), "\n")
	return lines[len(lines)-1]
}
