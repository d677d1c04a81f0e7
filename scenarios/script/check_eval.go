package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/scenarios/script/celtype"
	"demarc/sim/api"
	"demarc/sim/traffic"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/interpreter"
)

func (c checkCondition) bind(r *run) (bound, error) {
	text := replaceNodes(c.text, r.world.NodeName)
	if text == c.text {
		return newBoundCheck(c.expr, r), nil
	}
	p := parser{script: r.script, traffic: r.linesOf(verbTraffic.Name), watches: r.linesOf(verbWatch.Name)}
	e := p.compileCheck(text, 0, 1)
	if e == nil {
		return nil, fmt.Errorf("check %s: %s", text, p.problems[0].Message)
	}
	return newBoundCheck(e, r), nil
}

// boundCheck is a check in a run.
type boundCheck struct {
	*expression
	looksAt needs
	totals  map[string]*tally
	costly  bool // it has cost too much once
}

func newBoundCheck(e *expression, r *run) *boundCheck {
	b := &boundCheck{expression: e, looksAt: e.looksAt(), totals: map[string]*tally{}}
	if e.anyTraffic {
		b.looksAt.traffic = r.started
	}
	return b
}

func (b *boundCheck) needs() needs { return b.looksAt }

// looksAt is what the expression looks at.
func (e *expression) looksAt() needs {
	n := needs{traffic: e.traffic}
	for _, v := range e.variables {
		n.kinds = append(n.kinds, v.needs.kinds...)
		n.timeline, n.watches = n.timeline || v.needs.timeline, n.watches || v.needs.watches
	}
	for _, o := range e.objects {
		n.kinds = append(n.kinds, o.gvk)
	}
	return n
}

func (b *boundCheck) eval(v *view) outcome {
	if b.costly {
		return tooCostly
	}
	vars := &activation{view: v, check: b, known: map[string]any{}}
	for _, x := range b.variables {
		if !x.fails {
			continue
		}
		if _, err := vars.get(x); err != nil {
			return failed(err)
		}
	}
	for _, o := range b.objects {
		if _, err := v.objects(o.gvk); err != nil {
			return failed(unreachable(err))
		}
	}
	val, _, err := b.program.Eval(vars)
	if cancelled := (interpreter.EvalCancelledError{}); errors.As(err, &cancelled) {
		b.costly = true
		return tooCostly
	}
	if err != nil {
		return outcome{explain: func() string { return "cannot be evaluated: " + err.Error() + b.parts(vars) }}
	}
	ok, isBool := val.Value().(bool)
	if !isBool {
		return outcome{explain: func() string { return fmt.Sprintf("is %s, not true or false", formatValue(val)) }}
	}
	return outcome{ok: ok, explain: func() string { return strings.TrimPrefix(b.parts(vars), "\n") }}
}

// tooCostly is the outcome of a check that costs too much: it is not evaluated again.
var tooCostly = outcome{explain: func() string {
	return fmt.Sprintf("cannot be evaluated: it costs more than %d of CEL's units; let it go through fewer things", checkCost)
}}

// unsent names a traffic of which nothing has been sent since the window
// began, or is empty.
func (b *boundCheck) unsent(v *view) string {
	for _, name := range b.traffic {
		if b.tally(v, name).Sent == 0 {
			return name
		}
	}
	return ""
}

// tally counts a traffic since the view's window began.
func (b *boundCheck) tally(v *view, name string) *tally {
	t, ok := b.totals[name]
	if !ok || !t.since.Equal(v.since) {
		t = &tally{since: v.since, trafficSeen: trafficSeen{Success: 1, Reasons: map[string]int64{}, Backends: map[string]int64{}}}
		b.totals[name] = t
	}
	if rec, ok := v.run.world.Traffic(name); ok {
		t.read(rec)
	}
	return t
}

// tally counts the results of one traffic as they come, so that no result is
// looked at twice.
type tally struct {
	trafficSeen
	since time.Time
	seen  int // results that were counted or skipped
}

// trafficSeen is a traffic as checks see it.
type trafficSeen struct {
	Sent      int64            `json:"sent"`
	Succeeded int64            `json:"succeeded"`
	Failed    int64            `json:"failed"`
	Success   float64          `json:"success"`
	Reasons   map[string]int64 `json:"reasons"`
	Backends  map[string]int64 `json:"backends"`
	Last      traffic.Result   `json:"last"`
}

func (t *tally) read(rec *traffic.Record) {
	results, _ := rec.Results(time.Time{})
	for _, res := range results[t.seen:] {
		t.seen++
		if res.Time.Before(t.since) {
			continue
		}
		t.Sent++
		t.Last = res
		if res.Reason != "" {
			t.Failed++
			t.Reasons[res.Reason]++
			continue
		}
		t.Succeeded++
		if res.Backend != "" {
			t.Backends[res.Backend]++
		}
	}
	if t.Sent > 0 {
		t.Success = float64(t.Succeeded) / float64(t.Sent)
	}
}

// activation resolves variables when they are asked for, and no others.
type activation struct {
	view   *view
	check  *boundCheck
	known  map[string]any
	judged *api.Contract // nil until it is asked for
}

var _ interpreter.Activation = (*activation)(nil)

// Parent is nil: there is no outer scope.
func (a *activation) Parent() cel.Activation { return nil }

// ResolveName finds a variable's value.
func (a *activation) ResolveName(name string) (any, bool) {
	name = strings.TrimPrefix(name, ".")
	if name == objectsVar {
		return a.objects(), true
	}
	i := slices.IndexFunc(a.check.variables, func(v variable) bool { return v.name == name })
	if i < 0 {
		return nil, false
	}
	v, err := a.get(a.check.variables[i])
	return v, err == nil
}

// get is a variable's value at the moment of the activation.
func (a *activation) get(v variable) (any, error) {
	if known, ok := a.known[v.name]; ok {
		return known, nil
	}
	value, err := v.value(a)
	if err != nil {
		return nil, err
	}
	a.known[v.name] = celtype.Since(a.view.run.ready).NativeToValue(value)
	return a.known[v.name], nil
}

// traffic are the traffics that the check looks at.
func (a *activation) traffic() map[string]*trafficSeen {
	m := map[string]*trafficSeen{}
	for _, name := range a.check.looksAt.traffic {
		if _, ok := a.view.run.world.Traffic(name); ok {
			m[name] = &a.check.tally(a.view, name).trafficSeen
		}
	}
	return m
}

// objects are the objects that object(…) can return, by their kinds and names.
func (a *activation) objects() map[string]any {
	m := map[string]any{}
	for _, o := range a.check.objects {
		objects, err := a.view.objects(o.gvk)
		if err != nil {
			continue
		}
		for _, obj := range objects {
			m[strings.Join([]string{o.gvk.GroupVersion().String(), o.gvk.Kind, obj.GetNamespace(), obj.GetName()}, " ")] = obj.Object
		}
	}
	return m
}
