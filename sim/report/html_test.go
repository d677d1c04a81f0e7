package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
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
	if svgs != 1 {
		t.Errorf("got %d pictures, want 1", svgs)
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
		d := xml.NewDecoder(bytes.NewReader(Make(in).SVG()))
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
	svg := string(Make(sample()).SVG())
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

func TestTicks(t *testing.T) {
	for _, c := range []struct{ whole, step time.Duration }{
		{5 * time.Second, time.Second}, {10 * time.Minute, time.Minute}, {time.Hour, 10 * time.Minute}, {2 * time.Hour, 15 * time.Minute},
		{day, 3 * time.Hour}, {10 * day, day}, {100 * day, 14 * day}, {3000 * day, 448 * day},
	} {
		list, step := ticks(eight.Add(time.Millisecond), eight.Add(c.whole))
		if step != c.step || len(list) > maxTicks {
			t.Errorf("%s: got %d ticks, each %s, want each %s", c.whole, len(list), step, c.step)
		}
	}
}
