package scenarios

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"demarc/sim/api"
	"demarc/sim/terminal"
)

// WriteText writes the verdict table of each report: its expectations, its
// traffic, its backups and restores, its verdict, and the whole explanation of
// what failed.
func WriteText(w io.Writer, reports []*api.Report) error {
	for i, r := range reports {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := writeReport(w, r); err != nil {
			return err
		}
	}
	return nil
}

func writeReport(w io.Writer, r *api.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "LINE\tAT\tHELD\tEXPECTATION\n")
	for _, e := range r.Expectations {
		terminal.Fprintf(t, "%d\t%s\t%s\t%s\n", e.Line, clock(e.AtSeconds), yes(e), e.Text)
	}
	if len(r.Traffic) > 0 {
		terminal.Fprintf(t, "\nTRAFFIC\tSENT\tFAILED\tREASONS\n")
	}
	for _, f := range r.Traffic {
		terminal.Fprintf(t, "%s\t%d\t%d\t%s\n", f.Name, f.Sent, f.Failed, reasons(f.Reasons))
	}
	writeBackups(t, r)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range r.Expectations {
		if !e.Held && e.Seen != "" && e.Seen != "not reached" {
			fmt.Fprintf(w, "\n%s\n", e.Seen)
		}
	}
	if r.Error != "" {
		fmt.Fprintf(w, "\n%s\n", r.Error)
	}
	_, err := terminal.Fprintf(w, "\n%s: %s (%d of %d expectations, %s virtual in %s real)\n", r.Scenario, strings.ToUpper(r.Verdict),
		held(r), len(r.Expectations), clock(r.VirtualSeconds), clock(r.RealSeconds))
	return err
}

// writeBackups writes tables with tabs of what there is of backups and restores.
func writeBackups(w io.Writer, r *api.Report) {
	if n := len(r.Backups); n > 0 {
		verified := 0
		for _, b := range r.Backups {
			if b.Verified {
				verified++
			}
		}
		terminal.Fprintf(w, "\nBACKUPS\tVERIFIED\tNEWEST\n%d\t%d\t%s\n", n, verified, r.Backups[n-1].ID)
	}
	if len(r.Restores) > 0 {
		terminal.Fprintf(w, "\nRESTORE\tBACKUP\tRPO\tRTO\tPHASE\n")
	}
	for _, x := range r.Restores {
		terminal.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", x.ID, cmp.Or(x.Backup, "-"), clock(x.RPOSeconds), clock(x.RTOSeconds), x.Phase)
	}
}

func yes(e api.Expectation) string {
	switch {
	case e.Held:
		return "yes"
	case e.Seen == "not reached":
		return "-"
	}
	return "NO"
}

func held(r *api.Report) int {
	n := 0
	for _, e := range r.Expectations {
		if e.Held {
			n++
		}
	}
	return n
}

// clock writes seconds as a duration, rounded to what people read.
func clock(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d > time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// reasons writes counted reasons in the order of their names.
func reasons(m map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s: %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}
