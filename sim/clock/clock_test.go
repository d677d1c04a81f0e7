package clock

import (
	"testing"
	"time"

	"demarc/sim/api"
)

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	zero := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name                 string
		rate                 api.Rate
		real, virtual, round time.Duration
		step, wait           time.Duration
	}{
		{"nothing passed", 60, 0, 0, round, 0, 16666666},
		{"the next whole second is not due", 60, 10 * ms, 0, round, 0, 6666666},
		{"the next whole second is due", 60, 17 * ms, 0, round, time.Second, 0},
		{"what is left of a second", 60, 20 * ms, 400 * ms, round, 600 * ms, 0},
		{"somebody waits", 60, 5 * ms, 0, fineRound, 300 * ms, 0},
		{"at 1x, not due", 1, 970 * ms, 0, round, 0, 30 * ms},
		{"at 1x, due", 1, 1004 * ms, 0, round, time.Second, 0},
		{"at 1x, somebody waits", 1, 4 * ms, 0, fineRound, 4 * ms, 0},
		{"not past a whole second", 1, 1050 * ms, 940 * ms, round, 60 * ms, 0},
		{"a burst of work is caught up in steps", 60, 10 * time.Second, 2 * time.Minute, round, time.Second, 0},
		{"ahead after a long jump", 1, time.Second, 3 * time.Second, round, 0, 3000 * ms},
		{"slow motion", 0.5, 1100 * ms, 0, round, 550 * ms, 0},
		{"paused", 0, time.Hour, 0, round, 0, -1},
	} {
		p := pace{tt.rate, reading{time.Hour, zero}}
		step, wait := p.next(reading{time.Hour + tt.real, zero.Add(tt.virtual)}, tt.round)
		if step != tt.step || wait != tt.wait {
			t.Errorf("%s: next = %v, %v; want %v, %v", tt.name, step, wait, tt.step, tt.wait)
		}
	}
}

func TestPaceBehind(t *testing.T) {
	zero := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name          string
		rate, reached api.Rate
		real, virtual time.Duration
		want          time.Duration
	}{
		{"it keeps up", 60, 60, time.Minute, time.Hour - 900*time.Millisecond, 0},
		{"for seconds it does not", 60, 41, 10 * time.Second, 588 * time.Second, 12 * time.Second},
		{"a moment of work", 60, 59, 10 * time.Second, 590 * time.Second, 0},
		{"it catches up", 60, 90, time.Minute, time.Hour - 5*time.Minute, 5 * time.Minute},
		{"it has caught up", 60, 90, time.Minute, time.Hour - 90*time.Second, 0},
		{"it stands still", 60, 0, time.Minute, 0, time.Hour},
		{"at 1x, a moment of work", 1, 0.8, 10 * time.Second, 8100 * time.Millisecond, 0},
		{"at 1x, three seconds of it", 1, 0.7, 10 * time.Second, 6900 * time.Millisecond, 3 * time.Second},
		{"ahead", 1, 3, time.Second, time.Minute, 0},
		{"paused", 0, 0, time.Hour, 0, 0},
		{"free run", api.FreeRun, 500, time.Hour, 0, 0},
	} {
		p := pace{tt.rate, reading{time.Hour, zero}}
		if got := p.behind(reading{time.Hour + tt.real, zero.Add(tt.virtual)}, tt.reached); got != tt.want {
			t.Errorf("%s: behind = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestGauge(t *testing.T) {
	zero := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	at := func(real, virtual float64) reading {
		return reading{time.Duration(real * float64(time.Second)), zero.Add(time.Duration(virtual * float64(time.Second)))}
	}
	g := newGauge(at(0, 0))
	if got := g.rate(at(1, 60)); got != 0 {
		t.Errorf("after a second: %v, want nothing yet", got)
	}
	for i := range 600 {
		g.note(at(float64(i)/60, float64(i)))
	}
	if got := g.rate(at(10, 600)); got != 60 {
		t.Errorf("after ten seconds at 60x: %v, want 60x", got)
	}
	for i := range 206 {
		g.note(at(10+float64(i)/41.2, 600+float64(i)))
	}
	if got := g.rate(at(15, 806)); got != 41.2 {
		t.Errorf("after five seconds at 41.2x: %v, want 41.2x", got)
	}
	if got := g.rate(at(20, 806)); got > 25 {
		t.Errorf("after five seconds of work: %v, want less than half of it", got)
	}
	g = newGauge(at(0, 0))
	for i := range 10 {
		g.note(at(float64(i), float64(i)))
		if got := g.rate(at(float64(i)+0.9, float64(i))); got != 1 && i >= 2 {
			t.Errorf("before move %d at 1x: %v, want 1x", i+1, got)
		}
	}
}

func TestHolds(t *testing.T) {
	var h holds
	told := 0
	h.tell(func() { told++ })
	check := func(what string, at time.Duration, waits, watched bool, tells int) {
		t.Helper()
		if h.waits(at) != waits || h.watched(at) != watched || told != tells {
			t.Errorf("%s: waits %v, watched %v, told %d times; want %v, %v, %d", what, h.waits(at), h.watched(at), told, waits, watched, tells)
		}
	}
	check("nobody", RealNow(), false, false, 0)
	one := h.hold()
	two := h.hold()
	check("two wait", RealNow(), true, true, 1)
	one()
	one()
	check("one waits", RealNow(), true, true, 1)
	check("one hangs", RealNow()+holdLimit, false, false, 1)
	three := h.hold()
	check("another waits", RealNow(), true, true, 2)
	three()
	two()
	check("nobody waits", RealNow(), false, true, 3)
	check("a while later", RealNow()+attention, false, false, 3)
}

func TestRealTimeBuildKnowsOneRate(t *testing.T) {
	if Virtual {
		t.Skip("this build has a virtual clock")
	}
	d := Start(time.Now().Add(time.Hour))
	if err := d.Set(1, time.Time{}); err != nil {
		t.Errorf("Set(1x) = %v, want nil", err)
	}
	if err := d.Set(60, time.Time{}); err != ErrRealTime {
		t.Errorf("Set(60x) = %v, want %v", err, ErrRealTime)
	}
	if got := d.Clock(); got.Rate != 1 || got.Virtual {
		t.Errorf("Clock() = %+v, want rate 1x and not virtual", got)
	}
}
