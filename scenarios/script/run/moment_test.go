package run

import (
	"strings"
	"testing"
	"time"
)

// TestWhen proves when the actions of a moment run.
func TestWhen(t *testing.T) {
	running := "pods.exists(p, p.status.phase == \"Running\")"
	crashed := "\nfinally check 'timeline.exists(e, e.verb == \"crashed\" && e.time == "
	tests := []struct {
		name, script, want string
	}{
		{"acts at the moment", "when '" + running + "'\nthen crash etcd" + crashed + "3.0)'", "2 held@3, 4 held@3"},
		{"acts a while after it", "when '" + running + "' within 5s\nthen after 90s crash etcd" + crashed + "93.0)'", "2 held@3, 4 held@93"},
		{"holds already", "at 10s check 'true'\nwhen '" + running + "'\nthen crash etcd" + crashed + "10.0)'", "2 held@10, 3 held@10, 5 held@10"},
		{"the moment does not come", "when '" + running + "' within 2s\nthen crash etcd\nthen check 'true'\nfinally check '!timeline.exists(e, e.verb == \"crashed\")'",
			"2 failed@2, 4 unreached@2, 5 held@2"},
		{"nor in ten minutes", "when 'pods.size() == 7'\nthen crash etcd\nfinally check 'true'", "2 failed@600, 4 held@600"},
		{"an object", "when up.yaml\nthen crash etcd" + crashed + "3.0)'", "2 held@3, 4 held@3"},
		{"a section of CEL", "when runs\nthen refuse slow etcd latency=1s containing='slowed down'\nthen check 'now == 3.0'\n", "2 held@3, 3 held@3, 4 held@3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sections := ""
			if strings.Contains(tt.script, "up.yaml") {
				sections = up
			}
			if strings.Contains(tt.script, "when runs") {
				sections += "-- runs.cel --\n" + running + "\n"
			}
			report, _, _ := play(t, tt.script+"\n"+sections, func(w *fakeWorld) {
				w.pod(t, "a", "Pending")
				after(3*time.Second, func() { w.pod(t, "a", "Running") })
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWhenNamesItsPlace(t *testing.T) {
	report, _, _ := play(t, "at 0s crash etcd\nwhen 'pods.size() == 7' within 2s\nthen start etcd\nfinally check 'true'\n", nil)
	want := "test.txtar:3: when 'pods.size() == 7' within 2s\n  seen at 2s: the moment did not come within 2s: "
	if got := report.Expectations[0].Seen; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
}

// TestThroughoutUntil proves that it is looked at while later steps act, and what its
// failure ends.
func TestThroughoutUntil(t *testing.T) {
	fresh := "throughout check 'pods.all(p, p.status.phase == \"Running\")' until "
	tests := []struct {
		name, script, want string
		breaks             time.Duration
	}{
		{"goes on beside the steps", fresh + "30s\nat 10s crash etcd\nat 20s check 'true'\nfinally check 'now == 30.0'", "4 held@20, 2 held@30, 5 held@30", 0},
		{"ends before later steps", fresh + "15s\nat 20s check 'now == 20.0'\nfinally check 'now == 20.0'", "2 held@15, 3 held@20, 4 held@20", 0},
		{"breaks in a wait", fresh + "30s\nat 20s check 'true'\nfinally check 'now == 12.0'", "2 failed@12, 3 unreached@12, 4 held@12", 12 * time.Second},
		{"breaks in a window", fresh + "30s\nwithin 20s check 'now < 0.0'\nfinally check 'now == 12.5'", "2 failed@12.5, 3 unreached@12.5, 4 held@12.5", 12500 * time.Millisecond},
		{"breaks in a moment that is waited for", fresh + "5m\nwhen 'pods.size() == 7' within 20s\nthen crash etcd\nfinally check '!timeline.exists(e, e.verb == \"crashed\")'", "2 failed@12, 3 unreached@12, 5 held@12", 12 * time.Second},
		{"breaks behind the last step", fresh + "30s\nat 1s check 'true'", "3 held@1, 2 failed@12", 12 * time.Second},
		{"is over when it breaks", fresh + "11s\nat 20s check 'now == 20.0'", "2 held@11, 3 held@20", 12 * time.Second},
		{"does not hold at first", "at 0s crash kube-apiserver\n" + fresh + "11s\nat 20s check 'true'", "3 failed@0, 4 unreached@0", 0},
		{"two of them", fresh + "30s\nthroughout 'now < 20.0' until 25s\nat 28s check 'true'\nfinally check 'now == 20.0'", "3 failed@20, 4 unreached@20, 2 unreached@20, 5 held@20", 0},
		{"sees what later steps do", "throughout '!timeline.exists(e, e.verb == \"crashed\")' until 30s\nat 10s crash etcd\nat 20s check 'true'", "2 failed@10, 4 unreached@10", 0},
		{"traffic that sends nothing", "at 0s traffic shop from=outside to=service/shop\nthroughout check 'traffic.shop.success == 1.0' until 30s\nat 10s check 'true'", "4 held@10, 3 failed@30", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n", func(w *fakeWorld) {
				w.pod(t, "a", "Running")
				if tt.breaks > 0 {
					after(tt.breaks, func() { w.pod(t, "a", "Failed") })
				}
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
