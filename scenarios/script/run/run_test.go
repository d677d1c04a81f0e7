package run

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/api"

	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
)

const up = "-- up.yaml --\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {phase: Running}\n"

// TestWindows proves the edges of windows. The pod a is running in some of the
// seconds of the script.
func TestWindows(t *testing.T) {
	type span struct{ from, to time.Duration } // to 0 is for ever
	ms := time.Millisecond
	sec := time.Second
	tests := []struct {
		name, script string
		running      []span
		want         string
	}{
		{"within: at once", "within 10s expect up.yaml", []span{{0, 0}}, "2 held@0"},
		{"within: event-driven", "within 10s expect up.yaml", []span{{3500 * ms, 0}}, "2 held@3.5"},
		{"within: short-lived", "within 10s expect up.yaml", []span{{3100 * ms, 3200 * ms}}, "2 held@3.1"},
		{"within: last moment", "within 10s expect up.yaml", []span{{10*sec - 1, 0}}, "2 held@9.999999999"},
		{"within: too late", "within 10s expect up.yaml", []span{{10*sec + 1, 0}}, "2 failed@10"},
		{"after: in time", "after 5s within 5s expect up.yaml", []span{{6 * sec, 0}}, "2 held@6"},
		{"after: lower edge", "after 5s within 5s expect up.yaml", []span{{5 * sec, 0}}, "2 held@5"},
		{"after: too early", "after 5s within 5s expect up.yaml", []span{{4900 * ms, 0}}, "2 failed@4.9"},
		{"after: early for a moment", "after 5s within 5s expect up.yaml", []span{{1 * sec, 1001 * ms}, {6 * sec, 0}}, "2 failed@1"},
		{"after: too late", "after 5s within 5s expect up.yaml", []span{{10*sec + 1, 0}}, "2 failed@10"},
		{"throughout: all the time", "throughout 10s expect up.yaml", []span{{0, 0}}, "2 held@10"},
		{"throughout: not at the end", "throughout 10s expect up.yaml", []span{{0, 9900 * ms}}, "2 failed@9.9"},
		{"throughout: gap", "throughout 10s expect up.yaml", []span{{0, 5 * sec}, {5001 * ms, 0}}, "2 failed@5"},
		{"throughout: absent", "throughout 10s absent up.yaml", []span{{10*sec + 1, 0}}, "2 held@10"},
		{"throughout: not absent", "throughout 10s absent up.yaml", []span{{3 * sec, 3001 * ms}}, "2 failed@3"},
		{"instant", "at 3s expect up.yaml\nat 4s absent up.yaml", []span{{2 * sec, 3500 * ms}}, "2 held@3, 3 held@4"},
		{"windows follow each other", "within 10s expect up.yaml\nthroughout 2s expect up.yaml\nat 12s expect up.yaml",
			[]span{{4 * sec, 0}}, "2 held@4, 3 held@6, 4 held@12"},
		{"stop, but finally", "within 2s expect up.yaml\nat 5s expect up.yaml\nfinally absent up.yaml\nfinally check 'now < 3.0'",
			nil, "2 failed@2, 3 unreached@2, 4 held@2, 5 held@2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n"+up, func(w *fakeWorld) {
				for _, s := range tt.running {
					if s.from == 0 {
						w.pod(t, "a", "Running")
					} else {
						after(s.from, func() { w.pod(t, "a", "Running") })
					}
					if s.to > 0 {
						after(s.to, func() { w.pod(t, "a", "Failed") })
					}
				}
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestUnreachable proves what holds while the API server cannot be reached.
func TestUnreachable(t *testing.T) {
	crash := "at 0s crash kube-apiserver\n"
	tests := []struct {
		name, script, want string
		back               time.Duration // when it can be reached again; 0 is never
	}{
		{"throughout fails", crash + "throughout 5s expect up.yaml", "3 failed@0", 0},
		{"absent fails", crash + "throughout 5s absent up.yaml", "3 failed@0", 0},
		{"a check of objects fails", crash + "at 1s check 'pods.size() >= 0'\nfinally absent up.yaml", "3 failed@1, 4 failed@1", 0},
		{"the truth goes on", crash + "throughout 5s check 'machines.size() == 2 && components.etcd.healthy'\nfinally check '!timeline.exists(e, e.verb == \"started\")'\nfinally expect up.yaml",
			"3 held@5, 4 held@5, 5 failed@5", 0},
		{"within waits for it", crash + "within 10s expect up.yaml", "3 held@4", 3500 * time.Millisecond},
		{"refused", crash + "at 1s refuse delete pod/a containing='connection refused'\nat 8s expect up.yaml", "3 held@1, 4 held@8", 7 * time.Second},
		{"not refused", "at 0s refuse delete pod/a\nfinally expect up.yaml", "2 failed@0, 3 failed@0", 0},
		{"refused otherwise", crash + "at 1s refuse delete pod/a containing=Forbidden\nat 8s expect up.yaml", "3 failed@1, 4 unreached@1", 0},
		{"an action fails", crash + "at 1s delete pod/a\nat 8s expect up.yaml", "3 failed@1, 4 unreached@1", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n"+up, func(w *fakeWorld) {
				w.pod(t, "a", "Running")
				if tt.back > 0 {
					after(tt.back, func() { w.down.Store(false) })
				}
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestTrafficWindows proves what traffic covers in each kind of expectation.
func TestTrafficWindows(t *testing.T) {
	start := "at 0s traffic shop from=outside to=service/shop\n"
	tests := []struct {
		name, script, want string
	}{
		{"from the window's opening", start + "at 10s check 'traffic.shop.failed == 1'\nthroughout 5s check 'traffic.shop.success == 1.0'\nfinally check 'traffic.shop.failed == 1'",
			"3 held@10, 4 held@15, 5 held@15"},
		{"a failure is seen at once", start + "throughout 10s check 'traffic.shop.success == 1.0'", "3 failed@5.5"},
		{"nothing was sent", start + "at 1m check 'true'\nthroughout 5s check 'traffic.shop.success == 1.0'", "3 held@60, 4 failed@65"},
		{"within waits for a request", start + "at 15s check 'true'\nwithin 10s check 'traffic.shop.success == 1.0'", "3 held@15, 4 held@15.5"},
		{"all of them", start + "at 10s check 'traffic.all(name, traffic[name].sent == 10)'", "3 held@10"},
		{"unknown at that time", start + "throughout 2s check 'traffic.shop.last.reason == \"\" && traffic.shop.backends.size() <= 1'", "3 held@2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n", func(w *fakeWorld) {
				for i := range 20 {
					reason := ""
					if i == 5 {
						reason = "i/o timeout"
					}
					after(time.Duration(i)*time.Second+500*time.Millisecond, func() { w.ask("shop", reason) })
				}
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFailureText(t *testing.T) {
	report, steps, _ := play(t, `
# It goes wrong
at 0s traffic shop from=outside to=service/shop
at 1s crash etcd
at 20s expect two.yaml
finally check 'traffic.shop.success == 1.0 && machines.all(m, m.power == "running")'
-- two.yaml --
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: shop}}
status: {phase: Running, podIP: 10.0.0.1}
`, func(w *fakeWorld) {
		w.pod(t, "a", "Failed")
		after(500*time.Millisecond, func() { w.ask("shop", "i/o timeout") })
		after(600*time.Millisecond, func() { w.ask("shop", "") })
	})
	if report.Verdict != api.VerdictFailed {
		t.Fatalf("got verdict %s", report.Verdict)
	}
	wants := [][]string{
		{
			"test.txtar:6: at 20s expect two.yaml\n",
			`expected: Pod default/a with {"status":{"phase":"Running","podIP":"10.0.0.1"}}`,
			"seen at 20s: nearest: Pod default/a\n",
			"status.phase: want \"Running\", got \"Failed\"\n", "status.podIP: want \"10.0.0.1\", got nothing\n",
			"1s  provider   etcd  crash", "again: demarc drill test.txtar",
		},
		{
			"traffic.shop.success = 0.5", "traffic shop: sent 2, failed 1: i/o timeout 1",
			`machines.all(m, m.power == "running") = false`, `not true for: [`, "n-1",
		},
	}
	for i, want := range wants {
		for _, s := range want {
			if got := report.Expectations[i].Seen; !strings.Contains(got, s) {
				t.Errorf("expectation %d: got no %q in:\n%s", i, s, got)
			}
		}
	}
	var kinds []string
	for _, s := range steps {
		kinds = append(kinds, s.Kind)
	}
	if got, want := strings.Join(kinds, " "), "narrative action action failed failed"; got != want {
		t.Errorf("steps: got %s, want %s", got, want)
	}
	if tr := report.Traffic; len(tr) != 1 || tr[0].Sent != 2 || tr[0].Failed != 1 {
		t.Errorf("traffic: got %+v", tr)
	}
}

func TestActionError(t *testing.T) {
	report, _, _ := play(t, "at 0s slow etcd latency=1s\nfinally check 'true'\n", nil)
	if got := report.Expectations[0]; got.Held || !strings.Contains(got.Seen, "etcd cannot be slowed down") {
		t.Errorf("got %+v", got)
	}
}

// TestBrokenWatch proves that the end of a watch is noticed at once, that the
// kind is listed afresh when that is possible again, and that a watch that ends
// in good order is opened again without a gap.
func TestBrokenWatch(t *testing.T) {
	tests := []struct {
		name, script string
		outage       bool
		want         string
	}{
		{"throughout fails when it breaks", "throughout 10s expect up.yaml", true, "2 failed@3.2"},
		{"within sees nothing until it lists again", "after 3s within 7s check 'pods.exists(p, p.metadata.name == \"b\")'\nfinally expect up.yaml", true, "2 held@7, 3 held@7"},
		{"no gap in good order", "throughout 10s expect up.yaml", false, "2 held@10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n"+up, func(w *fakeWorld) {
				w.pod(t, "a", "Running")
				first := watch.NewFake()
				w.client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
					if f := first; f != nil {
						first = nil
						return true, f, nil
					}
					return false, nil, nil
				})
				broken := first
				after(3200*time.Millisecond, func() {
					w.down.Store(tt.outage)
					broken.Stop()
				})
				after(5*time.Second, func() { w.pod(t, "b", "Running") })
				after(6500*time.Millisecond, func() { w.down.Store(false) })
			})
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
