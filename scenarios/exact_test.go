package scenarios_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
)

var (
	exactRuns = flag.Int("exact", 0, "how often TestExact plays each scenario; 0 is not at all")
	exactOf   = flag.String("exact-of", strings.Join(exactScenarios, ","), "the scenarios that TestExact plays")
	exactLoad = flag.Int("exact-load", 0, "how many goroutines of TestExact do nothing but take processor time")
)

// exactScenarios are ten in which time matters: what is detected, healed, restored and
// counted, and how soon.
var exactScenarios = []string{
	"apiserver-flapping", "apiserver-lost", "customer-blocks-443", "customer-stops-kubelet", "cve-in-managed-component",
	"etcd-lost", "links-break-and-heal", "restore-from-backup", "restore-undoes-a-rollout", "watchdog-restarts-what-crashes-and-hangs",
}

// TestExact plays scenarios again and again, on a machine that may be busy, and fails
// where a verdict is not "held" or a virtual result is not the same in every run:
//
//	go test -timeout 3h ./scenarios -run TestExact -v -exact 20 -exact-load 20
func TestExact(t *testing.T) {
	if *exactRuns == 0 {
		t.Skip("takes hours: ask for it with -exact 20")
	}
	if _, err := engine.Build(t.Context(), os.Stderr); err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	takeProcessorTime(t, *exactLoad)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, name := range strings.Split(*exactOf, ",") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := make([]map[string]string, *exactRuns)
			var all sync.WaitGroup
			for i := range results {
				all.Go(func() {
					slots <- struct{}{}
					defer func() { <-slots }()
					results[i] = playExactly(t, name)
				})
			}
			all.Wait()
			different, of := compareRuns(results)
			for _, d := range different {
				t.Error(d)
			}
			t.Logf("%d of %d results are the same in %d runs", of-len(different), of, len(results))
		})
	}
}

// takeProcessorTime keeps the machine busy until the test ends.
func takeProcessorTime(t *testing.T, goroutines int) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	for range goroutines {
		go func() {
			for ctx.Err() == nil {
				runtime.Gosched()
			}
		}()
	}
}

// playExactly plays a scenario and returns its virtual results by what they are of; nil
// if it was not played to its end.
func playExactly(t *testing.T, name string) map[string]string {
	s, err := scenarios.Load(name)
	if err != nil {
		t.Error(err)
		return nil
	}
	var steps []api.Step
	report, err := scenarios.Drill{Name: s.Name, File: s.File, Text: string(s.Text)}.Run(t.Context(), func(x api.Step) { steps = append(steps, x) }, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	if report.Verdict != api.VerdictHeld {
		t.Errorf("verdict: %s %s", report.Verdict, report.Error)
	}
	return virtualResults(steps, report)
}

// virtualResults are when steps were taken and held, how long it took to detect, heal
// and restore, and what was counted.
func virtualResults(steps []api.Step, report *api.Report) map[string]string {
	r := map[string]string{}
	for _, x := range steps {
		r[fmt.Sprintf("line %d %s", x.Line, x.Kind)] = time.Duration(x.At).Round(time.Millisecond).String()
	}
	seen := map[string]int{} // which of two comes first that begin in one moment is no result
	for _, x := range report.Incidents {
		seen[x.Subject]++
		of := fmt.Sprintf("incident %d of %s, ", seen[x.Subject], x.Subject)
		r[of+"detected after"] = spanOf(x.Start, x.Detected)
		r[of+"ended after"] = spanOf(x.Start, x.End)
	}
	for i, x := range report.Repairs {
		of := fmt.Sprintf("repair %d of %s, ", i+1, x.Subject)
		r[of+"detected after"] = spanOf(x.Broken, x.Detected)
		r[of+"healed after"] = spanOf(x.Broken, x.Healed)
	}
	for i, x := range report.Restores {
		of := fmt.Sprintf("restore %d, ", i+1)
		r[of+"decided after"] = spanOf(x.Lost, x.Decided)
		r[of+"took"] = spanOf(x.Decided, x.End)
	}
	for i, x := range report.Traffic {
		of := fmt.Sprintf("traffic %d, ", i+1)
		r[of+"sent"], r[of+"failed"] = fmt.Sprint(x.Sent), fmt.Sprint(x.Failed)
	}
	r["backups"] = fmt.Sprint(len(report.Backups))
	return r
}

func spanOf(from, to time.Time) string {
	if to.IsZero() {
		return "never"
	}
	return to.Sub(from).Round(time.Millisecond).String()
}

// compareRuns says of each result that was not the same in all runs what it was how
// often, and how many results there are.
func compareRuns(runs []map[string]string) (different []string, results int) {
	seen := map[string]map[string]int{}
	for _, run := range runs {
		for of := range run {
			seen[of] = map[string]int{}
		}
	}
	for _, of := range slices.Sorted(maps.Keys(seen)) {
		for _, run := range runs {
			seen[of][cmp.Or(run[of], "not there")]++
		}
		if len(seen[of]) == 1 {
			continue
		}
		var counts []string
		for _, value := range slices.Sorted(maps.Keys(seen[of])) {
			counts = append(counts, fmt.Sprintf("%s %d times", value, seen[of][value]))
		}
		different = append(different, of+": "+strings.Join(counts, ", "))
	}
	return different, len(seen)
}

func TestCompareRuns(t *testing.T) {
	a, b := map[string]string{"line 7 held": "8s", "backups": "2"}, map[string]string{"line 7 held": "9s", "backups": "2"}
	if different, of := compareRuns([]map[string]string{a, a}); len(different) != 0 || of != 2 {
		t.Errorf("the same results: got %q of %d", different, of)
	}
	want := []string{"line 7 held: 8s 2 times, 9s 1 times"}
	if different, of := compareRuns([]map[string]string{a, b, a}); !slices.Equal(different, want) || of != 2 {
		t.Errorf("got %q of %d, want %q", different, of, want)
	}
}
