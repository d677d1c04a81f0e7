package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/state"
)

// Times of this package, all real.
const (
	// handleTimeout is how long an engine may take until its API answers.
	handleTimeout = 30 * time.Second
	handlePoll    = 5 * time.Millisecond
	// stopTimeout is how long an engine may take to end in good order. It
	// writes what is not on disk yet; its own grace periods are virtual.
	stopTimeout = 30 * time.Second
	dialTimeout = time.Second
	dumpTimeout = 2 * time.Second
)

// startLock is the file in a data directory that keeps two engines from being
// started at once.
const startLock = "start.lock"

// Options say how to start an engine.
type Options struct {
	// Path is the engine's program, as [Build] returned it.
	Path string
	// DataDir is the cluster's data directory; it is made if it is not there.
	DataDir string
	// Config is what the engine is told. Attached is set by Start.
	Config api.EngineConfig
	// Detached says that the engine goes on when this process has ended.
	Detached bool
}

// Process is an engine that this process has started.
type Process struct {
	// Client speaks to it.
	Client *api.Client

	dir   string
	log   os.FileInfo // its log as it was before
	cmd   *exec.Cmd
	stdin io.Closer // nil if detached
	done  chan struct{}
	exit  error // how it ended; read after done
}

// Start starts an engine and returns as soon as its management API answers,
// which is before the cluster is ready. An engine that ends before is a
// [FailedError] with what it said; [ErrRunning] means that there is one already.
func Start(ctx context.Context, o Options) (*Process, error) {
	if err := makeDir(o.DataDir); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(o.DataDir, startLock), nil)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c, err := Attach(o.DataDir); err == nil && !Dying(ctx, o.DataDir, c) {
		return nil, ErrRunning
	} else if err != nil && !errors.Is(err, ErrNotRunning) {
		return nil, err
	}
	if err := awaitRelease(ctx, o.DataDir); err != nil {
		return nil, err
	}
	if err := writeJSON(versionFile(o.DataDir), version{Format: dataFormat}); err != nil {
		return nil, err
	}
	o.Config.Attached = !o.Detached
	if err := writeJSON(configFile(o.DataDir), o.Config); err != nil {
		return nil, err
	}
	if err := os.Remove(handleFile(o.DataDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the handle of an engine that has gone: %w", err)
	}
	p, err := spawn(o)
	if err != nil {
		return nil, err
	}
	if err := p.awaitHandle(ctx); err != nil {
		p.Kill()
		_, discardErr := p.Discard()
		return nil, errors.Join(err, discardErr)
	}
	return p, nil
}

// spawn starts the program. Its standard output is not used: whatever writes
// there must neither block nor kill a detached engine.
func spawn(o Options) (*Process, error) {
	if _, err := rotate(logFile(o.DataDir)); err != nil {
		return nil, err
	}
	log, err := openLog(logFile(o.DataDir))
	if err != nil {
		return nil, fmt.Errorf("open the engine's log: %w", err)
	}
	defer log.Close() // the engine has its own
	before, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the engine's log: %w", err)
	}
	p := &Process{dir: o.DataDir, log: before, done: make(chan struct{})}
	p.cmd = exec.Command(o.Path, "--config", configFile(o.DataDir))
	p.cmd.Stderr = log
	ownSession(p.cmd)
	if !o.Detached {
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, fmt.Errorf("start the engine: %w", err)
		}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, &FailedError{Reason: err.Error()}
	}
	go func() {
		p.exit = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// awaitHandle waits until the engine has written its handle.
func (p *Process) awaitHandle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, handleTimeout, &FailedError{
		Reason: fmt.Sprintf("it did not answer within %s", handleTimeout), Log: logFile(p.dir),
	})
	defer cancel()
	tick := time.NewTicker(handlePoll)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			if failure := p.Failure(); failure != nil {
				return failure
			}
			return &FailedError{Reason: fmt.Sprintf("%s ended before it answered: is it demarc's engine?", p.cmd.Path), Log: p.Log()}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		h, err := readHandle(p.dir)
		if err == nil {
			p.Client = api.NewClient(h)
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// Done is closed when the engine has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// exitInput is the engine's exit code for what its user can put right, such as a
// feature gate that is unknown. A Go program that panics has 2.
const exitInput = 4

// Failure explains the end of an engine that has ended. It is nil if it ended
// in good order.
func (p *Process) Failure() error {
	<-p.done
	if p.exit == nil {
		return nil
	}
	reason := lastWords(logFile(p.dir), p.log)
	if p.cmd.ProcessState.ExitCode() == exitInput {
		return &InputError{Message: reason}
	}
	if !p.cmd.ProcessState.Exited() {
		reason = fmt.Sprintf("it ended unexpectedly (%v); %s", p.exit, reason)
	}
	return &FailedError{Reason: reason, Log: logFile(p.dir)}
}

// Stop ends the engine in good order: everything is on disk afterwards. When
// ctx is over, or after half a minute, it is killed.
func (p *Process) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("the engine did not stop within %s and was killed", stopTimeout))
	defer cancel()
	err := p.Client.Stop(ctx)
	if err != nil && p.stdin != nil {
		p.stdin.Close() // says the same
	}
	select {
	case <-p.done:
		return p.Failure()
	case <-ctx.Done():
	}
	// Its last words help to find out what it was waiting for.
	if dumpToLog(p.cmd.Process) == nil {
		select {
		case <-p.done:
		case <-time.After(dumpTimeout):
		}
	}
	p.Kill()
	return context.Cause(ctx)
}

