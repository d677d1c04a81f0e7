package run

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
)

// TestChecks evaluates checks against the fake world, in which the pod a is
// running, n-1 has no power, and etcd is healthy.
func TestChecks(t *testing.T) {
	tests := []struct {
		check string
		held  bool
		seen  string
	}{
		{`pods.exists(p, p.metadata.name == "a" && p.status.phase == "Running")`, true, ""},
		{`pods.all(p, p.status.phase == "Failed")`, false, `not true for: ["Pod default/a (Running)"]`},
		{`pods.filter(p, p.metadata.?labels.?app.orValue("") == "shop").size() == 1`, true, ""},
		{`pods[0].status.readyReplicas == 1`, false, "no such key: readyReplicas"},
		{`object("v1", "Pod", "default", "a").status.phase == "Running"`, true, ""},
		{`object("v1", "Pod", "default", "b") == null`, true, ""},
		{`components["etcd"].healthy && components.etcd.starts == 1`, true, ""},
		{`components.etcd.state == "crashed"`, false, `components.etcd.state = "running"`},
		{`machines.exists(m, m.name == "$(node/1)" && m.power == "stopped")`, true, ""},
		{`now == 5.0`, true, ""},
		{`timeline.exists(e, e.verb == "crashed" && e.time == 1.0 && e.actor == "provider")`, true, ""},
		{`timeline.size() > 7`, false, "timeline.size() = 3"},
		{`quantity("1Gi").isGreaterThan(quantity("1Mi"))`, true, ""},
		{`size(incidents) == 0 && deployments.size() == 0`, true, ""},
		{`backups.size() == 2 && backups[0].id == "b1" && backups[1].at == 4.0 && backups[1].problem == "short"`, true, ""},
		{`backups.all(b, b.verified)`, false, `"id":"b2"`},
		{`backups[0].keys == 7 && backups[0].databaseBytes == 4096 && backups[0].slot == -3.0 && backups[0].duration == 0.5`, true, ""},
		{`restores[0].phase == "done" && restores[0].rpo == 1800.0 && restores[0].rto < 60 && restores[0].skipped == ["b2"]`, true, ""},
		{`restores[0].orphanedPods.exists(p, p == "default/a") && restores[0].revivedPods.size() == 0 && restores[0].end == 0.0`, true, ""},
		{`replicas.exists(r, r.state == "leader" && r.term == 3 && r.last - r.applied == 1)`, true, ""},
		{`replicas.all(r, r.network == "up")`, false, `"name":"1"`},
		{`watches.size() == 0`, true, ""},
		{`account.failedBy.customer == 0 && account.outages.size() == 0 && account.healers.size() == 0`, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			report, _, _ := play(t, "at 1s crash etcd\nat 5s check check.cel\n-- check.cel --\n"+tt.check+"\n", func(w *fakeWorld) {
				w.pod(t, "a", "Running")
				began := time.Now()
				w.backUp(api.Backup{ID: "b2", At: began.Add(4 * time.Second), Problem: "short"})
				w.backUp(api.Backup{ID: "b1", Slot: began.Add(-3 * time.Second), At: began, Verified: true, Keys: 7, DatabaseBytes: 4096, DurationSeconds: 0.5})
				w.restores = []api.Restore{{
					ID: "r1", Phase: api.RestoreDone, RPOSeconds: 1800, RTOSeconds: 42, Skipped: []api.SkippedBackup{{ID: "b2", Reason: "short"}},
					Reconciled: api.Reconciled{OrphanedPods: []string{"default/a"}},
				}}
			})
			got := report.Expectations[0]
			if got.Held != tt.held || !strings.Contains(got.Seen, tt.seen) {
				t.Errorf("got held=%v, want %v; want %q in:\n%s", got.Held, tt.held, tt.seen, got.Seen)
			}
		})
	}
}

// TestAccountOfTheSameRequests checks that the report and the counts beside it are of the
// same requests, whatever ends while a check is looked at.
func TestAccountOfTheSameRequests(t *testing.T) {
	report, _, _ := play(t, "at 0s traffic shop from=outside to=service/shop rate=1/s\nthroughout 5s check 'account.failedBy.shared == traffic.shop.failed'\n",
		func(w *fakeWorld) { w.busy.Store(40) })
	if got := report.Expectations[0]; !got.Held {
		t.Errorf("got %+v", got)
	}
}

// dear is a check that would go on for years.
var dear = strings.Repeat("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16].all(x, ", 12) + "true" + strings.Repeat(")", 12)

// TestDearChecks checks that a check that costs too much ends, and is not evaluated
// again while its window lasts.
func TestDearChecks(t *testing.T) {
	report, _, _ := play(t, "at 1s crash etcd\nwithin 2h check check.cel\n-- check.cel --\n"+dear+"\n", nil)
	if got := report.Expectations[0]; got.Held || !strings.Contains(got.Seen, "costs more than") {
		t.Errorf("got %+v", got)
	}
}
