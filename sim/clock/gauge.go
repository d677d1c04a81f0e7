package clock

import (
	"math"
	"time"

	"demarc/sim/api"
)

// gaugeSpan is half of the real time over which a reached rate is taken.
const gaugeSpan = 2 * time.Second

// gauge measures the rate of the clock over the last seconds, from one of its moves to
// another: between two of them it stands still, however well it keeps to its rate.
type gauge struct{ older, newer, last reading }

func newGauge(now reading) gauge { return gauge{now, now, now} }

// note takes a reading before a move.
func (g *gauge) note(now reading) {
	if now.real-g.newer.real >= gaugeSpan {
		g.older, g.newer = g.newer, now
	}
	g.last = now
}

// rate is what was reached until now, in three digits; 0 if too little time has passed
// to say.
func (g *gauge) rate(now reading) api.Rate {
	until := g.last
	if now.real-until.real > round+round/4 {
		until = now // a move is overdue
	}
	real := until.real - g.older.real
	if real < gaugeSpan {
		return 0
	}
	rate := float64(until.virtual.Sub(g.older.virtual)) / float64(real)
	if rate <= 0 {
		return 0
	}
	digit := math.Pow10(2 - int(math.Floor(math.Log10(rate))))
	return api.Rate(math.Round(rate*digit) / digit)
}

// note takes a reading before a move of the clock.
func (d *Dial) note(now reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gauge.note(now)
}
