package output

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	mark := func(s string) string { return "<" + s + ">" }
	tb := Table{Indent: " ", Paint: map[int]func(string) string{0: mark}}
	tb.Row("é", "x", strings.Repeat("word ", 8)+"end")
	tb.Row("long", "y", "z")
	var out strings.Builder
	if err := tb.Write(&out, 20); err != nil { // the last column has 30, the least
		t.Fatal(err)
	}
	want := ` <é>     x  word word word word word word
          word word end
 <long>  y  z
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestFit checks that columns fit a line: sentences and names of nodes are cut, IDs and times
// are not.
func TestFit(t *testing.T) {
	var tb Table
	tb.Heads("ID\tNODE\tTIME\tOWNER\tWHAT")
	tb.Row("20260105T080000Z", "aks-nodepool1-12345678-vmss000001", "2026-01-05 08:00:00", "provider", strings.Repeat("word ", 20))
	tb.Row("    " + strings.Repeat("below ", 20))
	tb.Row("x", "y", "z", "a", "short")
	var out strings.Builder
	if err := tb.Fit(&out); err != nil {
		t.Fatal(err)
	}
	want := `ID                NODE                       TIME                 OWNER     WHAT
20260105T080000Z  aks-node…45678-vmss000001  2026-01-05 08:00:00  provider  word word word word wor…
    below below below below below below below below below below below below below below below below…
x                 y                          z                    a         short
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestFitCutsNothingThatFits checks that a long line below a row costs the row nothing.
func TestFitCutsNothingThatFits(t *testing.T) {
	var tb Table
	tb.Heads("NODE\tFROM\tTO\tSTATE")
	tb.Row("aks-nodepool1-12345678-vmss000001", "2026-01-05 08:00:00", "2026-01-05 08:00:00", "Ready")
	tb.Row("    " + strings.Repeat("below ", 20))
	var out strings.Builder
	if err := tb.Fit(&out); err != nil || !strings.Contains(out.String(), "\naks-nodepool1-12345678-vmss000001  2026") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

// TestEvent checks what a line of the timeline says, and that it is not longer than a line.
func TestEvent(t *testing.T) {
	var out strings.Builder
	p := Printer{Out: &out}
	e := timeline.Event{Seq: 7, Time: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Actor: timeline.Customer, Verb: "ran", Subject: "node/aks-nodepool1-12345678-vmss000001", Message: strings.Repeat("word ", 20)}
	for _, e := range []timeline.Event{e, {Seq: 12345, Time: e.Time, Actor: timeline.Provider, Verb: "started", Subject: "etcd", Message: "short"}} {
		if err := p.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	want := `    #7  2026-01-05 08:00:00  customer    ran node/ak…ool1-12345678-vmss000001  word word word word…
#12345  2026-01-05 08:00:00  provider    started etcd  short
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
