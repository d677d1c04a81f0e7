package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
)

// standing is a throughout-step that is looked at while later steps act.
type standing struct {
	step script.Step
	done chan struct{} // closed when the others are set
	out  check.Outcome
	err  error
	at   time.Time // when it was settled
}

// errBroken says that a step was given up because something that was to hold
// throughout it did not.
var errBroken = errors.New("something that was to hold throughout does not")

// stand begins to look at a throughout-step, until its time has come.
func (r *run) stand(ctx context.Context, s script.Step) {
	cond, err := r.bind(s.Expect)
	if err != nil {
		r.fail(s, err.Error())
		return
	}
	s.Span = time.Until(r.ready.Add(s.Until))
	x := &standing{step: s, done: make(chan struct{})}
	r.stood = append(r.stood, x)
	r.say(s, "waiting", "")
	go func() {
		x.out, x.err = r.window(ctx, s, cond, nil)
		x.at = time.Now()
		close(x.done)
	}()
}

// settle notes which of the standing steps are settled, and says whether all that are
// have held.
func (r *run) settle() (held bool, err error) {
	held = true
	var open []*standing
	for _, x := range r.stood {
		select {
		case <-x.done:
		default:
			open = append(open, x)
			continue
		}
		if x.err != nil {
			return false, fmt.Errorf("line %d: %w", x.step.Line, x.err)
		}
		seen := x.out.Explain()
		if !x.out.OK {
			held = false
			if !r.failed {
				r.fail(x.step, seen)
			} else {
				r.expectation(x.step, false, seen)
			}
			continue
		}
		r.expectation(x.step, true, seen)
		r.say(x.step, "held", seen)
	}
	r.stood = open
	return held, nil
}

// settled are the channels that tell of standing steps that are settled.
func (r *run) settled() (all []<-chan struct{}) {
	for _, x := range r.stood {
		all = append(all, x.done)
	}
	return all
}

// wait waits until a moment, or until a standing step has failed: errBroken.
func (r *run) wait(ctx context.Context, until time.Time) error {
	for {
		if held, err := r.settle(); err != nil {
			return err
		} else if !held {
			return errBroken
		}
		d := time.Until(until)
		if d <= 0 {
			return nil
		}
		if err := waitAny(ctx, r.settled(), d); err != nil {
			return err
		}
	}
}

// waitStanding waits for all standing steps. After a failure they are given up.
func (r *run) waitStanding(ctx context.Context) error {
	for len(r.stood) > 0 && !r.failed {
		if err := waitAny(ctx, r.settled(), time.Until(r.ready.Add(r.stood[0].step.Until))+time.Second); err != nil {
			return err
		}
		if _, err := r.settle(); err != nil {
			return err
		}
	}
	for _, x := range r.stood {
		r.expectation(x.step, false, "not reached")
	}
	r.stood = nil
	return nil
}
