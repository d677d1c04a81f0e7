package run

import (
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
)

// judged is a contract by which an outage of a node is the customer's, though the
// platform was named when it began, and is prolonged by the provider.
func judged(start time.Time) api.Contract {
	i := api.Incident{ID: "i1", Subject: "node/n-0", Owner: "provider", Start: start, End: start.Add(20 * time.Second)}
	return api.Contract{
		Edition: "2026-08",
		Incidents: []api.JudgedIncident{{Incident: i, Judgement: api.Judgement{
			Owner: "customer", Coverage: "best-effort", Remedy: "automatic", Clauses: []string{"nodes.self-healing"}, Rule: "r", Sentence: "s", Chain: []int64{2, 1},
			Shares: []api.Share{{Owner: "customer", From: start, To: start.Add(5 * time.Second), Event: 1}, {Owner: "provider", From: start.Add(5 * time.Second), To: i.End, Clause: "c", Why: "late"}},
		}}},
		Support: api.Supportability{
			State: "at-risk", Reasons: []api.Reason{{State: "at-risk", Event: 1, Clause: "c", Sentence: "s", WayBack: "undo it", From: start}},
			History: []api.Period{{State: "supported", From: start, To: start}, {State: "at-risk", From: start, To: i.End}},
		},
	}
}

func TestJudgementInChecks(t *testing.T) {
	for _, check := range []string{
		"incidents.all(i, i.owner == 'customer' && i.coverage == 'best-effort' && i.remedy == 'automatic' && 'nodes.self-healing' in i.clauses)",
		"incidents[0].shares.map(s, s.owner) == ['customer', 'provider'] && incidents[0].shares[1].clause == 'c' && incidents[0].chain == [2, 1]",
		"incidents[0].shares[0].to - incidents[0].shares[0].from == 5.0 && incidents[0].rule == 'r'",
		"support.state == 'at-risk' && support.reasons[0].wayBack == 'undo it' && support.past.exists(p, p.state == 'supported')",
	} {
		report, _, _ := play(t, "at 1s check \""+check+"\"\n", func(w *fakeWorld) { w.contract = judged(time.Now()) })
		if report.Verdict != api.VerdictHeld {
			t.Errorf("%s: %+v", check, report.Expectations)
		}
		if report.Edition != "2026-08" || len(report.Judgements) != 1 || report.Support.State != "at-risk" {
			t.Errorf("report: got edition %s, %d judgements, support %q", report.Edition, len(report.Judgements), report.Support.State)
		}
	}
}

// TestUnjudged checks that a check on judgements does not hold where there is none,
// though it says something of all of them.
func TestUnjudged(t *testing.T) {
	r := &run{world: &fakeWorld{unjudged: errors.New("no rule")}, watches: newWatches(t.Context(), nil)}
	c, err := r.bind(&script.Expectation{Check: "incidents.all(i, i.owner == 'customer')"})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Eval(r.view(t.Context(), time.Time{}, nil))
	if got.OK || !strings.Contains(got.Explain(), "cannot be judged: no rule") {
		t.Errorf("got %v, %s", got.OK, got.Explain())
	}
}
