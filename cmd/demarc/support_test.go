package main

import (
	"strings"
	"testing"
	"time"

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
	home := fakeEngine(t, map[string]func() any{
		"GET " + api.PathCases:                  always([]api.Case{x}),
		"POST " + api.PathCases:                 always(opened),
		"GET " + api.PathCase + "1":             always(x),
		"POST " + api.PathCase + "1/escalate":   always(x),
		"POST " + api.PathCase + "1" + "/close": always(x),
	})
	for _, c := range []struct {
		args       []string
		code       int
		out, error string
	}{
		{[]string{"support", "open", "DNS fails", "--component", "coredns", "--severity", "a"}, exitHeld, "case 1, severity A: an answer is promised by 2026-01-05 09:00:00", ""},
		{[]string{"support", "open", "DNS fails", "-o", "json"}, exitHeld, `"state": "opened"`, ""},
		{[]string{"support", "open", " "}, exitInput, "", "a case needs a symptom"},
		{[]string{"support", "open", "x", "--component", "corends"}, exitInput, "", "did you mean coredns?"},
		{[]string{"support", "open", "x", "--topic", "howto"}, exitInput, "", "did you mean how-to?"},
		{[]string{"support", "open", "x", "--severity", "D"}, exitInput, "", "want A (critical), B (moderate) or C"},
		{[]string{"support", "open", "x", "--chart", "istio", "--namespace", "mesh"}, exitInput, "", "a case is about one thing"},
		{[]string{"support", "list"}, exitHeld, "1     A         waiting for customer  networkpolicy/shop/closed  customer  not-covered  customer", ""},
		{[]string{"support", "show", "case/1"}, exitHeld, "Support waits for you: allow port 53", ""},
		{[]string{"support", "show", "1"}, exitHeld, "  networkpolicy/shop/closed: no port 53\n", ""},
		{[]string{"support", "show", "9"}, exitInput, "", "there is no case 9"},
		{[]string{"support", "escalate", "1", "--text", "hurry"}, exitHeld, "case 1: escalated; severity A", ""},
		{[]string{"support", "close", "1"}, exitHeld, "case 1: closed;", ""},
		{[]string{"support", "open", "--help"}, exitHeld, "how do I write an ingress controller?", ""},
		{[]string{"__complete", "support", "show", ""}, exitHeld, "1\twaiting for customer: DNS fails\n", ""},
		{[]string{"__complete", "support", "open", "x", "--component", "core"}, exitHeld, "coredns\n", ""},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, errout := runIn(t, home, c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%s\n%s\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
		})
	}
}
