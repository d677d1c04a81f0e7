package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Measures of the picture, in pixels.
const (
	labelWidth = 220
	labelChars = 28  // as many as there is room for
	plotWidth  = 860 // where nothing is zoomed
	laneHeight = 24
	barHeight  = 16
	topHeight  = 28
	maxLanes   = 60 // further subjects are in the table only
)

// colours are of the owners and can be told apart by people who are colour-blind
// and on light and dark ground.
var colours = map[string]string{OwnerProvider: "#0072b2", OwnerShared: "#8c8c8c", OwnerCustomer: "#e69f00"}

// supportColours are of the states of support.
var supportColours = map[string]string{supported: "#009e73", atRisk: "#f0e442", unsupported: "#cc79a7"}

// picture draws the timeline: a lane for each subject, a strip of what the actors
// did, and one of support.
type picture struct {
	bytes.Buffer
	from  time.Time
	plot  int     // pixels of the whole time
	scale float64 // pixels per second
	y     int
}

// SVG is the picture of the timeline, as an element that can be a part of a page
// or a file of its own. Its time is stretched by zoom, and nothing else is.
func (r Report) SVG(zoom int) []byte {
	lanes := append([]Outage{r.APIServer}, r.Outages...)
	more := len(lanes) - maxLanes
	lanes = lanes[:min(len(lanes), maxLanes)]
	p := &picture{from: r.From, plot: plotWidth * zoom, y: topHeight}
	if d := r.To.Sub(r.From).Seconds(); d > 0 {
		p.scale = float64(p.plot) / d
	}
	height := topHeight + laneHeight*(len(lanes)+2) + 24
	if more > 0 {
		height += laneHeight
	}
	width := labelWidth + p.plot + 20
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="12" fill="currentColor">`, width, height, width, height)
	p.title("timeline: who was out, when, and whose that was")
	p.axis(r.From, r.To, height, maxTicks*zoom)
	for _, o := range lanes {
		p.lane(o)
	}
	if more > 0 {
		p.label(fmt.Sprintf("and %d more, see the table", more))
		p.y += laneHeight
	}
	p.marks(r.marks, r.To)
	p.support(r.Support)
	p.WriteString("</svg>")
	return p.Bytes()
}

func (p *picture) x(t time.Time) float64 { return labelWidth + t.Sub(p.from).Seconds()*p.scale }

// text writes a string with everything escaped that XML wants escaped.
func (p *picture) text(s string) { _ = xml.EscapeText(&p.Buffer, []byte(s)) }

func (p *picture) title(s string) {
	p.WriteString("<title>")
	p.text(s)
	p.WriteString("</title>")
}

func (p *picture) label(s string) {
	fmt.Fprintf(p, `<text x="%d" y="%d" text-anchor="end">`, labelWidth-8, p.y+13)
	p.text(short(s, labelChars))
	if short(s, labelChars) != s {
		p.title(s)
	}
	p.WriteString("</text>")
}

// short cuts a text in its middle: the ends of names are what tells them apart.
func short(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n/2-1]) + "…" + string(r[len(r)-(n-n/2):])
}

// lane draws one subject. Owners who overlap are drawn one above the other.
func (p *picture) lane(o Outage) {
	p.label(o.Subject)
	fmt.Fprintf(p, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="currentColor" stroke-opacity="0.2"/>`, labelWidth, labelWidth+p.plot, p.y+barHeight+2, p.y+barHeight+2)
	m := o.Minutes
	apart := m.Provider+m.Shared+m.Customer > m.Total+1e-6
	for n, owner := range Owners {
		y, h := float64(p.y), float64(barHeight)
		if apart {
			h = barHeight / 3.0
			y += h * float64(n)
		}
		for _, b := range p.bars(o.Parts, owner) {
			p.bar(o.Subject, b, y, h)
		}
	}
	p.y += laneHeight
}

