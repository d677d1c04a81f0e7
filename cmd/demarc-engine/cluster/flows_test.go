package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane"
	"demarc/sim/timeline"
)

// A flow is throttled from its first rejection until none has come for a minute.
func TestAFlowIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Cluster{ctx: t.Context(), log: timeline.New()}
		c.faults = c.newFaults()
		c.incidents = incident.NewLedger(c.log, c.faults.Holds, c.faults.Event)
		f := flows{of: c}
		reject := func(user string) {
			f.rejected(controlplane.Rejection{User: user, FlowSchema: "service-accounts", PriorityLevel: "workload-low"})
		}
		const subject = "serviceaccount/load/flood"
		for range 3 {
			reject("system:serviceaccount:load:flood")
			reject("system:kube-scheduler")
			time.Sleep(40 * time.Second)
		}
		events, _ := c.log.Since(0)
		if _, open := c.incidents.Open(subject); len(events) != 1 || events[0].Verb != "throttled" || events[0].Actor != timeline.Customer || events[0].Subject != subject || !open {
			t.Fatalf("while it asks: %+v, outage open %t", events, open)
		}
		time.Sleep(time.Minute)
		c.work.Wait()
		e := c.log.Last()
		if _, open := c.incidents.Open(subject); e.Verb != "recovered" || e.Cause != events[0].Seq || e.Detail.Flow.Rejected != 3 || open {
			t.Errorf("a minute later: %+v, outage open %t", e, open)
		}
		reject("system:serviceaccount:load:flood")
		synctest.Wait()
		if e := c.log.Last(); e.Verb != "throttled" {
			t.Errorf("when it asks again: %+v", e)
		}
		time.Sleep(2 * time.Minute)
		c.work.Wait()
	})
}

func TestAsker(t *testing.T) {
	for user, want := range map[string]string{
		"masterclient":                              "user/masterclient",
		"CORP/anna":                                 "user/CORP-anna",
		"system:serviceaccount:load:flood":          "serviceaccount/load/flood",
		"system:serviceaccount:kube-system:coredns": "",
		"system:kube-scheduler":                     "",
		"system:node:a":                             "",
		"system:anonymous":                          "user/system:anonymous",
	} {
		if got := asker(user); got != want {
			t.Errorf("%s: got %q, want %q", user, got, want)
		}
	}
}
