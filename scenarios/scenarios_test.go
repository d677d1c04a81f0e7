package scenarios_test

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"demarc/scenarios"
	"demarc/scenarios/script"
	"demarc/scenarios/script/parse"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// scenarioTimeout is how long one scenario may take in real time. It ends what hangs:
// a virtual day takes a quarter of an hour of a slow machine with other work.
const scenarioTimeout = 30 * time.Minute

// endingTime is how long before go test's deadline nothing more is begun, and what
// is being played is given up: so that its end is a message, and no stack trace.
const endingTime = 15 * time.Second

// TestScenarios plays every built-in scenario, each in an engine process of its
// own, as fast as the machine goes, and judges what was recorded once more in other
// words. With -short it plays the first of each family. One of them alone:
//
//	go test ./scenarios -run TestScenarios/etcd-lost -v
func TestScenarios(t *testing.T) {
	names := scenarios.Names()
	if testing.Short() {
		names = firsts()
	}
	if _, err := engine.Build(t.Context(), os.Stderr); err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	turns := make(chan string, len(names))
	for _, name := range longestFirst(t, names) {
		turns <- name
	}
	close(turns)
	// An engine keeps about one core busy, so as many run as there are cores,
	// whatever -parallel says.
	var players sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		players.Go(func() {
			for name := range turns {
				t.Run(name, func(t *testing.T) {
					if end, ok := t.Deadline(); ok && time.Until(end) < endingTime {
						t.Fatal("not played: the time of go test is over; run it with -timeout 1h")
					}
					play(t, name)
				})
			}
		})
	}
	players.Wait()
}

// longestFirst sorts scenarios by what playing them costs, so that no core is left
// with a long one when the others have nothing to do.
func longestFirst(t *testing.T, names []string) []string {
	costs := map[string]float64{}
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, _ := parse.Parse(s.File, s.Text) // play reports mistakes
		costs[name] = cost(parsed)
	}
	return slices.SortedStableFunc(slices.Values(names), func(a, b string) int { return cmp.Compare(costs[b], costs[a]) })
}

// cost is for comparison alone. Each node and each member of etcd costs about the same
// in a virtual second, and so does what there is one of.
func cost(s *script.Script) float64 {
	return s.Length.Seconds() * float64(1+s.Cluster.Nodes+s.Cluster.EtcdMembers)
}

// play plays one scenario and reports what did not hold.
func play(t *testing.T, name string) {
	end := time.Now().Add(scenarioTimeout)
	if last, ok := t.Deadline(); ok && last.Add(-endingTime).Before(end) {
		end = last.Add(-endingTime)
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	var narrative []string
	var events []timeline.Event
	report, err := scenarios.Drill{
		Name: s.Name, File: s.File, Text: string(s.Text),
	}.Run(ctx, func(step api.Step) {
		if step.Kind == "narrative" {
			narrative = append(narrative, step.Text)
		}
	}, func(e timeline.Event) { events = append(events, e) })
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if report.Error != "" {
		t.Errorf("%s could not be played: %s", name, report.Error)
	} else {
		checkWords(t, recording{events, report})
	}
	if report.Verdict != api.VerdictHeld && len(narrative) > 0 {
		t.Logf("when: %s", narrative[len(narrative)-1])
	}
	for _, e := range report.Expectations {
		if !e.Held && e.Seen != "not reached" {
			t.Errorf("%s", e.Seen)
		}
	}
	if report.Verdict != api.VerdictHeld && !t.Failed() {
		t.Errorf("verdict: got %s, want %s", report.Verdict, api.VerdictHeld)
	}
	t.Logf("%s: %s, %.0f virtual seconds in %.1f real", report.Title, report.Verdict, report.VirtualSeconds, report.RealSeconds)
}
