package script

import "demarc/sim/api"

// celCase is a support case as checks see it. Times are seconds since the cluster was
// ready, and 0 for what has not happened.
type celCase struct {
	ID       string   `cel:"id"`
	State    string   `cel:"state"`
	Severity string   `cel:"severity"`
	Subject  string   `cel:"subject"`
	Owner    string   `cel:"owner"`
	Coverage string   `cel:"coverage"`
	Remedy   string   `cel:"remedy"`
	Clauses  []string `cel:"clauses"`
	Sentence string   `cel:"sentence"`
	Findings []string `cel:"findings"`
	Asks     string   `cel:"asks"`
	Node     string   `cel:"node"`
	Issue    string   `cel:"issue"`
	Opened   float64  `cel:"opened"`
	Due      float64  `cel:"due"`
	Answered float64  `cel:"answered"`
	Closed   float64  `cel:"closed"`
	ClosedBy string   `cel:"closedBy"`
	Said     []string `cel:"said"`
}

func (r *run) celCases() []*celCase {
	return convert(r.world.Cases(), func(x api.Case) *celCase {
		c := &celCase{
			ID: x.ID, State: x.State, Severity: string(x.Severity), Subject: x.Subject, Owner: x.Verdict.Owner, Coverage: x.Verdict.Coverage, Remedy: x.Verdict.Remedy,
			Clauses: x.Verdict.Clauses, Sentence: x.Verdict.Sentence, Asks: x.Asks, Node: x.Restarts,
			Findings: convert(x.Findings, func(f api.CaseFinding) string { return f.Source + ": " + f.Says }),
			Opened:   seconds(x.Opened, r.ready), Due: seconds(x.Due, r.ready), Answered: seconds(x.Answered, r.ready), Closed: seconds(x.Closed, r.ready),
			ClosedBy: string(x.ClosedBy), Said: convert(x.Conversation, func(e api.CaseEntry) string { return string(e.By) + ": " + e.Text }),
		}
		switch {
		case c.Node == "" && x.WaitsFor != "":
			c.Node = x.WaitsFor
		case c.Node == "":
			c.Node = x.CaseAbout.Node
		}
		if x.Upstream != nil {
			c.Issue = x.Upstream.Issue
		}
		return c
	})
}
