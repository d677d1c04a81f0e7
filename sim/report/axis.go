package report

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// steps are distances of ticks that people read well.
var steps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day,
}

// maxTicks is how many labels there is room for where nothing is zoomed.
const maxTicks = 11

// ticks are the round moments in a time, at most so many of them, and what is between
// two.
func ticks(from, to time.Time, most int) (list []time.Time, step time.Duration) {
	whole := to.Sub(from)
	if whole <= 0 {
		return []time.Time{from}, time.Minute
	}
	step = steps[len(steps)-1]
	for _, s := range steps {
		if whole/s < time.Duration(most) {
			step = s
			break
		}
	}
	for whole/step >= time.Duration(most) {
		step *= 2
	}
	t := from.Truncate(step)
	if t.Before(from) {
		t = t.Add(step)
	}
	for ; !t.After(to); t = t.Add(step) {
		list = append(list, t)
	}
	return list, step
}

// tickLabel names a tick: its day at the first one, and where another begins.
func tickLabel(t, before time.Time, step time.Duration) string {
	switch {
	case step >= day:
		return t.Format("2006-01-02")
	case before.IsZero() || t.YearDay() != before.YearDay():
		return t.Format("01-02 15:04")
	case step < time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// axis draws the ticks over the whole height.
func (p *picture) axis(from, to time.Time, height, most int) {
	list, step := ticks(from, to, most)
	var before time.Time
	for _, t := range list {
		x := p.x(t)
		fmt.Fprintf(p, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="currentColor" stroke-opacity="0.15"/>`, x, x, topHeight-6, height-20)
		fmt.Fprintf(p, `<text x="%.1f" y="%d" text-anchor="middle" font-size="11">`, x, topHeight-12)
		p.text(tickLabel(t, before, step))
		p.WriteString("</text>")
		before = t
	}
}
