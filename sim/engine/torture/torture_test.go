package torture

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"demarc/sim/engine"

	"k8s.io/klog/v2"
)

var (
	seed     = flag.Uint64("seed", 1, "decides the order of the cases, and when each blow falls")
	full     = flag.Bool("full", false, "go on until -kills and -writes are reached and every file was damaged, not for -for")
	duration = flag.Duration("for", time.Minute, "how long no further case is begun after, unless -full")
	kills    = flag.Int("kills", 300, "with -full: how many kills at least")
	writes   = flag.Int("writes", 30_000, "with -full: how many acknowledged writes at least")
	keep     = flag.String("dir", "", "where the clusters are, and those stay that something is wrong with; a temporary directory if empty")
	only     = flag.String("only", "", "cases of one kind only: kill, damage or disk")
)

// bench is one run.
type bench struct {
	t     *testing.T
	tally *tally
	// engine and cli are the paths of the programs.
	engine, cli string
	dir         string
	until       time.Time
}

func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("starts engines")
	}
	klog.SetLogger(klog.Logger{}) // clients complain of every kill
	b := newBench(t)
	defer b.tally.report()
	lanes := []struct {
		kind string
		run  func(*lane)
	}{{"kill", killOneMember}, {"kill", killThreeMembers}, {"damage", damageAll}, {"disk", fillDisk}}
	var running sync.WaitGroup
	turns := make(chan struct{}, 2) // the cores of a small machine
	for i, l := range lanes {
		if *only != "" && *only != l.kind {
			continue
		}
		dir := filepath.Join(b.dir, l.kind+string(rune('0'+i)))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			l.run(&lane{bench: b, name: l.kind, dir: dir, rng: rand.New(rand.NewPCG(*seed, uint64(i))), turns: turns})
		})
	}
	running.Wait()
}

// newBench finds or builds the programs.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, tally: newTally(t), dir: *keep}
	if b.dir == "" {
		b.dir = t.TempDir()
	}
	var err error
	if b.engine, err = engine.Build(t.Context(), os.Stderr); err != nil {
		t.Fatalf("build the engine: %v", err)
	}
	b.cli = filepath.Join(b.dir, "demarc")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", b.cli, "demarc/cmd/demarc").CombinedOutput(); err != nil {
		t.Fatalf("build the command line: %v\n%s", err, out)
	}
	t.Logf("torture, seed %d; the same again: go test ./sim/engine/torture -args -seed %[1]d", *seed)
	b.until = time.Now().Add(*duration)
	return b
}

// lane is a sequence of cases.
type lane struct {
	*bench
	name  string
	dir   string
	rng   *rand.Rand
	turns chan struct{}
}

// turn runs one case when the machine has room for it.
func (l *lane) turn(do func()) {
	l.turns <- struct{}{}
	defer func() { <-l.turns }()
	do()
	l.tally.progress()
}

// over says whether no further case is to begin; have counts what the lane's kind
// is to reach.
func (l *lane) over(have func() bool) bool {
	if l.t.Context().Err() != nil {
		return true
	}
	if *full {
		return have()
	}
	return time.Now().After(l.until)
}

// within is a time up to a limit.
func (l *lane) within(limit time.Duration) time.Duration {
	return time.Duration(l.rng.Float64() * float64(limit))
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