// Kill ends the engine at once and waits until it has gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it has ended if it fails
	<-p.done
}

// Discard removes what a start that failed has left, all but its logs, and says
// whether it did. It does nothing if there is data of etcd, a backup or memory of
// the provider's plane, whoever made them. Call it when the engine has ended.
func (p *Process) Discard() (bool, error) { return discard(p.dir) }

// Log is the path of the engine's log.
func (p *Process) Log() string { return logFile(p.dir) }

func handleFile(dir string) string { return filepath.Join(dir, "engine.json") }

// readHandle reads the handle that an engine left in its data directory.
func readHandle(dir string) (h api.Handle, err error) {
	b, err := os.ReadFile(handleFile(dir))
	if err != nil {
		return h, err
	}
	if h, err = api.ReadHandle(b); err != nil {
		return h, fmt.Errorf("%s is damaged: %w", handleFile(dir), err)
	}
	return h, nil
}

// Attach finds the engine that runs for a data directory. If there is none it
// returns [ErrNotRunning], also when one was killed and left its handle behind.
func Attach(dir string) (*api.Client, error) {
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	h, err := readHandle(dir)
	pid, known := holder(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), known && pid == 0:
		return nil, ErrNotRunning
	case err != nil && known:
		return nil, &InputError{Message: err.Error(), Hint: fmt.Sprintf("end the engine, which is process %d, and start the cluster again with demarc up", pid)}
	case err != nil, known && pid != h.PID, !alive(h.PID):
		return nil, ErrNotRunning
	}
	// Without a lock, the process may be another one that has got the same number.
	conn, err := net.DialTimeout("tcp", h.Address, dialTimeout)
	if err != nil {
		return nil, ErrNotRunning
	}
	conn.Close()
	return api.NewClient(h), nil
}

// Dying says that the engine of a directory has been killed or has crashed, though it has
// not gone yet: it still takes connections, and closes them, or never answers.
func Dying(ctx context.Context, dir string, c *api.Client) bool {
	if state.Crashed(dir) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	_, err := c.Clock(ctx)
	return errors.Is(err, api.ErrUnreachable) && ctx.Err() == nil // else it is busy
}

// AwaitEnd waits until the engine of a client has ended.
func AwaitEnd(ctx context.Context, c *api.Client) error {
	for alive(c.Handle().PID) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(handlePoll):
		}
	}
	return nil
}

// Explain says why a stream of the engine ended early: because the engine did,
// if it did; else it returns err.
func (p *Process) Explain(err error) error {
	select {
	case <-p.done:
	case <-time.After(dialTimeout):
		return err
	}
	if failure := p.Failure(); failure != nil {
		return failure
	}
	return &FailedError{Reason: "it ended before the scenario did", Log: p.Log()}
}
