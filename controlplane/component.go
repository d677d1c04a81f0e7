package controlplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// State is where a component is in its life.
type State string

// States of a [Component].
const (
	Stopped  State = "stopped"
	Starting State = "starting"
	Running  State = "running"
	Crashed  State = "crashed"
)

// Names of the components. Where there are several of one, each is NAME/INDEX.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// incarnation is one life of a component, from start to death.
type incarnation interface {
	// ready waits until the component serves.
	ready(ctx context.Context) error
	// healthy is the component's own health check, asked as a client would.
	healthy(ctx context.Context) error
	// kill ends it at once: nothing more leaves it or reaches it.
	kill()
	// stop ends it in good order; what is not done when ctx ends is killed.
	stop(ctx context.Context)
	// died is closed when it ended by itself.
	died() <-chan struct{}
	// err says why it died.
	err() error
}

// Component is one program of the control plane. It can be started, stopped
// and crashed any number of times; each start is a new incarnation.
type Component struct {
	name   string
	launch func(context.Context) (incarnation, error)
	note   func(verb, message string)
	tracer trace.Tracer
	// release is the version of Kubernetes that the next life has; nil for etcd.
	release func() string
	gate    *gate // what the component receives and sends while hung or slow

	mu      sync.Mutex
	current incarnation
	version string // of Kubernetes, with which it was started
	state   State
	since   time.Time
	starts  int
	message string
	held    string        // who keeps it down; empty for nobody
	well    time.Time     // when a health check last succeeded
	stopped chan struct{} // closed when the current life is ended from outside
}

// Status is how a component is at one moment.
type Status struct {
	Name    string
	State   State
	Message string    // why it is not running, if it is not
	Since   time.Time // of the last change of State
	Starts  int       // number of incarnations so far
}

// Name is the component's name: etcd, kube-apiserver, …
func (c *Component) Name() string { return c.name }

// Status returns the component's state. It never waits.
func (c *Component) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{Name: c.name, State: c.state, Message: c.message, Since: c.since, Starts: c.starts}
}

// HeldError says that a component is kept down: a scenario wants it so.
type HeldError struct{ Component, By string }

// Error implements error.
func (e *HeldError) Error() string { return fmt.Sprintf("%s is held down by %s", e.Component, e.By) }

// Hold keeps the component as it is: until [Component.Release] it can be neither
// started nor restarted. By says who wants that.
func (c *Component) Hold(by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = by
}

// Release ends Hold.
func (c *Component) Release() { c.Hold("") }

// Restart ends whatever is left of the component and starts it again, as a
// supervisor does with a process that does not answer. A [HeldError] says that
// it may not.
func (c *Component) Restart(ctx context.Context) error {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held != "" {
		return &HeldError{c.name, held}
	}
	_ = c.Crash() // nothing may be left of it
	return c.Start(ctx)
}

// Start begins a new life and returns when the component serves, or with the
// reason why it does not; until ctx ends. A component that lives already is left
// alone.
func (c *Component) Start(ctx context.Context) error {
	c.mu.Lock()
	if c.held != "" {
		defer c.mu.Unlock()
		return &HeldError{c.name, c.held}
	}
	if c.state == Running || c.state == Starting {
		c.mu.Unlock()
		return nil
	}
	c.set(Starting, "")
	c.starts++
	stopped := make(chan struct{})
	c.stopped = stopped
	c.mu.Unlock()
	return c.run(ctx, stopped)
}

// run starts an incarnation and watches over it.
func (c *Component) run(ctx context.Context, stopped chan struct{}) (err error) {
	ctx, span := c.tracer.Start(ctx, "start "+c.name)
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}()
	version := ""
	if c.release != nil {
		version = c.release()
	}
	inc, err := c.launch(ctx)
	c.mu.Lock()
	if c.stopped != stopped { // ended meanwhile
		c.mu.Unlock()
		if inc != nil {
			inc.kill()
		}
		return fmt.Errorf("%s was stopped while it was starting", c.name)
	}
	if err != nil {
		c.stopped = nil
		c.set(Crashed, err.Error())
		c.mu.Unlock()
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.current, c.version = inc, version
	c.mu.Unlock()
	go c.watch(inc, stopped)

	rctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-stopped:
		case <-inc.died():
		case <-rctx.Done():
		}
		cancel()
	}()
	if err := inc.ready(rctx); err != nil {
		if derr := inc.err(); derr != nil {
			err = derr
		}
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == stopped && c.current == inc {
		c.set(Running, "")
		c.note("started", fmt.Sprintf("%s serves (start %d)", c.name, c.starts))
	}
	return nil
}

// watch notices when a component ends by itself. To start it again is its
// operator's business.
func (c *Component) watch(inc incarnation, stopped chan struct{}) {
	select {
	case <-stopped:
		return
	case <-inc.died():
	}
	inc.kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped != stopped {
		return
	}
	reason := "it ended without a reason"
	if err := inc.err(); err != nil {
		reason = err.Error()
	}
	c.current, c.stopped = nil, nil
	c.set(Crashed, reason)
	c.note("crashed", fmt.Sprintf("%s ended: %s", c.name, reason))
}

// Crash ends the component as SIGKILL does: its listener and connections are
// gone at once and nothing is flushed. It stays down until Start.
func (c *Component) Crash() error {
	inc, err := c.end(Crashed)
	if err == nil && inc != nil {
		inc.kill()
	}
	return err
}

// Stop ends the component in good order. It stays down until Start.
func (c *Component) Stop(ctx context.Context) error {
	inc, err := c.end(Stopped)
	if err == nil && inc != nil {
		inc.stop(ctx)
	}
	return err
}

func (c *Component) end(s State) (incarnation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil {
		return nil, fmt.Errorf("%s is not running (it is %s)", c.name, c.state)
	}
	close(c.stopped)
	c.stopped = nil
	inc := c.current
	c.current = nil
	c.gate.open()
	c.set(s, "")
	return inc, nil
}

// Hang freezes the component as SIGSTOP does: connections are accepted and
// never answered, until Heal.
func (c *Component) Hang() { c.gate.close() }

// Slow delays everything that the component receives and sends, until Heal.
func (c *Component) Slow(d time.Duration) { c.gate.slow(d) }

// Heal ends Hang and Slow.
func (c *Component) Heal() { c.gate.open() }

// NotRunningError says that there is no running program to ask.
type NotRunningError struct{ State State }

// Error implements error.
func (e *NotRunningError) Error() string { return fmt.Sprintf("not running (%s)", e.State) }

// Gone says that there is no process: it is not about to start either.
func (e *NotRunningError) Gone() bool { return !e.Starts() }

// Starts says that there is about to be one.
func (e *NotRunningError) Starts() bool { return e.State == Starting }

// Healthy asks the component's own health check.
func (c *Component) Healthy(ctx context.Context) error {
	c.mu.Lock()
	inc, state := c.current, c.state
	c.mu.Unlock()
	if inc == nil || state != Running {
		return &NotRunningError{state}
	}
	if err := inc.healthy(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.well = time.Now()
	return nil
}

// Answered is when the component's health check last succeeded.
func (c *Component) Answered() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.well
}

// set changes the state; the caller holds mu.
func (c *Component) set(s State, message string) {
	c.state, c.message, c.since = s, message, time.Now()
}
