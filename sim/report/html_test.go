package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"golang.org/x/net/html"
)

// hostile has everything in it that must not come out as it is.
const hostile = "</title></svg><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x00\x1b[31m\xff\u202e{{.}}]]>"

func hostileInput() Input {
	in := sample()
	in.Title, in.Cluster, in.Edition = hostile, hostile, hostile
	in.Events = append(in.Events, timeline.Event{Seq: 6, Time: after(40), Actor: hostile, Verb: hostile, Subject: hostile, Message: hostile},
		timeline.Event{Seq: 7, Time: after(41), Actor: timeline.Node, Verb: "crashed", Subject: "container/" + hostile})
	x := judged(hostile, hostile, 5, 15, api.Share{Owner: hostile, From: after(5), To: after(15), Why: hostile, Clause: hostile})
	x.Incident.Cause, x.Judgement.Sentence, x.Judgement.Clauses = hostile, hostile, []string{hostile}
	in.Incidents = append(in.Incidents, x)
	in.Repairs = append(in.Repairs, api.Repair{ID: hostile, Subject: hostile, Layer: hostile, Broken: after(5), Lost: []string{hostile},
		Outcome: hostile, Actions: []api.RepairAction{{Action: hostile, Detail: hostile, Error: hostile}}})
	in.Traffic = append(in.Traffic, api.Traffic{Spec: traffic.Spec{Name: hostile, From: hostile, To: hostile}, Reasons: map[string]int64{hostile: 1}})
	reason := api.Reason{State: hostile, Clause: hostile, Sentence: hostile, WayBack: hostile}
	in.Support = api.Supportability{State: hostile, Reasons: []api.Reason{reason},
		History: []api.Period{{From: eight, To: after(60), State: hostile, Reasons: []api.Reason{reason}}}}
	return in
}

// TestHostileHTML parses the page and looks for elements, attributes and addresses
// that the page itself does not have.
func TestHostileHTML(t *testing.T) {
	var page bytes.Buffer
	if err := Make(hostileInput()).HTML(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "&lt;script&gt;") {
		t.Error("the texts are not on the page")
	}
	root, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	svgs := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "img", "link", "iframe", "a", "object":
			t.Errorf("there is an element %s", n.Data)
		case "svg":
			svgs++
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
				t.Errorf("%s has an attribute %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if svgs != len(zooms) {
		t.Errorf("got %d pictures, want one for each zoom", svgs)
	}
}

// TestHostileText checks that nothing can reach the terminal but text.
func TestHostileText(t *testing.T) {
	var out bytes.Buffer
	if err := Make(hostileInput()).Text(&out, strings.ToUpper); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x00\x1b\u202e") {
		t.Errorf("got %q", out.String())
	}
}

func TestPictureIsXML(t *testing.T) {
	for name, in := range map[string]Input{"nothing": {}, "sample": sample(), "hostile": hostileInput()} {
		d := xml.NewDecoder(bytes.NewReader(Make(in).SVG(1)))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// TestPicture checks where a bar is and what it says.
func TestPicture(t *testing.T) {
	svg := string(Make(sample()).SVG(1))
	for _, want := range []string{
		// The API server is out from 10 to 22 of 60 minutes of 860 pixels.
		`<rect class="provider" x="363.3" y="28.0" width="172.0" height="16.0" fill="#0072b2"><title>API server was out from 2026-01-05 08:10:00 to 2026-01-05 08:22:00 (12m)`,
		`<rect class="customer" x="650.0" y="52.0" width="143.3"`,
		`>01-05 08:00</text>`, `>08:10</text>`, `>supported</text>`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

// TestPictureZoomed checks that time is stretched and what is beside it is not.
func TestPictureZoomed(t *testing.T) {
	svg := string(Make(sample()).SVG(4))
	for _, want := range []string{
		`viewBox="0 0 3680 `, `<rect class="provider" x="793.3" y="28.0" width="688.0" height="16.0"`, `<text x="212" y="41" text-anchor="end">API server`, `>08:12</text>`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct{ whole, step time.Duration }{
		{5 * time.Second, time.Second}, {10 * time.Minute, time.Minute}, {time.Hour, 10 * time.Minute}, {2 * time.Hour, 15 * time.Minute},
		{day, 3 * time.Hour}, {10 * day, day}, {100 * day, 14 * day}, {3000 * day, 448 * day},
	} {
		list, step := ticks(eight.Add(time.Millisecond), eight.Add(c.whole), maxTicks)
		if step != c.step || len(list) > maxTicks {
			t.Errorf("%s: got %d ticks, each %s, want each %s", c.whole, len(list), step, c.step)
		}
	}
}

// elements are the elements of a page of that name and class, as text.
func elements(t *testing.T, page, name, class string) (list []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != name || class != "" && !slices.Contains(n.Attr, html.Attribute{Key: "class", Val: class}) {
			continue
		}
		var text strings.Builder
		for x := range n.Descendants() {
			if x.Type == html.TextNode {
				text.WriteString(x.Data)
			}
		}
		list = append(list, text.String())
	}
	return list
}

// TestPage checks that each outage has a bar with the shares of its owners, that clauses are
// counted, and that no word is broken and no sheet but A4 is meant.
func TestPage(t *testing.T) {
	in := sample()
	in.Edition = "2019-04"
	for i := range in.Incidents {
		in.Incidents[i].Judgement.Clauses = []string{"etcd.managed"}
	}
	in.Incidents[0].Judgement.Clauses = append(in.Incidents[0].Judgement.Clauses, "node.shared")
	r := Make(in)
	r.Outages = append(r.Outages, Outage{Subject: "shared", Minutes: Minutes{Total: 4, Provider: 3, Customer: 1}})
	var out bytes.Buffer
	if err := r.HTML(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if bars := elements(t, page, "div", "bar"); len(bars) != len(r.Outages)+1 {
		t.Errorf("got %d bars for %d outages", len(bars), len(r.Outages)+1)
	}
	said := strings.ReplaceAll(page, "\n", "")
	for _, want := range []string{
		`<span class="provider" style="width: 75.00%"></span><span class="customer" style="width: 25.00%"></span></div>3m the provider&#39;s, 1m the customer&#39;s`,
		`<td>etcd.managed</td><td class="n" data-head="count">` + fmt.Sprint(len(in.Incidents)) + `</td>`, `>The store behind the API server`, `<td>node.shared</td><td class="n" data-head="count">1</td>`,
		"size: A4", "Lost for good",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	for _, breaks := range []string{"overflow-wrap", "word-break", "hyphens"} {
		if strings.Contains(page, breaks) {
			t.Errorf("words may be broken inside: %s", breaks)
		}
	}
}

// TestPageOfBoth checks that a page of two reports has both side by side, and that the zoom of
// one leaves the other alone.
func TestPageOfBoth(t *testing.T) {
	a, b := Make(sample()), Make(sample())
	a.Edition, b.Edition = "2019-04", "2026-08"
	var out bytes.Buffer
	if err := HTML(&out, []Report{a, b}); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if n := len(elements(t, page, "section", "")); n != 2 || !strings.Contains(page, `<body class="both">`) || !strings.Contains(page, "policy 2019-04 and 2026-08.") {
		t.Errorf("got %d sections in\n%s", n, page)
	}
	for _, want := range []string{"<h2>By edition 2019-04</h2>", "<h2>By edition 2026-08</h2>", `name="r0" id="r0z8"`, `name="r1" id="r1z8"`} {
		if strings.Count(page, want) != 1 {
			t.Errorf("want one %s in\n%s", want, page)
		}
	}
}
