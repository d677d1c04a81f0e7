package script

import (
	"slices"

	"demarc/sim/api"
)

// judgedFields are the fields of incidents that are of their judgement. To judge
// takes the whole timeline, so incidents are judged for those who ask only.
var judgedFields = []string{"owner", "coverage", "remedy", "clauses", "rule", "sentence", "chain", "shares"}

// judges says whether the expression asks for a judgement.
func (e *expression) judges() bool {
	return e.judged && slices.Contains(e.vars, "incidents") || slices.Contains(e.vars, "support")
}

func (r *run) celIncident(i api.Incident) *celIncident {
	return &celIncident{
		ID: i.ID, Subject: i.Subject, Owner: string(i.Owner), Cause: i.Cause, Event: i.Event,
		Start: seconds(i.Start, r.ready), Detected: seconds(i.Detected, r.ready), End: seconds(i.End, r.ready), Open: i.End.IsZero(),
	}
}

func (r *run) celJudged(i api.JudgedIncident) *celIncident {
	c, v := r.celIncident(i.Incident), i.Judgement
	c.Owner, c.Coverage, c.Remedy, c.Clauses, c.Rule, c.Sentence, c.Chain = v.Owner, v.Coverage, v.Remedy, v.Clauses, v.Rule, v.Sentence, v.Chain
	c.Shares = convert(v.Shares, func(s api.Share) *celShare {
		return &celShare{Owner: s.Owner, From: seconds(s.From, r.ready), To: seconds(s.To, r.ready), Event: s.Event, Clause: s.Clause, Why: s.Why}
	})
	return c
}

func (r *run) celSupport(s api.Supportability) *celSupport {
	return &celSupport{
		State: s.State,
		Reasons: convert(s.Reasons, func(x api.Reason) *celReason {
			return &celReason{State: x.State, Event: x.Event, Clause: x.Clause, Sentence: x.Sentence, WayBack: x.WayBack, From: seconds(x.From, r.ready)}
		}),
		Past: convert(s.History, func(p api.Period) *celPeriod {
			return &celPeriod{State: p.State, From: seconds(p.From, r.ready), To: seconds(p.To, r.ready)}
		}),
	}
}
