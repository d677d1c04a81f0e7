package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"demarc/sim/api"
)

// Text writes the report for a terminal, with its title as bold makes it.
func (r Report) Text(w io.Writer, bold func(string) string) error {
	fmt.Fprintf(w, "%s\n%s to %s, by the support policy %s\n\n", bold(r.Title), moment(r.From), moment(r.To), r.Edition)
	for _, s := range r.Verdict {
		fmt.Fprintln(w, s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nOUT\tIN ALL\tPROVIDER\tSHARED\tCUSTOMER\n")
	for _, o := range append([]Outage{r.APIServer}, r.Outages...) {
		m := o.Minutes
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.Subject, dash(m.Total), dash(m.Provider), dash(m.Shared), dash(m.Customer))
	}
	r.textAvailability(t)
	r.textIncidents(t)
	if len(r.Attempts) > 0 {
		fmt.Fprintf(t, "\nTRIED\tLAST\tTIMES\tBY\tWHY\n")
	}
	for _, a := range r.Attempts {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", a.What, moment(a.At), a.Times, cmp.Or(a.By, "-"), a.Why)
	}
	if len(r.Lost) > 0 {
		fmt.Fprintf(t, "\nLOST WITH\tWHAT\n")
	}
	for _, l := range r.Lost {
		fmt.Fprintf(t, "%s\t%s\n", cmp.Or(l.By, "-"), l.What)
		for _, x := range l.Rows() {
			fmt.Fprintf(t, "\t%s\n", x)
		}
	}
	if len(r.Support.History) > 0 {
		fmt.Fprintf(t, "\nSUPPORT\tFROM\tFOR\tWHY\n")
	}
	for _, p := range r.Support.History {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.State, moment(p.From), spanOf(p.To.Sub(p.From).Minutes()), whyOf(p))
	}
	if len(r.Traffic) > 0 {
		fmt.Fprintf(t, "\nTRAFFIC\tSENT\tFAILED\tPROVIDER\tSHARED\tCUSTOMER\n")
	}
	for _, f := range r.Traffic {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\n", f.Name, f.Sent, f.Failed, f.FailedBy.Provider, f.FailedBy.Shared, f.FailedBy.Customer)
	}
	return t.Flush()
}

func (r Report) textIncidents(w io.Writer) {
	if len(r.Incidents) > 0 {
		fmt.Fprintf(w, "\nINCIDENT\tSUBJECT\tOWNER\tDETECTED\tHEALED\tHEALER\tCLAUSES\tCAUSE\n")
	}
	for _, i := range r.Incidents {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Subject, i.Whose(), i.DetectedText(), i.HealedText(), i.Healer, strings.Join(i.Clauses, ", "), i.Cause)
	}
}

// Whose is the owner, or the owners one after the other.
func (i Incident) Whose() string { return cmp.Or(strings.Join(i.Shares, ", then "), i.Owner) }

// DetectedText says after how long it was noticed.
func (i Incident) DetectedText() string {
	if i.Detected.IsZero() {
		return "not noticed"
	}
	return "after " + spanOf(i.DetectedAfterSeconds/60)
}

// HealedText says after how long it was over.
func (i Incident) HealedText() string {
	if i.End.IsZero() {
		return "open for " + spanOf(i.LastedSeconds/60)
	}
	return "after " + spanOf(i.HealedAfterSeconds/60)
}

// String says who healed and how.
func (h Healer) String() string {
	if h.Layer == "" {
		return "nobody seen"
	}
	text := h.Layer
	if len(h.Actions) > 0 {
		text += ": " + strings.Join(h.Actions, ", ")
	}
	if h.Outcome != "" && h.Outcome != "healed" && h.Outcome != "done" {
		text += " (" + h.Outcome + ")"
	}
	return text
}

func whyOf(p api.Period) string {
	var list []string
	for _, x := range p.Reasons {
		list = append(list, reasonText(x, x.Sentence))
	}
	return strings.Join(list, "; ")
}

// reasonText is a reason in words, with the clause behind it.
func reasonText(x api.Reason, words string) string {
	if x.Clause != "" {
		words += " (" + x.Clause + ")"
	}
	return words
}

func dash(minutes float64) string {
	if minutes == 0 {
		return "-"
	}
	return spanOf(minutes)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}
