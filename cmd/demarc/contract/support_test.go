package contract

import (
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
)

func TestSupportCommands(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	x := api.Case{
		ID: "1", CaseAbout: api.CaseAbout{Component: "coredns"}, Symptom: "DNS fails", Severity: api.SeverityA, Edition: "2019-04",
		State: api.CaseWaitsForCustomer, Subject: "networkpolicy/shop/closed", Asks: "allow port 53", Opened: at, Due: at.Add(time.Hour), Answered: at.Add(15 * time.Minute),
		Verdict:      api.Verdict{Owner: "customer", Coverage: "not-covered", Remedy: "customer", Clauses: []string{"workloads.customer"}},
		Findings:     []api.CaseFinding{{Source: "networkpolicy/shop/closed", Says: "no port 53"}},
		Conversation: []api.CaseEntry{{At: at, By: api.RoleCustomer, Text: "DNS fails"}},
	}
	opened := x
	opened.State, opened.Answered, opened.Verdict = api.CaseOpened, time.Time{}, api.Verdict{}
	home := commandtest.Engine(t, commandtest.Answers{
		"Cases":          []api.Case{x},
		"OpenCase":       opened,
		"Case 1":         x,
		"EscalateCase 1": x,
		"CloseCase 1":    x,
	})
	for _, c := range []struct {
		args       []string
		code       int
		out, error string
	}{
		{[]string{"support", "open", "DNS fails", "--component", "coredns", "--severity", "a"}, command.Held, "case 1, severity A: an answer is promised by 2026-01-05 09:00:00", ""},
		{[]string{"support", "open", "DNS fails", "-o", "json"}, command.Held, `"state": "opened"`, ""},
		{[]string{"support", "open", " "}, command.BadRequest, "", "a case needs a symptom"},
		{[]string{"support", "open", "x", "--component", "corends"}, command.BadRequest, "", "did you mean coredns?"},
		{[]string{"support", "open", "x", "--topic", "howto"}, command.BadRequest, "", "did you mean how-to?"},
		{[]string{"support", "open", "x", "--severity", "D"}, command.BadRequest, "", "want A (critical), B (moderate) or C"},
		{[]string{"support", "open", "x", "--chart", "istio", "--namespace", "mesh"}, command.BadRequest, "", "a case is about one thing"},
		{[]string{"support", "list"}, command.Held, "1     A         waiting for customer  customer  not-covered  customer  2026-01-05 08:00:00\n    networkpolicy/shop/closed: DNS fails\n", ""},
		{[]string{"support", "show", "case/1"}, command.Held, "Support waits for you: allow port 53", ""},
		{[]string{"support", "show", "1"}, command.Held, "  networkpolicy/shop/closed: no port 53\n", ""},
		{[]string{"support", "show", "9"}, command.BadRequest, "", "there is no case 9"},
		{[]string{"support", "escalate", "1", "--text", "hurry"}, command.Held, "case 1: escalated; severity A", ""},
		{[]string{"support", "close", "1"}, command.Held, "case 1: closed;", ""},
		{[]string{"support", "open", "--help"}, command.Held, "how do I write an ingress controller?", ""},
		{[]string{"__complete", "support", "show", ""}, command.Held, "1\twaiting for customer: DNS fails\n", ""},
		{[]string{"__complete", "support", "open", "x", "--component", "core"}, command.Held, "coredns\n", ""},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, errout := demarc.Run(t, home, c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%s\n%s\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}
