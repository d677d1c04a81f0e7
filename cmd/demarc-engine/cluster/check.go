package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
	"demarc/scenarios/script/run"
	"demarc/sim/api"
	"demarc/sim/traffic"
)

// Check looks at an expression of the scenarios' checks: now, or in a window of virtual
// time.
func (c *Cluster) Check(ctx context.Context, expression, within, throughout string) (api.CheckResult, error) {
	step := script.Step{Opens: script.At, Expect: &script.Expectation{Check: expression}}
	if within != "" && throughout != "" {
		return api.CheckResult{}, api.Errorf(http.StatusBadRequest, "a check is looked at within a time or throughout one, not both")
	}
	if window := cmp.Or(within, throughout); window != "" {
		step.Opens = script.Within
		if throughout != "" {
			step.Opens = script.Throughout
		}
		var err error
		if step.Span, err = script.ParseDuration(window); err == nil && (step.Span <= 0 || step.Span > script.MaxSpan) {
			err = fmt.Errorf("%q is not a time for which a check can be looked at", window)
		}
		if err != nil {
			return api.CheckResult{}, api.WithStatus(http.StatusBadRequest, err)
		}
		if c.dial.Clock().Rate == 0 {
			return api.CheckResult{}, api.Errorf(http.StatusConflict, "the virtual clock is paused, so that the %s would never be over: demarc clock run", window)
		}
	}
	c.mu.Lock()
	ready := c.readyAt
	c.mu.Unlock()
	if ready.IsZero() {
		return api.CheckResult{}, api.Errorf(http.StatusConflict, "the cluster is not ready yet")
	}
	names := script.Convert(c.traffic.Specs(), func(s traffic.Spec) string { return s.Name })
	out, mistakes, err := run.Look(ctx, c, ready, names, step)
	if out == nil && err == nil {
		return api.CheckResult{}, api.Errorf(http.StatusBadRequest, "%s", mistaken(mistakes))
	}
	if err != nil {
		return api.CheckResult{}, err
	}
	return api.CheckResult{Held: out.OK, Seen: out.Explain(), At: time.Now().UTC()}, nil
}

// mistaken says what is wrong with an expression.
func mistaken(mistakes []check.Mistake) string {
	lines := script.Convert(mistakes, func(m check.Mistake) string {
		text := fmt.Sprintf("the expression, line %d, column %d: %s", m.Line, max(m.Column, 1), m.Message)
		if m.Suggestion != "" {
			text += fmt.Sprintf(" (did you mean %q?)", m.Suggestion)
		}
		return text
	})
	return strings.Join(lines, "\n")
}
