package torture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// progressEvery is how often a run says what it has counted so far.
const progressEvery = time.Minute

// tally is what a run has counted.
type tally struct {
	t        *testing.T
	mu       sync.Mutex
	began    time.Time
	said     time.Time           // when it last said how far it is
	kills    map[string]*killed  // by phase
	damaged  map[string]*damaged // by damage
	findings []string            // what is wrong, and where
	notRun   []string
	disks    int // that were filled
}

// killed are the kills in one phase.
type killed struct {
	kills, resumed int
	// acked writes were acknowledged; of these windowed are gone within the window
	// that a restore has reported, and lost otherwise.
	acked, windowed, lost int
	// wrong counts checks that did not hold, other than of writes.
	wrong int
	took  time.Duration
}

// damaged are the directories that were damaged in one way.
type damaged struct {
	directories int
	// resumed had everything, restored what a backup has, and said what that cost;
	// refused said why not, and worked with the file put back.
	resumed, restored, refused int
	// erased lost good files, dead ends did not work with the file put back, lost
	// came up without something acknowledged, traces showed the program's stacks.
	erased, deadEnds, lost, traces int
	took                           time.Duration
}

func newTally(t *testing.T) *tally {
	return &tally{t: t, began: time.Now(), said: time.Now(), kills: map[string]*killed{}, damaged: map[string]*damaged{}}
}

// kill changes what is counted of a phase.
func (t *tally) kill(phase string, how func(*killed)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kills[phase] == nil {
		t.kills[phase] = &killed{}
	}
	how(t.kills[phase])
}

// damage changes what is counted of a damage.
func (t *tally) damage(how string, change func(*damaged)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.damaged[how] == nil {
		t.damaged[how] = &damaged{}
	}
	change(t.damaged[how])
}

// find enters what is wrong.
func (t *tally) find(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.findings = append(t.findings, fmt.Sprintf(format, args...))
	t.t.Log("finding: ", t.findings[len(t.findings)-1])
}

// found is how many findings there are.
func (t *tally) found() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.findings)
}

// progress says now and then how far the run is.
func (t *tally) progress() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.said) < progressEvery {
		return
	}
	t.said = time.Now()
	k, d := t.killsTotal(), t.damagedTotal()
	t.t.Logf("after %.0f s: %d kills, %d writes acknowledged, %d lost; %d directories damaged, %d disks filled; %d findings",
		time.Since(t.began).Seconds(), k.kills, k.acked, k.lost, d.directories, t.disks, len(t.findings))
}

// skip enters what could not be run, and why.
func (t *tally) skip(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notRun = append(t.notRun, fmt.Sprintf(format, args...))
}

// reached says whether there were so many kills and acknowledged writes.
func (t *tally) reached(kills, writes int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.killsTotal()
	return k.kills >= kills && k.acked >= writes
}

func (t *tally) killsTotal() (sum killed) {
	for _, k := range t.kills {
		sum.kills, sum.resumed, sum.acked = sum.kills+k.kills, sum.resumed+k.resumed, sum.acked+k.acked
		sum.windowed, sum.lost, sum.wrong, sum.took = sum.windowed+k.windowed, sum.lost+k.lost, sum.wrong+k.wrong, sum.took+k.took
	}
	return sum
}

func (t *tally) damagedTotal() (sum damaged) {
	for _, d := range t.damaged {
		sum.directories, sum.resumed, sum.restored = sum.directories+d.directories, sum.resumed+d.resumed, sum.restored+d.restored
		sum.refused, sum.erased, sum.deadEnds = sum.refused+d.refused, sum.erased+d.erased, sum.deadEnds+d.deadEnds
		sum.lost, sum.traces, sum.took = sum.lost+d.lost, sum.traces+d.traces, sum.took+d.took
	}
	return sum
}

// report prints the table, and fails the test for everything bad in it.
func (t *tally) report() {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sb strings.Builder
	w := tabwriter.NewWriter(&sb, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "killed in\tkills\tresumed\tacknowledged\tin a restore's window\tlost\twrong\tseconds\t")
	row := func(name string, k killed) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t\n", name, k.kills, k.resumed, k.acked, k.windowed, k.lost, k.wrong, k.took.Seconds())
	}
	for _, name := range slices.SortedFunc(maps.Keys(t.kills), cmp.Compare) {
		row(name, *t.kills[name])
	}
	k := t.killsTotal()
	row("all", k)
	w.Flush()
	fmt.Fprintln(&sb)
	fmt.Fprintln(w, "files\tdirectories\tresumed\trestored\trefused\terased\tdead ends\tlost\ttraces\tseconds\t")
	line := func(name string, d damaged) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t\n", name, d.directories, d.resumed, d.restored, d.refused, d.erased, d.deadEnds, d.lost, d.traces, d.took.Seconds())
	}
	for _, name := range slices.SortedFunc(maps.Keys(t.damaged), cmp.Compare) {
		line(name, *t.damaged[name])
	}
	d := t.damagedTotal()
	line("all", d)
	w.Flush()
	fmt.Fprintf(&sb, "\ndisks filled: %d; %.0f seconds in all\n", t.disks, time.Since(t.began).Seconds())
	for _, s := range t.notRun {
		fmt.Fprintln(&sb, "not run:", s)
	}
	for _, s := range t.findings {
		fmt.Fprintln(&sb, "finding:", s)
	}
	t.t.Logf("seed %d\n\n%s", *seed, sb.String())
	if bad := k.lost + k.wrong + (k.kills - k.resumed) + d.erased + d.deadEnds + d.lost + d.traces; bad > 0 || len(t.findings) > 0 {
		t.t.Errorf("%d bad counts, %d findings: see above", bad, len(t.findings))
	}
}
