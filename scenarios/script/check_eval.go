package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/traffic"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	var n needs
	for _, name := range e.vars {
		if gvk, ok := celLists[name]; ok {
			n.kinds = append(n.kinds, gvk)
		}
		switch name {
		case "timeline", "components", "machines", "containers", "incidents", "support", "backups", "restores", "repairs",
			"operations", "cases", "patches", "cves", "replicas", "features", "gates":
			n.timeline = true
		case "watches":
			n.watches = true
		}
	}
	for _, o := range e.objects {
		n.kinds = append(n.kinds, o.gvk)
	}
	n.traffic = e.traffic
	return n
}

func (b *boundCheck) eval(v *view) outcome {
	for _, gvk := range b.looksAt.kinds {
		if _, err := v.objects(gvk); err != nil {
			return unreachable(err)
		}
	}
	vars := activation{view: v, check: b, known: map[string]any{}}
	if b.judges() {
		var err error
		if vars.contract, err = v.run.world.Contract(""); err != nil {
			return outcome{explain: func() string { return "cannot be judged: " + err.Error() }}
		}
	}
	if slices.Contains(b.vars, "gates") {
		var err error
		if vars.gates, err = v.run.world.FeatureGates(v.ctx); err != nil {
			return unreachable(err)
		}
	}
	if b.costly {
		return tooCostly
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
		t = &tally{since: v.since, celTraffic: celTraffic{Success: 1, Reasons: map[string]int64{}, Backends: map[string]int64{}}}
		b.totals[name] = t
	}
	if rec, ok := v.run.world.Traffic(name); ok {
		t.read(rec, v.run.ready)
	}
	return t
}

// tally counts the results of one traffic as they come, so that no result is
// looked at twice.
type tally struct {
	celTraffic
	since time.Time
	seen  int // results that were counted or skipped
}

func (t *tally) read(rec *traffic.Record, ready time.Time) {
	results, _ := rec.Results(time.Time{})
	for _, res := range results[t.seen:] {
		t.seen++
		if res.Time.Before(t.since) {
			continue
		}
		t.Sent++
		t.Last = celResult{
			Time: seconds(res.Time, ready), Latency: res.Latency.Seconds(),
			Status: int64(res.Status), Reason: res.Reason, Backend: res.Backend,
		}
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
	view  *view
	check *boundCheck
	known map[string]any
	// contract is set if the check asks for a judgement.
	contract api.Contract
	// gates is set if the check asks for them.
	gates []api.FeatureGate
}

var _ interpreter.Activation = activation{}

// Parent is nil: there is no outer scope.
func (a activation) Parent() cel.Activation { return nil }

// ResolveName finds a variable's value.
func (a activation) ResolveName(name string) (any, bool) {
	if v, ok := a.known[name]; ok {
		return v, true
	}
	v, ok := a.resolve(strings.TrimPrefix(name, "."))
	if ok {
		a.known[name] = v
	}
	return v, ok
}

func (a activation) resolve(name string) (any, bool) {
	r := a.view.run
	if gvk, ok := celLists[name]; ok {
		return a.list(gvk), true
	}
	switch name {
	case "now":
		return seconds(time.Now(), r.ready), true
	case "traffic":
		return a.traffic(), true
	case "timeline":
		return r.celTimeline(), true
	case "components":
		return r.celComponents(), true
	case "machines":
		return r.celMachines(), true
	case "containers":
		return r.celContainers(), true
	case "incidents":
		if a.check.judged {
			return convert(a.contract.Incidents, r.celJudged), true
		}
		return convert(r.world.Incidents(), r.celIncident), true
	case "support":
		return r.celSupport(a.contract.Support), true
	case "backups":
		return r.celBackups(), true
	case "restores":
		return r.celRestores(), true
	case "repairs":
		return r.celRepairs(), true
	case "cases":
		return r.celCases(), true
	case "operations":
		return r.celOperations(), true
	case "patches":
		return r.celPatches(), true
	case "cves":
		return r.celCVEs(), true
	case "replicas":
		return r.celReplicas(), true
	case "features":
		return r.celFeatures(), true
	case "gates":
		return convert(a.gates, func(g api.FeatureGate) *celGate { return new(celGate(g)) }), true
	case "watches":
		return r.watches.state(), true
	case objectsVar:
		return a.objects(), true
	}
	return nil, false
}

func (a activation) traffic() map[string]*celTraffic {
	names := a.check.looksAt.traffic
	m := make(map[string]*celTraffic, len(names))
	for _, name := range names {
		if _, ok := a.view.run.world.Traffic(name); ok {
			m[name] = &a.check.tally(a.view, name).celTraffic
		}
	}
	return m
}

func (a activation) list(gvk schema.GroupVersionKind) []any {
	objects, err := a.view.objects(gvk)
	if err != nil {
		return nil
	}
	list := make([]any, 0, len(objects))
	for _, obj := range objects {
		list = append(list, obj.Object)
	}
	return list
}

func (a activation) objects() map[string]any {
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

// seconds is a time as checks see it; 0 for no time.
func seconds(t, ready time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return t.Sub(ready).Seconds()
}
