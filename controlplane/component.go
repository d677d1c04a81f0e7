package controlplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"

	"go.opentelemetry.io/otel/trace"
)

// State is where a component is in its life.
type State string

// States of a [Component], as [api.Component] has them.
const (
	Stopped  State = api.ComponentStopped
	Starting State = api.ComponentStarting
	Running  State = api.ComponentRunning
	Crashed  State = api.ComponentCrashed
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
	// err says why it died; nil while it has not.
	err() error
}

// Component is one program of the control plane. It can be started, stopped
// and crashed any number of times; each start is a new incarnation.
type Component struct {
	name   string
	launch func(context.Context) (incarnation, error)
	note   func(verb timeline.Verb, message string)
	tracer trace.Tracer
	// release is the version of Kubernetes that the next life has; nil for etcd.
	release func() string
	gate    *gate // what the component receives and sends while hung or slow

	// launching is held while an incarnation is made, and while nobody may make one.
	launching sync.Mutex

	mu      sync.Mutex
	latest  *start // that is under way, or whose life lasts; nil while it is down
	state   State
	since   time.Time
	starts  int
	message string
	held    string    // who keeps it down; empty for nobody
	off     bool      // the whole cluster is stopped
	well    time.Time // when a health check last succeeded

	check *check // the newest health check; nil before the first
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

// Life is the number of the component's present life, or of its last.
func (c *Component) Life() int { return c.Status().Starts }

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

// check is a health check that may be under way.
type check struct {
	life  int
	began time.Time
	done  chan struct{} // closed when there is a result
	err   error
}

// sharedFor is for how long others can have the result of a check that has begun:
// kube-apiserver looks at etcd once in a second at the most, and answers in between what
// it found the last time, however long ago (Kubernetes v1.37, apiserver, storagebackend/
// factory/etcd3.go).
const sharedFor = time.Second

// Healthy asks the component's own health check. Who asks in one moment has one result.
func (c *Component) Healthy(ctx context.Context) error {
	c.mu.Lock()
	s, state := c.latest, c.state
	if s == nil || state != Running {
		c.mu.Unlock()
		return &NotRunningError{state}
	}
	x := c.check
	if x == nil || x.life != c.starts || time.Since(x.began) >= sharedFor {
		x = &check{life: c.starts, began: time.Now(), done: make(chan struct{})}
		c.check = x
		go func() {
			x.err = s.inc.healthy(context.WithoutCancel(ctx))
			if x.err == nil {
				c.mu.Lock()
				c.well = time.Now()
				c.mu.Unlock()
			}
			close(x.done)
		}()
	}
	c.mu.Unlock()
	select {
	case <-x.done:
		return x.err
	case <-ctx.Done():
		return fmt.Errorf("its health check: %w", ctx.Err())
	}
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
