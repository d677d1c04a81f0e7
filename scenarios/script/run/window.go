package run

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/sim/clock"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// condition is an expectation in a run, whose nodes have names.
type condition interface {
	Needs() check.Needs
	// Eval looks at the world as it is now.
	Eval(v *check.View) check.Outcome
}

// bind makes an expectation ready to be looked at.
func (r *run) bind(x *script.Expectation) (condition, error) {
	if x.Command != nil {
		return &command{run: r, call: x.Command}, nil
	}
	if x.Check == "" {
		wants := script.Convert(x.Section.Docs, func(d script.Document) wanted { return newWanted(d, r.world.NodeName) })
		return objects{wanted: wants, absent: x.Absent}, nil
	}
	text := script.ReplaceNodes(x.Check, r.world.NodeName)
	e, mistakes := check.Compile(text)
	if e == nil {
		return nil, fmt.Errorf("check %s: %s", text, mistakes[0].Message)
	}
	return e.In(r.started), nil
}

// view is what an expectation sees from a moment on.
func (r *run) view(ctx context.Context, since time.Time, objects func(schema.GroupVersionKind) ([]*unstructured.Unstructured, error)) *check.View {
	return &check.View{World: r.world, Ctx: ctx, Ready: r.ready, Since: since, Objects: objects, Watches: r.watches.state, Outputs: r.outputs.all}
}

// expect looks at an expectation: at once, or for as long as its window is open.
func (r *run) expect(ctx context.Context, s script.Step) error {
	cond, err := r.bind(s.Expect)
	if err != nil {
		r.fail(s, err.Error())
		return nil
	}
	var out check.Outcome
	if s.Opens == script.Within || s.Opens == script.Throughout || s.Opens == script.When {
		r.say(s, "waiting", "")
		out, err = r.window(ctx, s, cond, r.settled)
	} else {
		out = cond.Eval(r.instant(ctx, cond))
		err = ctx.Err()
	}
	if errors.Is(err, errBroken) {
		return err
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", s.Line, err)
	}
	if !out.OK {
		r.fail(s, out.Explain())
		return nil
	}
	seen := out.Explain()
	r.expectation(s, true, seen)
	r.say(s, "held", seen)
	return nil
}

// instant is a view of this moment. Kubernetes objects are listed, so that it
// is not older than the actions before it.
func (r *run) instant(ctx context.Context, cond condition) *check.View {
	type answer struct {
		objects []*unstructured.Unstructured
		err     error
	}
	answers := map[schema.GroupVersionKind]answer{}
	for _, gvk := range cond.Needs().Kinds {
		if _, ok := answers[gvk]; !ok {
			objects, _, err := r.kube.list(ctx, gvk, "")
			answers[gvk] = answer{objects, err}
		}
	}
	return r.view(ctx, time.Time{}, func(gvk schema.GroupVersionKind) ([]*unstructured.Unstructured, error) {
		a := answers[gvk]
		return a.objects, a.err
	})
}

// window looks at an expectation at every change, and at each whole second,
// until its window closes. It is given up, with errBroken, when one of the steps that
// stand beside it has failed; beside is nil for one of those.
func (r *run) window(ctx context.Context, s script.Step, cond condition, beside func() []<-chan struct{}) (check.Outcome, error) {
	began := time.Now()
	end := began.Add(s.After + s.Span)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	n := cond.Needs()
	l := openLens(watching, r.kube, n.Kinds)
	v := r.view(ctx, began, l.get)
	for {
		// The channels are asked for before looking, so that a change that
		// comes while looking is not missed.
		changes := r.changes(n, l)
		out := cond.Eval(v)
		now := time.Now()
		if verdict, done := judge(s, out, unsent(cond, v), now.Sub(began)); done {
			return verdict, nil
		}
		if beside != nil {
			if held, err := r.settle(); err != nil {
				return check.Outcome{}, err
			} else if !held {
				return check.Outcome{}, errBroken
			}
			changes = append(changes, beside()...)
		}
		if err := waitAny(ctx, changes, min(clock.UntilTick(now, time.Second), end.Sub(now))); err != nil {
			return check.Outcome{}, err
		}
	}
}

// judge decides whether a window's expectation is settled, by what is seen and
// for how long the window has been open.
//
// within D: it must become true no later than D after the window opened; with
// after A, no earlier than A and no later than A+D. throughout D: it must be
// true at every moment from the opening to D. An expectation on traffic of
// which nothing was sent in the window says nothing: within and when go on waiting,
// and throughout fails at its end.
func judge(s script.Step, out check.Outcome, unsent string, open time.Duration) (check.Outcome, bool) {
	took := script.Short(open.Truncate(time.Millisecond))
	fail := func(reason string) (check.Outcome, bool) {
		return check.Outcome{Explain: func() string { return reason + out.Explain() }}, true
	}
	over := open >= s.After+s.Span
	if s.Opens == script.Throughout {
		switch {
		case !out.OK:
			return fail(fmt.Sprintf("after %s of %s: ", took, script.Short(s.Span)))
		case over && unsent != "":
			return fail(fmt.Sprintf("nothing was sent by traffic %s in these %s: ", unsent, script.Short(s.Span)))
		}
		return out, over
	}
	switch {
	case out.OK && unsent == "" && open < s.After:
		return fail(fmt.Sprintf("too early, after %s instead of %s: ", took, script.Short(s.After)))
	case out.OK && unsent == "":
		return out, true
	case over && out.OK:
		return fail(fmt.Sprintf("nothing was sent by traffic %s in these %s: ", unsent, script.Short(s.After+s.Span)))
	case over && s.Opens == script.When:
		return fail(fmt.Sprintf("the moment did not come within %s: ", script.Short(s.Span)))
	case over:
		return fail(fmt.Sprintf("not within %s: ", script.Short(s.After+s.Span)))
	}
	return out, false
}

// unsent names a traffic that a check is about and that sent nothing.
func unsent(cond condition, v *check.View) string {
	if c, ok := cond.(*check.Evaluation); ok {
		return c.Unsent(v)
	}
	return ""
}

// changes are the channels that tell of a change in what a condition needs.
func (r *run) changes(n check.Needs, l *lens) []<-chan struct{} {
	var all []<-chan struct{}
	if len(n.Kinds) > 0 {
		all = append(all, l.wait())
	}
	for _, name := range n.Traffic {
		if rec, ok := r.world.Traffic(name); ok {
			_, changed := rec.Results(time.Now())
			all = append(all, changed)
		}
	}
	if n.Watches {
		all = append(all, r.watches.wait())
	}
	if n.Timeline {
		_, changed := r.world.Timeline().Since(r.world.Timeline().Last().Seq)
		all = append(all, changed)
	}
	return all
}

// waitAny waits until one of the channels is closed, but not longer than d.
func waitAny(ctx context.Context, changes []<-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	cases := []reflect.SelectCase{
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(t.C)},
	}
	for _, c := range changes {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)})
	}
	if chosen, _, _ := reflect.Select(cases); chosen == 0 {
		return ctx.Err()
	}
	return nil
}
