package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/strictjson"
	"demarc/sim/timeline"
)

// keptOperations is how many operations that have ended the log keeps.
const keptOperations = 100

// Busy says that another operation is in the way: a cluster and its pools are
// changed by one at a time (MicrosoftDocs/SupportArticles-docs, error
// OperationNotAllowed).
func Busy(by api.Operation) error {
	return api.Coded("OperationNotAllowed", "Operation is not allowed: Another operation (%s) is in progress, please wait for it to finish before starting a new operation; it is %s of %s",
		by.Kind, by.ID, by.Subject)
}

// Operations are all operations that the plane remembers, oldest first.
func (o *Operator) Operations(r *Replicas) []api.Operation { return Operations.List(r.State()) }

// OperationInProgress is the operation that has not ended, or nil.
func (s State) OperationInProgress() *api.Operation {
	return Operations.first(s, api.Operation.InProgress)
}

// beginOperation puts an operation of the customer in the log, and wakes the leader. Plan
// says what is asked for, by the state as it is then, or refuses it.
func (o *Operator) beginOperation(ctx context.Context, r *Replicas, plan func(State) (api.Operation, error)) (api.Operation, error) {
	return o.beginWith(ctx, r, func(s State) (op api.Operation, with *Cluster, err error) {
		op, err = plan(s)
		return op, nil, err
	})
}

// beginWith is beginOperation of an operation that begins with another cluster. One that is
// stopped has none but its start.
func (o *Operator) beginWith(ctx context.Context, r planeLog, plan func(State) (api.Operation, *Cluster, error)) (api.Operation, error) {
	return o.beginAny(ctx, r, func(s State) (op api.Operation, with *Cluster, err error) {
		if err := s.Runs(); err != nil {
			return op, nil, err
		}
		return plan(s)
	})
}

// beginAny is beginWith of an operation that looks itself whether the cluster runs.
func (o *Operator) beginAny(ctx context.Context, r planeLog, plan func(State) (api.Operation, *Cluster, error)) (api.Operation, error) {
	o.asking.Lock()
	defer o.asking.Unlock()
	s := r.State()
	if busy := s.OperationInProgress(); busy != nil {
		return api.Operation{}, Busy(*busy)
	}
	op, with, err := plan(s)
	if err != nil {
		return op, err
	}
	now := time.Now().UTC()
	op.ID, op.Began = newID("op", s.Operations, now), now
	if op.State = cmp.Or(op.State, api.OpInProgress); !op.InProgress() {
		op.Ended = now
	}
	op.Event = o.begins(ctx, op)
	changes := append(Operations.forget(Operations.List(s), keptOperations), Operations.Put(op))
	if with != nil {
		changes = append(changes, SetCluster(*with))
	}
	return op, order(ctx, r, o.operated, changes...)
}

// startedVerbs say on the timeline that the customer began an operation.
var startedVerbs = map[string]timeline.Verb{
	api.OpUpgradeCluster: "started upgrade of",
	api.OpUpgradePool:    "started upgrade of",
	api.OpScalePool:      "started scaling of",
	api.OpCreatePool:     "started creation of",
	api.OpDeletePool:     "started deletion of",
	api.OpUpdatePool:     "started update of",
	api.OpStopCluster:    "started stop of",
	api.OpStartCluster:   "started start of",
}

// newID is an ID of a time that no record has yet.
func newID[T any](prefix string, taken map[string]T, now time.Time) string {
	first := prefix + now.Format("20060102T150405Z")
	id := first
	for n := 2; ; n++ {
		if _, ok := taken[id]; !ok {
			return id
		}
		id = fmt.Sprintf("%s-%d", first, n)
	}
}

// operation is one operation in a leader's hands.
type operation struct {
	task
	rec api.Operation
}

// operateAll carries out the operation in progress.
func (o *Operator) operateAll(ctx context.Context, l *Leadership) {
	tasks{woken: o.operated, retry: taskPoll, open: func(context.Context) []run {
		rec := l.State().OperationInProgress()
		if rec == nil {
			return nil
		}
		x := &operation{rec: *rec}
		x.task = task{o: o, l: l, cause: rec.Event, record: func() Command { return Operations.Put(x.rec) }}
		return []run{x.run}
	}}.carryOut(ctx)
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
	case x.rec.Reshape != nil:
		err = x.reshape(ctx)
	case x.rec.Kind == api.OpStopCluster && x.rec.PowerChange != nil:
		err = x.stop(ctx)
	case x.rec.Kind == api.OpStartCluster && x.rec.PowerChange != nil:
		err = x.start(ctx)
	default:
		err = &failure{text: fmt.Sprintf("(InternalServerError) this version of the provider's plane cannot carry out %s", x.rec.Kind)}
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return x.end(ctx, api.OpFailed, f.text)
	}
	if err != nil {
		return err
	}
	return x.end(ctx, api.OpSucceeded, "")
}

// endedVerbs say on the timeline how an operation ended.
var endedVerbs = map[string]map[string]timeline.Verb{
	api.OpUpgradeCluster: {api.OpSucceeded: "upgraded", api.OpFailed: "failed to upgrade"},
	api.OpUpgradePool:    {api.OpSucceeded: "upgraded", api.OpFailed: "failed to upgrade"},
	api.OpScalePool:      {api.OpSucceeded: "scaled", api.OpFailed: "failed to scale"},
	api.OpCreatePool:     {api.OpSucceeded: "created", api.OpFailed: "failed to create"},
	api.OpDeletePool:     {api.OpSucceeded: "deleted", api.OpFailed: "failed to delete"},
	api.OpUpdatePool:     {api.OpSucceeded: "updated", api.OpFailed: "failed to update"},
	api.OpStopCluster:    {api.OpSucceeded: "is stopped"},
	api.OpStartCluster:   {api.OpSucceeded: "is running", api.OpFailed: "failed to start"},
}

func (x *operation) end(ctx context.Context, state, message string) error {
	x.rec.State, x.rec.Error, x.rec.Ended = state, message, time.Now().UTC()
	defer wake(x.o.settled)
	defer wake(x.o.maintained)
	defer x.o.Preempted() // the number of nodes may be another than there are by now
	return x.enter(ctx, endedVerbs[x.rec.Kind][state], x.rec.Subject, cmp.Or(message, x.rec.Message))
}

// change changes the record and puts it in the log.
func (x *operation) change(ctx context.Context, how func(*api.Operation), more ...Command) error {
	data, err := encodeJSON(x.rec) // what it points to may be the log's
	if err != nil {
		return err
	}
	x.rec = api.Operation{}
	if err := strictjson.Decode(data, &x.rec); err != nil {
		return err
	}
	how(&x.rec)
	return x.save(ctx, more...)
}

// changeNode changes the record of one node.
func (x *operation) changeNode(ctx context.Context, name string, how func(*api.NodeUpgrade)) error {
	return x.change(ctx, func(op *api.Operation) {
		var lists [][]api.NodeUpgrade
		if op.Upgrade != nil {
			for _, p := range op.Upgrade.Pools {
				lists = append(lists, p.SurgeNodes, p.Nodes)
			}
		}
		if op.Scale != nil {
			lists = append(lists, op.Scale.Added, op.Scale.Removed)
		}
		for _, list := range lists {
			if i := slices.IndexFunc(list, func(n api.NodeUpgrade) bool { return n.Name == name }); i >= 0 {
				how(&list[i])
			}
		}
	})
}