// bar is some parts of one owner that are one on the screen.
type bar struct {
	Part
	parts int
}

// bars joins parts that overlap or are less than a pixel from each other.
func (p *picture) bars(parts []Part, owner string) (list []bar) {
	for _, x := range parts {
		if x.Owner != owner {
			continue
		}
		if n := len(list); n > 0 && p.x(x.From) < p.x(list[n-1].To)+1 {
			last := &list[n-1]
			last.parts++
			last.Open = last.Open || x.Open
			if x.To.After(last.To) {
				last.To = x.To
			}
			continue
		}
		list = append(list, bar{Part: x, parts: 1})
	}
	return list
}

func (p *picture) bar(subject string, b bar, y, h float64) {
	x := p.x(b.From)
	w := max(2, p.x(b.To)-x)
	fmt.Fprintf(p, `<g><rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s">`, b.Owner, x, y, w, h, colours[b.Owner])
	p.title(barTitle(subject, b))
	p.WriteString("</rect>")
	if w > 64 && h == barHeight {
		p.inside(x, b.Owner)
	}
	p.WriteString("</g>")
}

// inside names what a bar is, in a colour that is seen on all of them.
func (p *picture) inside(x float64, s string) {
	fmt.Fprintf(p, `<text x="%.1f" y="%d" fill="#000" font-size="11" pointer-events="none">`, x+5, p.y+12)
	p.text(s)
	p.WriteString("</text>")
}

func barTitle(subject string, b bar) string {
	end := moment(b.To)
	if b.Open {
		end = "now, and goes on"
	}
	text := fmt.Sprintf("%s was out from %s to %s (%s): %s", subject, moment(b.From), end, spanOf(b.To.Sub(b.From).Minutes()), possessive(b.Owner))
	if b.parts > 1 {
		return fmt.Sprintf("%s; %d parts, the first: %s %s", text, b.parts, b.Incident, short(b.Why, 300))
	}
	return strings.TrimSpace(text + "; " + b.Incident + " " + short(b.Why, 300))
}

// marks draws what the actors did, one mark for all that is in the same pixels.
func (p *picture) marks(list []mark, to time.Time) {
	p.label("what was done")
	type spot struct{ x, owner int }
	counts, texts := map[spot]int{}, map[spot]string{}
	var spots []spot
	for _, m := range list {
		if m.at.Before(p.from) || m.at.After(to) {
			continue
		}
		s := spot{x: int(p.x(m.at)) / 3 * 3, owner: slices.Index(Owners, m.owner)}
		if counts[s]++; counts[s] == 1 {
			spots, texts[s] = append(spots, s), moment(m.at)+" "+m.text
		}
	}
	for _, s := range spots {
		fmt.Fprintf(p, `<rect x="%d" y="%d" width="2" height="5" fill="%s">`, s.x, p.y+6*s.owner, colours[Owners[s.owner]])
		text := short(texts[s], 300)
		if n := counts[s]; n > 1 {
			text = fmt.Sprintf("%s, and %d more", text, n-1)
		}
		p.title(text)
		p.WriteString("</rect>")
	}
	p.y += laneHeight
}

// support draws the strip of support at the bottom.
func (p *picture) support(s Support) {
	p.label("support")
	for _, period := range s.History {
		colour := supportColours[period.State]
		if colour == "" {
			colour = colours[OwnerShared]
		}
		x := p.x(period.From)
		w := max(1, p.x(period.To)-x)
		fmt.Fprintf(p, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" stroke="currentColor" stroke-opacity="0.4">`, x, p.y, w, barHeight, colour)
		p.title(strings.TrimSuffix(fmt.Sprintf("%s from %s to %s: %s", period.State, moment(period.From), moment(period.To), short(whyOf(period), 400)), ": "))
		p.WriteString("</rect>")
		if w > 76 {
			p.inside(x, period.State)
		}
	}
	p.y += laneHeight
}
