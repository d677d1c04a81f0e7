package script

import (
	"strings"
	"testing"
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
		{`timeline.exists(e, e.verb == "crash" && e.time == 1.0 && e.actor == "provider")`, true, ""},
		{`timeline.size() > 7`, false, "timeline.size() = 1"},
		{`quantity("1Gi").isGreaterThan(quantity("1Mi"))`, true, ""},
		{`size(incidents) == 0 && deployments.size() == 0`, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			report, _, _ := play(t, "at 1s crash etcd\nat 5s check check.cel\n-- check.cel --\n"+tt.check+"\n", func(w *fakeWorld) {
				w.pod(t, "a", "Running")
			})
			got := report.Expectations[0]
			if got.Held != tt.held || !strings.Contains(got.Seen, tt.seen) {
				t.Errorf("got held=%v, want %v; want %q in:\n%s", got.Held, tt.held, tt.seen, got.Seen)
			}
		})
	}
}
