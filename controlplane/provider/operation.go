package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Times of operations. AKS's own poll is not published.
const (
	operationPoll = 5 * time.Second
	// keptOperations is how many operations that have ended the log keeps.
	keptOperations = 100
)

// BusyError says that another operation is in the way: a cluster and its pools
// are changed by one at a time (MicrosoftDocs/SupportArticles-docs, error
// OperationNotAllowed).
type BusyError struct{ Operation api.Operation }

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("(OperationNotAllowed) Operation is not allowed: Another operation (%s) is in progress, please wait for it to finish before starting a new operation; it is %s of %s",
		e.Operation.Kind, e.Operation.ID, e.Operation.Subject)
}

// Operations are all operations that the plane remembers, oldest first.
func (o *Operator) Operations(r *Replicas) []api.Operation { return operationList(r.State()) }

func operationList(s State) []api.Operation {
	return slices.SortedFunc(maps.Values(s.Operations), func(a, b api.Operation) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID))
	})
}

// OperationInProgress is the operation that has not ended, or nil.
func (s State) OperationInProgress() *api.Operation {
	for _, op := range s.Operations {
		if op.InProgress() {
			return &op
		}
	}
	return nil
}

// beginOperation puts an operation of the customer in the log, and wakes the leader. Plan
// says what is asked for, by the state as it is then, or refuses it.
func (o *Operator) beginOperation(ctx context.Context, r *Replicas, plan func(State) (api.Operation, error)) (api.Operation, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	s := r.State()
	if busy := s.OperationInProgress(); busy != nil {
		return api.Operation{}, &BusyError{*busy}
	}
	op, err := plan(s)
	if err != nil {
		return op, err
	}
	now := time.Now().UTC()
	op.ID, op.State, op.Began = newOperationID(s.Operations, now), api.OpInProgress, now
	e := o.cfg.Note(timeline.Event{Actor: timeline.Customer, Verb: startedVerbs[op.Kind], Subject: op.Subject, Message: op.Message, Asker: timeline.Asker(ctx)})
	op.Event = e.Seq
	if err := r.Apply(ctx, append(excessOperations(s), PutOperation(op))...); err != nil {
		return op, err
	}
	wake(o.operated)
	return op, nil
}

// startedVerbs say on the timeline that the customer began an operation.
var startedVerbs = map[string]string{
	api.OpUpgradeCluster: "started upgrade of",
	api.OpUpgradePool:    "started upgrade of",
	api.OpScalePool:      "started scaling of",
}

func newOperationID(taken map[string]api.Operation, now time.Time) string {
	id := "op" + now.Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, ok := taken[id]; !ok {
			return id
		}
		id = fmt.Sprintf("op%s-%d", now.Format("20060102T150405Z"), n)
	}
}

// excessOperations forgets the oldest above keptOperations.
func excessOperations(s State) (forget []Command) {
	list := operationList(s)
	for _, op := range list[:max(0, len(list)-keptOperations)] {
		forget = append(forget, DeleteOperation(op.ID))
	}
	return forget
}

// operation is one operation in a leader's hands. Everything that it goes by is
// in its record, which is in the log before each action and after.
type operation struct {
	o   *Operator
	l   *Leadership
	rec api.Operation
}

// operateAll carries out the operation in progress, as long as ctx lasts. One
// that an earlier leader began goes on where its record ends.
func (o *Operator) operateAll(ctx context.Context, l *Leadership) {
	defer wake(o.operated) // what this leadership has been told is for the next
	for {
		for op := l.State().OperationInProgress(); op != nil; op = l.State().OperationInProgress() {
			x := &operation{o: o, l: l, rec: *op}
			if x.run(ctx) != nil && !pause(ctx, operationPoll) {
				return
			}
		}
		select {
		case <-o.operated:
		case <-ctx.Done():
			return
		}
	}
}

// failure is an error that ends an operation, in AKS's words.
type failure struct{ text string }

// Error implements error.
func (f *failure) Error() string { return f.text }

// run goes on where the record ends, to the end. An error says that it could not:
// the leadership is over.
func (x *operation) run(ctx context.Context) error {
	var err error
	switch {
	case x.rec.Upgrade != nil:
		err = x.upgrade(ctx)
	case x.rec.Scale != nil:
		err = x.scale(ctx)
	default:
		err = &failure{text: fmt.Sprintf("(InternalServerError) this version of the provider's plane cannot carry out %s", x.rec.Kind)}
	}
	var f *failure
	if errors.As(err, &f) {
		return x.end(ctx, api.OpFailed, f.text)
	}
	if err != nil {
		return err
	}
	return x.end(ctx, api.OpSucceeded, "")
}

// endedVerbs say on the timeline how an operation ended.
var endedVerbs = map[string]map[string]string{
	api.OpUpgradeCluster: {api.OpSucceeded: "upgraded", api.OpFailed: "failed to upgrade"},
	api.OpUpgradePool:    {api.OpSucceeded: "upgraded", api.OpFailed: "failed to upgrade"},
	api.OpScalePool:      {api.OpSucceeded: "scaled", api.OpFailed: "failed to scale"},
}

func (x *operation) end(ctx context.Context, state, message string) error {
	x.rec.State, x.rec.Error, x.rec.Ended = state, message, time.Now().UTC()
	if err := x.save(ctx); err != nil {
		return err
	}
	if message == "" {
		message = x.rec.Message
	}
	x.note(endedVerbs[x.rec.Kind][state], x.rec.Subject, message)
	return nil
}

// save puts the record in the log, together with what else changes with it.
func (x *operation) save(ctx context.Context, more ...Command) error {
	return x.l.Apply(ctx, append(more, PutOperation(x.rec))...)
}

// note puts something on the timeline that is done for the operation.
func (x *operation) note(verb, subject, message string) {
	x.o.noteBecause(x.rec.Event, verb, subject, message)
}

// poll tries every five seconds until it is done, or cannot be: an error. While a
// restore is under way it does not try.
func (x *operation) poll(ctx context.Context, try func(ctx context.Context) (done bool, err error)) error {
	for {
		if unfinished(x.l.State()) == nil {
			done, err := try(ctx)
			if done || err != nil {
				return err
			}
		}
		if !pause(ctx, untilTick(time.Now(), operationPoll)) {
			return ctx.Err()
		}
	}
}
