package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
)

//go:embed page.tmpl
var pageText string

// page is the whole page. The template escapes every value by where it stands; the
// picture alone comes as it is, and escapes for itself.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"moment": moment, "dash": dash, "why": whyOf, "join": func(list []string) string { return strings.Join(list, ", ") },
	"span": func(seconds float64) string { return spanOf(seconds / 60) },
}).Parse(pageText))

// HTML writes the report as one page that needs nothing else: no script, and
// nothing from the network.
func (r Report) HTML(w io.Writer) error {
	return page.Execute(w, struct {
		Report
		All     []Outage
		Picture template.HTML
	}{r, append([]Outage{r.APIServer}, r.Outages...), template.HTML(r.SVG())})
}
