package provider

import (
	"context"
	"strings"
	"time"

	"demarc/sim/clock"
	"demarc/sim/drain"
	"demarc/sim/timeline"
)

// taskPoll is how often a task looks whether it can go on. AKS's own poll is not
// published.
const taskPoll = 5 * time.Second

// task is one record of the log in a leader's hands: an operation of the customer, the
// repair of a node, or the patch for a vulnerability. Everything that it goes by is in its
// record, which is in the log before each action and after: whoever leads next goes on
// where it ends.
type task struct {
	o      *Operator
	l      *Leadership
	cause  int64          // the event on the timeline that it is done for
	record func() Command // puts its record as it is now
}

// run takes a task as far as it goes now: to its end, or a step. An error says that it
// could not.
type run func(context.Context) error

// tasks are all tasks of a kind during one leadership.
type tasks struct {
	// open are those that the log has now, in the order in which they are carried out.
	open func(context.Context) []run
	// woken is told of a new one; nil if tasks are found by looking.
	woken chan struct{}
	// retry is the wait before what could not be done is tried again.
	retry time.Duration
	// period, if not zero, says that a run is a step, and the next is due a whole period
	// later.
	period time.Duration
}

// carryOut carries tasks out, one after the other, as long as ctx lasts.
func (k tasks) carryOut(ctx context.Context) {
	defer wake(k.woken) // what this leadership has been told is for the next
	for {
		open, failed := k.open(ctx), false
		for _, do := range open {
			if err := do(ctx); err != nil && ctx.Err() != nil {
				return // whoever leads next goes on
			} else if err != nil {
				failed = true
			}
		}
		var again <-chan time.Time // never
		switch {
		case k.period > 0 && (len(open) > 0 || k.woken == nil):
			again = time.After(clock.UntilTick(time.Now(), k.period))
		case failed:
			again = time.After(k.retry)
		case len(open) > 0:
			continue // what has come meanwhile
		}
		select {
		case <-k.woken:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// planeLog is the plane's log: as whoever leads sees it, or whoever asks for something.
type planeLog interface {
	State() State
	Apply(ctx context.Context, commands ...Command) error
}

// order puts a task in the log that somebody asks for, and wakes whoever carries it out.
func order(ctx context.Context, r planeLog, woken chan<- struct{}, commands ...Command) error {
	err := r.Apply(ctx, commands...)
	if err == nil {
		wake(woken)
	}
	return err
}

// wake wakes a loop that waits for work.
func wake(loop chan<- struct{}) {
	select {
	case loop <- struct{}{}:
	default: // it will be seen
	}
}

// save puts the record in the log, together with what else changes with it.
func (t *task) save(ctx context.Context, more ...Command) error {
	return t.l.Apply(ctx, append(more, t.record())...)
}

// enter is save, and then says on the timeline what the record says now.
func (t *task) enter(ctx context.Context, verb timeline.Verb, subject, message string) error {
	if err := t.save(ctx); err != nil {
		return err
	}
	t.note(verb, subject, message)
	return nil
}

// note puts something on the timeline that is done for the task.
func (t *task) note(verb timeline.Verb, subject, message string) {
	t.o.noteBecause(t.cause, verb, subject, message)
}

// poll tries every five seconds until it is done, or cannot be: an error. While a
// restore is under way it does not try.
func (t *task) poll(ctx context.Context, try func(ctx context.Context) (done bool, err error)) error {
	for {
		if unfinished(t.l.State()) == nil {
			done, err := try(ctx)
			if done || err != nil {
				return err
			}
		}
		if !clock.Sleep(ctx, clock.UntilTick(time.Now(), taskPoll)) {
			return ctx.Err()
		}
	}
}

// pollNodes is poll with the nodes that the API server knows, by name: nothing is
// judged without its answer.
func (t *task) pollNodes(ctx context.Context, try func(ctx context.Context, here map[string]Node) (done bool, err error)) error {
	return t.poll(ctx, func(ctx context.Context) (bool, error) {
		list, err := ask(ctx, t.o.cfg.Nodes.Nodes)
		if err != nil {
			return false, nil
		}
		return try(ctx, byName(list))
	})
}

// ask asks the API server about nodes.
func ask[A any](ctx context.Context, question func(context.Context) (A, error)) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return question(ctx)
}

// did has the API server do something, and says whether it did it.
func did(ctx context.Context, do func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return do(ctx) == nil
}

// cordon marks a node unschedulable or schedulable, and says whether the API server
// did it.
func (t *task) cordon(ctx context.Context, node string, unschedulable bool) bool {
	return did(ctx, func(ctx context.Context) error { return t.o.cfg.Nodes.Cordon(ctx, node, unschedulable) })
}

// drained is how the drain of a node stands.
type drained struct {
	left    int             // pods that are still there
	blocked []drain.Blocked // those that a budget protects
	over    bool            // no pod is left that a kubelet would end
	late    bool            // its time is over
}

// drain evicts what is left on a node that was cordoned at a time. If the API server does not answer, nothing is
// known: no pod is lost for that. A node that is schedulable again, since a restore has put
// it back or somebody has uncordoned it, would have its pods back as they go.
func (t *task) drain(ctx context.Context, n Node, cordoned time.Time, timeout time.Duration) (d drained, ok bool) {
	if !n.Unschedulable && cordoned.Before(time.Now()) && !t.cordon(ctx, n.Name, true) {
		return d, false
	}
	ok = did(ctx, func(ctx context.Context) (err error) {
		d.left, d.blocked, err = t.o.cfg.Nodes.Evict(ctx, n.Name)
		return err
	})
	d.over = d.left == 0 || len(d.blocked) == 0 && !n.Ready
	if d.late = time.Since(cordoned) >= timeout; d.late && !d.over && len(d.blocked) > 0 {
		t.o.cfg.Nodes.Explain(ctx, d.blocked) // which is told now
	}
	return d, ok
}

// waits says which pod a budget protects, and what to say of it; nothing if it was said
// of that pod last.
func (d drained) waits(last string) (pod, message string) {
	if len(d.blocked) == 0 || d.blocked[0].Pod == last {
		return last, ""
	}
	return d.blocked[0].Pod, "eviction of " + d.blocked[0].Pod + " blocked: " + d.blocked[0].Reason
}

// budgets are the pods that budgets protect, and why, in words.
func (d drained) budgets() string {
	var all []string
	for _, b := range d.blocked {
		all = append(all, b.String())
	}
	return strings.Join(all, "; ")
}
