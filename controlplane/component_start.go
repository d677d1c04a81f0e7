package controlplane

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/codes"
)

// start is one start of a component and the life that follows it. There is one at
// a time, and who comes while it is under way waits for it.
type start struct {
	ended   chan struct{} // closed when it is ended from outside
	served  chan struct{} // closed when it serves, or is known not to
	err     error         // why it does not; read after served
	old     incarnation   // to be ended in good order before it is launched, if there is one
	inc     incarnation   // nil until it is launched
	version string        // of Kubernetes
	next    *start        // the one that took its place, if one did
}

// left is what there is to end of a start: what it has launched, or what it was to
// end. To kill that twice is fine.
func (s *start) left() incarnation {
	if s.inc != nil {
		return s.inc
	}
	return s.old
}

// over says whether the start was ended from outside.
func (s *start) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// Start begins a new life and returns when the component serves, or with the
// reason why it does not. The component goes on starting when ctx ends first. One
// that lives already is left alone, and one that somebody starts is waited for.
func (c *Component) Start(ctx context.Context) error {
	return c.serve(ctx, false, func() bool { return c.latest == nil })
}

// Restart ends a life, or whatever is left of it, and begins the next, as a
// supervisor does with a process that does not answer. If that life has a successor
// already, somebody else has begun it, and Restart only waits for it. A [HeldError]
// says that the component may not be restarted.
func (c *Component) Restart(ctx context.Context, life int) error {
	return c.serve(ctx, false, func() bool { return c.starts == life })
}

// Replace ends the component in good order and starts it again. All the while it
// is Starting: whoever looks after it leaves it alone.
func (c *Component) Replace(ctx context.Context) error {
	return c.serve(ctx, true, func() bool { return true })
}

// serve waits until the component serves by its latest start, if there is one, or by a
// new one if that is wanted.
func (c *Component) serve(ctx context.Context, gracefully bool, anew func() bool) error {
	c.mu.Lock()
	if c.off {
		defer c.mu.Unlock()
		return &HeldError{c.name, stoppedBy}
	}
	if c.held != "" {
		defer c.mu.Unlock()
		return &HeldError{c.name, c.held}
	}
	s := c.latest
	if anew() {
		s = c.begin(ctx, gracefully)
	}
	c.mu.Unlock()
	return c.await(ctx, s)
}

// begin begins a start, in the place of the latest if there is one; that is ended in
// good order or at once. The caller holds mu.
func (c *Component) begin(ctx context.Context, gracefully bool) *start {
	s := &start{ended: make(chan struct{}), served: make(chan struct{})}
	if l := c.latest; l != nil {
		l.next = s
		close(l.ended)
		c.gate.open()
		s.old = l.left()
	}
	if s.old != nil && !gracefully {
		s.old.kill()
		s.old = nil
	}
	c.latest = s
	c.set(Starting, "")
	c.starts++
	go c.bringUp(context.WithoutCancel(ctx), s)
	return s
}

// await waits until a start serves, or the one that took its place. Without one, the
// successor was ended too: there is nothing to wait for.
func (c *Component) await(ctx context.Context, s *start) error {
	for s != nil {
		select {
		case <-s.served:
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w", c.name, context.Cause(ctx))
		}
		c.mu.Lock()
		next := s.next
		c.mu.Unlock()
		if s.err == nil || next == nil {
			return s.err
		}
		s = next
	}
	return nil
}

// bringUp carries out a start.
func (c *Component) bringUp(ctx context.Context, s *start) {
	ctx, span := c.tracer.Start(ctx, "start "+c.name)
	defer span.End()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.ended:
		case <-ctx.Done():
		}
		cancel()
	}()
	s.err = c.launchFor(ctx, s)
	if s.err == nil {
		s.err = c.ready(ctx, s)
	}
	if s.err != nil {
		span.SetStatus(codes.Error, s.err.Error())
	}
	close(s.served)
}

// launchFor makes the incarnation of a start and watches over it.
func (c *Component) launchFor(ctx context.Context, s *start) error {
	c.launching.Lock()
	defer c.launching.Unlock()
	if s.old != nil {
		sctx, cancel := context.WithTimeout(ctx, stopGrace)
		s.old.stop(sctx)
		cancel()
	}
	if s.over() {
		return c.stoppedError()
	}
	version := ""
	if c.release != nil {
		version = c.release()
	}
	inc, err := c.launch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.over():
		if err == nil {
			inc.kill()
		}
		return c.stoppedError()
	case err != nil:
		c.latest = nil
		c.set(Crashed, err.Error())
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	s.inc, s.version = inc, version
	go c.watch(s)
	return nil
}

// ready waits until what was launched serves.
func (c *Component) ready(ctx context.Context, s *start) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.inc.died():
		case <-ctx.Done():
		}
		cancel()
	}()
	err := s.inc.ready(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	died := s.inc.err()
	switch {
	case s.over():
		return c.stoppedError()
	case died != nil:
		return fmt.Errorf("start %s: %w", c.name, died)
	case err != nil:
		s.inc.kill()
		c.latest = nil
		c.set(Crashed, err.Error())
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.set(Running, "")
	c.note("started", fmt.Sprintf("%s serves (start %d)", c.name, c.starts))
	return nil
}

func (c *Component) stoppedError() error {
	return fmt.Errorf("%s was stopped while it was starting", c.name)
}

// watch notices when a component ends by itself. To start it again is its
// operator's business.
func (c *Component) watch(s *start) {
	select {
	case <-s.ended:
		return
	case <-s.inc.died():
	}
	s.inc.kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest != s {
		return
	}
	reason := s.inc.err().Error()
	c.latest = nil
	c.set(Crashed, reason)
	c.note("crashed", fmt.Sprintf("%s ended: %s", c.name, reason))
}

// Crash ends the component as SIGKILL does: its listener and connections are
// gone at once and nothing is flushed. It stays down until Start.
func (c *Component) Crash() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	inc, err := c.end(Crashed)
	if inc != nil {
		inc.kill()
	}
	return err
}

// Stop ends the component in good order. It stays down until Start, which waits for
// the end.
func (c *Component) Stop(ctx context.Context) error {
	c.mu.Lock()
	inc, err := c.end(Stopped)
	c.mu.Unlock()
	if inc != nil {
		c.launching.Lock()
		defer c.launching.Unlock()
		inc.stop(ctx)
	}
	return err
}

// end ends the latest start, and returns what is left of it if it was launched. The
// caller holds mu.
func (c *Component) end(state State) (incarnation, error) {
	s := c.latest
	if s == nil {
		return nil, fmt.Errorf("%s is not running (it is %s)", c.name, c.state)
	}
	close(s.ended)
	c.latest = nil
	c.gate.open()
	c.set(state, "")
	return s.left(), nil
}

// undisturbed crashes the component and does something. Whoever starts it meanwhile
// waits until that is done.
func (c *Component) undisturbed(do func() error) error {
	_ = c.Crash() // it may be down already
	c.launching.Lock()
	defer c.launching.Unlock()
	_ = c.Crash() // it may have been started again
	return do()
}
