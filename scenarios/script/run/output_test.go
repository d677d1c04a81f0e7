package run

import (
	"strings"
	"testing"
	"time"
)

// TestOutputs proves what of a command's output can be expected.
func TestOutputs(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"kept with its exit code", "at 1s ssh node/0 false as=x\nat 2s check 'outputs.x.exit == 1 && outputs.x.stdout == \"\" && outputs.x.at == 1.0'", "3 held@2"},
		{"the last counts", "at 1s ssh node/0 false as=x\nat 2s ssh node/0 'echo ready' as=x\nat 2s check 'outputs.x.exit == 0 && outputs.x.stdout.contains(\"ready\")'", "4 held@2"},
		{"kept, and not as wanted", "at 1s ssh node/0 false as=x exit=0\nfinally check 'outputs.x.exit == 1'", "2 failed@1, 3 held@1"},
		{"with the names of nodes", "at 1s ssh node 1 'echo $(node/0)' as=x prints=$(node/0)\nat 1s check 'outputs.x.stdout == \"echo n-0\\n\"'", "3 held@1"},
		{"not kept", "at 1s ssh node/0 false\nfinally check 'true'", "2 failed@1, 3 held@1"},
		{"waited for", "within 1m ssh node/0 'cat ready'\nthen check 'now == 15.0'", "2 held@15, 3 held@15"},
		{"waited for in vain", "within 12s ssh node/0 'cat ready'\nfinally check 'now == 12.0'", "2 failed@12, 3 held@12"},
		{"a moment", "when ssh node/0 'cat ready' prints=yes\nthen crash etcd\nfinally check 'timeline.exists(e, e.verb == \"crashed\" && e.time == 15.0)'", "2 held@15, 4 held@15"},
		{"throughout", "throughout 12s ssh node/0 'cat ready' exit=1\nthroughout 10s ssh node/0 'cat ready' exit=1\n", "2 held@12, 3 failed@17"},
		{"beside later steps", "throughout ssh node/0 'cat ready' exit=1 until 1m\nat 30s check 'true'", "2 failed@15, 3 unreached@15"},
		{"at the end", "at 20s check 'true'\nfinally ssh node/0 'cat ready' prints=no", "2 held@20, 3 failed@20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _, _ := play(t, tt.script+"\n", func(w *fakeWorld) { after(14*time.Second, func() { w.ready.Store(true) }) })
			if got := outcomes(report); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestOutputNamesItsPlace(t *testing.T) {
	report, _, _ := play(t, "within 7s ssh node/0 'cat ready'\n", nil)
	want := "test.txtar:2: within 7s ssh node/0 'cat ready'\n  seen at 7s: not within 7s: ssh node/n-0: \"cat ready\" ended with exit code 1, not 0: no such file"
	if got := report.Expectations[0].Seen; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
}
