package script

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"demarc/sim/clock"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// expect looks at an expectation: at once, or for as long as its window is open.
func (r *run) expect(ctx context.Context, s step) error {
	cond, err := s.cond.bind(r)
	if err != nil {
		r.fail(s, err.Error())
		return nil
	}
	var out outcome
	if s.opens == opensWithin || s.opens == opensThroughout {
		r.say(s, "waiting", "")
		out, err = r.window(ctx, s, cond)
	} else {
		out = cond.eval(r.instant(ctx, cond))
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", s.line, err)
	}
	if !out.ok {
		r.fail(s, out.explain())
		return nil
	}
	seen := out.explain()
	r.expectation(s, true, seen)
	r.say(s, "held", seen)
	return nil
}

// instant is a view of this moment. Kubernetes objects are listed, so that it
// is not older than the actions before it.
func (r *run) instant(ctx context.Context, cond bound) *view {
	type answer struct {
		objects []*unstructured.Unstructured
		err     error
	}
	answers := map[schema.GroupVersionKind]answer{}
	for _, gvk := range cond.needs().kinds {
		if _, ok := answers[gvk]; !ok {
			objects, _, err := r.kube.list(ctx, gvk, "")
			answers[gvk] = answer{objects, err}
		}
	}
	return &view{run: r, ctx: ctx, objects: func(gvk schema.GroupVersionKind) ([]*unstructured.Unstructured, error) {
		a := answers[gvk]
		return a.objects, a.err
	}}
}

// window looks at an expectation at every change, and at each whole second,
// until its window closes.
func (r *run) window(ctx context.Context, s step, cond bound) (outcome, error) {
	began := time.Now()
	end := began.Add(s.after + s.span)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	n := cond.needs()
	l := openLens(watching, r.kube, n.kinds)
	v := &view{run: r, ctx: ctx, since: began, objects: l.get}
	for {
		// The channels are asked for before looking, so that a change that
		// comes while looking is not missed.
		changes := r.changes(n, l)
		out := cond.eval(v)
		now := time.Now()
		if verdict, done := judge(s, out, unsent(cond, v), now.Sub(began)); done {
			return verdict, nil
		}
		if err := waitAny(ctx, changes, min(clock.UntilTick(now, time.Second), end.Sub(now))); err != nil {
			return outcome{}, err
		}
	}
}

// judge decides whether a window's expectation is settled, by what is seen and
// for how long the window has been open.
//
// within D: it must become true no later than D after the window opened; with
// after A, no earlier than A and no later than A+D. throughout D: it must be
// true at every moment from the opening to D. An expectation on traffic of
// which nothing was sent in the window says nothing: within goes on waiting,
// and throughout fails at its end.
func judge(s step, out outcome, unsent string, open time.Duration) (outcome, bool) {
	took := short(open.Truncate(time.Millisecond))
	fail := func(reason string) (outcome, bool) {
		return outcome{explain: func() string { return reason + out.explain() }}, true
	}
	over := open >= s.after+s.span
	if s.opens == opensThroughout {
		switch {
		case !out.ok:
			return fail(fmt.Sprintf("after %s of %s: ", took, short(s.span)))
		case over && unsent != "":
			return fail(fmt.Sprintf("nothing was sent by traffic %s in these %s: ", unsent, short(s.span)))
		}
		return out, over
	}
	switch {
	case out.ok && unsent == "" && open < s.after:
		return fail(fmt.Sprintf("too early, after %s instead of %s: ", took, short(s.after)))
	case out.ok && unsent == "":
		return out, true
	case over && out.ok:
		return fail(fmt.Sprintf("nothing was sent by traffic %s in these %s: ", unsent, short(s.after+s.span)))
	case over:
		return fail(fmt.Sprintf("not within %s: ", short(s.after+s.span)))
	}
	return out, false
}

// unsent names a traffic that a check is about and that sent nothing.
func unsent(cond bound, v *view) string {
	if c, ok := cond.(*boundCheck); ok {
		return c.unsent(v)
	}
	return ""
}

// changes are the channels that tell of a change in what a condition needs.
func (r *run) changes(n needs, l *lens) []<-chan struct{} {
	var all []<-chan struct{}
	if len(n.kinds) > 0 {
		all = append(all, l.wait())
	}
	for _, name := range n.traffic {
		if rec, ok := r.world.Traffic(name); ok {
			_, changed := rec.Results(time.Now())
			all = append(all, changed)
		}
	}
	if n.watches {
		all = append(all, r.watches.wait())
	}
	if n.timeline {
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
