package check

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"demarc/scenarios/script/celtype"
	"demarc/sim/api"
	"demarc/sim/traffic"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/interpreter"
)

// Evaluation is an expression that is looked at again and again, for as long as one
// window is open.
type Evaluation struct {
	*Expression
	looksAt Needs
	totals  map[string]*tally
	costly  bool // it has cost too much once
}

// In makes an expression ready to be looked at. started are the names of all traffic.
func (e *Expression) In(started []string) *Evaluation {
	v := &Evaluation{Expression: e, looksAt: e.looksAt(), totals: map[string]*tally{}}
	if e.anyTraffic {
		v.looksAt.Traffic = started
	}
	return v
}

// Needs is what can change the outcome.
func (b *Evaluation) Needs() Needs { return b.looksAt }

// looksAt is what the expression looks at.
func (e *Expression) looksAt() Needs {
	n := Needs{Traffic: e.traffic}
	for _, v := range e.variables {
		n.Kinds = append(n.Kinds, v.needs.Kinds...)
		n.Timeline, n.Watches = n.Timeline || v.needs.Timeline, n.Watches || v.needs.Watches
	}
	for _, o := range e.objects {
		n.Kinds = append(n.Kinds, o.gvk)
	}
	return n
}

// Eval looks at the world as it is now.
func (b *Evaluation) Eval(v *View) Outcome {
	if b.costly {
		return tooCostly
	}
	vars := &activation{view: v, of: b, known: map[string]any{}}
	for _, x := range b.variables {
		if !x.fails {
			continue
		}
		if _, err := vars.get(x); err != nil {
			return Failed(err)
		}
	}
	for _, o := range b.objects {
		if _, err := v.Objects(o.gvk); err != nil {
			return Failed(Unreachable(err))
		}
	}
	val, _, err := b.program.Eval(vars)
	if cancelled := (interpreter.EvalCancelledError{}); errors.As(err, &cancelled) {
		b.costly = true
		return tooCostly
	}
	if err != nil {
		return Outcome{Explain: func() string { return "cannot be evaluated: " + err.Error() + b.parts(vars) }}
	}
	ok, isBool := val.Value().(bool)
	if !isBool {
		return Outcome{Explain: func() string { return fmt.Sprintf("is %s, not true or false", formatValue(val)) }}
	}
	return Outcome{OK: ok, Explain: func() string { return strings.TrimPrefix(b.parts(vars), "\n") }}
}

// tooCostly is the outcome of a check that costs too much: it is not evaluated again.
var tooCostly = Outcome{Explain: func() string {
	return fmt.Sprintf("cannot be evaluated: it costs more than %d of CEL's units; let it go through fewer things", checkCost)
}}

// Unsent names a traffic of which nothing has been sent since the window
// began, or is empty.
func (b *Evaluation) Unsent(v *View) string {
	for _, name := range b.traffic {
		if b.tally(v, name).Sent == 0 {
			return name
		}
	}
	return ""
}

// tally counts a traffic since the view's window began, to its newest result.
func (b *Evaluation) tally(v *View, name string) *tally { return b.tallyTo(v, name, math.MaxInt64) }

// tallyTo counts no more than the first results of a traffic.
func (b *Evaluation) tallyTo(v *View, name string, first int64) *tally {
	t, ok := b.totals[name]
	if !ok || !t.since.Equal(v.Since) {
		t = &tally{since: v.Since, trafficSeen: trafficSeen{Success: 1, Reasons: map[string]int64{}, Backends: map[string]int64{}}}
		b.totals[name] = t
	}
	if rec, ok := v.World.Traffic(name); ok {
		results, _ := rec.Results(time.Time{})
		t.read(results[:min(first, int64(len(results)))])
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

// read counts the results that it has not seen; there may be fewer than it has.
func (t *tally) read(results []traffic.Result) {
	for _, res := range results[min(t.seen, len(results)):] {
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
	view   *View
	of     *Evaluation
	known  map[string]any
	judged *api.Contract // nil until it is asked for
	// counted are how many results of each traffic the report has counted. The traffic
	// beside it is that of the same requests, though more have ended meanwhile.
	counted map[string]int64
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
	i := slices.IndexFunc(a.of.variables, func(v Variable) bool { return v.Name == name })
	if i < 0 {
		return nil, false
	}
	v, err := a.get(a.of.variables[i])
	return v, err == nil
}

// get is a variable's value at the moment of the activation.
func (a *activation) get(v Variable) (any, error) {
	if known, ok := a.known[v.Name]; ok {
		return known, nil
	}
	value, err := v.value(a)
	if err != nil {
		return nil, err
	}
	a.known[v.Name] = celtype.Since(a.view.Ready).NativeToValue(value)
	return a.known[v.Name], nil
}

// traffic are the traffics that the check looks at.
func (a *activation) traffic() map[string]*trafficSeen {
	m := map[string]*trafficSeen{}
	for _, name := range a.of.looksAt.Traffic {
		if _, ok := a.view.World.Traffic(name); !ok {
			continue
		}
		first, ok := a.counted[name]
		if !ok {
			first = math.MaxInt64
		}
		m[name] = &a.of.tallyTo(a.view, name, first).trafficSeen
	}
	return m
}

// objects are the objects that object(…) can return, by their kinds and names.
func (a *activation) objects() map[string]any {
	m := map[string]any{}
	for _, o := range a.of.objects {
		objects, err := a.view.Objects(o.gvk)
		if err != nil {
			continue
		}
		for _, obj := range objects {
			m[strings.Join([]string{o.gvk.GroupVersion().String(), o.gvk.Kind, obj.GetNamespace(), obj.GetName()}, " ")] = obj.Object
		}
	}
	return m
}
