package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"demarc/sim/policy"
)

//go:embed page.tmpl
var pageText string

// page is the whole page. The template escapes every value by where it stands; the
// picture alone comes as it is, and escapes for itself.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"moment": moment, "dash": dash, "why": whyOf, "join": func(list []string) string { return strings.Join(list, ", ") },
	"span": func(seconds float64) string { return spanOf(seconds / 60) }, "possessive": possessive,
}).Parse(pageText))

// HTML writes the report as one page that needs nothing else: no script, and
// nothing from the network.
func (r Report) HTML(w io.Writer) error { return HTML(w, []Report{r}) }

// HTML writes reports of the same time as one page: side by side where there is room, such
// as those by two editions of the support policy.
func HTML(w io.Writer, reports []Report) error {
	var views []view
	for i, r := range reports {
		views = append(views, viewOf(r, i))
	}
	return page.Execute(w, views)
}

// view is a report as the page shows it.
type view struct {
	Report
	// ID tells the reports of a page apart.
	ID       string
	All      []row
	Clauses  []clauseCount
	Pictures []zoomed
}

// zoomed is the picture, with its time stretched. The page shows one of them.
type zoomed struct {
	Zoom int
	SVG  template.HTML
}

// zooms are how far the picture can be stretched.
var zooms = []int{1, 2, 4, 8}

// row is an outage with the shares of its owners.
type row struct {
	Outage
	Shares []ownerShare
}

// ownerShare is an owner's part of an outage, for a bar.
type ownerShare struct {
	Owner   string
	Percent float64
	Minutes float64
}

// clauseCount is a clause, and the incidents that are judged by it.
type clauseCount struct {
	ID, Owner, Says string
	Incidents       []string
}

func viewOf(r Report, n int) view {
	v := view{Report: r, ID: fmt.Sprintf("r%d", n), Clauses: clauseCounts(r)}
	for _, z := range zooms {
		v.Pictures = append(v.Pictures, zoomed{Zoom: z, SVG: template.HTML(r.SVG(z))})
	}
	for _, o := range append([]Outage{r.APIServer}, r.Outages...) {
		x := row{Outage: o}
		sum := o.Minutes.Provider + o.Minutes.Shared + o.Minutes.Customer
		for _, owner := range Owners {
			if m := o.Minutes.of(owner); m > 0 {
				x.Shares = append(x.Shares, ownerShare{Owner: owner, Percent: 100 * m / sum, Minutes: m})
			}
		}
		v.All = append(v.All, x)
	}
	return v
}

// clauseCounts are the clauses by which incidents are judged, the most frequent first.
func clauseCounts(r Report) (list []clauseCount) {
	edition, err := policy.Lookup(r.Edition)
	for _, i := range r.Incidents {
		for _, id := range i.Clauses {
			n := slices.IndexFunc(list, func(c clauseCount) bool { return c.ID == id })
			if n < 0 {
				c := clauseCount{ID: id}
				if err == nil {
					known, _ := edition.Clause(id)
					c.Owner, c.Says = known.Owner, known.Says
				}
				n, list = len(list), append(list, c)
			}
			list[n].Incidents = append(list[n].Incidents, i.ID)
		}
	}
	slices.SortStableFunc(list, func(a, b clauseCount) int { return len(b.Incidents) - len(a.Incidents) })
	return list
}
