package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"demarc/sim/clock"
)

const mib = 1 << 20

func TestMemoryPolicy(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     memory
		since time.Duration
		busy  bool
		limit int64
	}{
		{"a small cluster that is busy keeps the least limit", memory{live: 120 * mib, other: 60 * mib}, time.Second, false, freeLimit},
		{"a large one that is busy goes by a percentage", memory{live: 400 * mib, other: 100 * mib}, time.Second, true, 780 * mib},
		{"what is beside the heap counts", memory{live: 260 * mib, other: 100 * mib}, time.Second, true, 542 * mib},
		{"a large one that idles goes by a limit", memory{live: 400 * mib, other: 100 * mib}, idlePeriod, false, 780 * mib},
		{"what customers store needs no margin of its own", memory{live: 2000 * mib, scan: 300 * mib, other: 100 * mib}, time.Second, true, 2420 * mib},
		{"what is to be searched for pointers does", memory{live: 2000 * mib, scan: 1500 * mib, other: 100 * mib}, time.Second, true, 3150 * mib},
	} {
		if got := c.m.busy(c.since, freeLimit); got != c.busy {
			t.Errorf("%s: busy is %t, want %t", c.name, got, c.busy)
		}
		if got := c.m.limit(freeLimit, heapMargin); got != c.limit {
			t.Errorf("%s: limit is %d MiB, want %d MiB", c.name, got/mib, c.limit/mib)
		}
	}
}

func TestTune(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	m := memory{live: 400 * mib, other: 100 * mib}
	for _, c := range []struct {
		busy    bool
		percent int
		limit   int64
	}{{true, heapMargin, math.MaxInt64}, {false, -1, 780 * mib}} {
		m.tune(c.busy, freeLimit, heapMargin)
		limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(-1)
		if limit != c.limit || percent != c.percent {
			t.Errorf("tune(%t): %d percent within %d bytes, want %d within %d", c.busy, percent, limit, c.percent, c.limit)
		}
	}
}

// TestMemoryIsGivenBack: a cluster that rests at a rate of real time keeps little more
// than it needs; one that is busy, or runs free, has room to be fast.
func TestMemoryIsGivenBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	dial := clock.Start(time.Now())
	c := tuneMemory(dial)
	collected := func() time.Duration {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.real
	}
	after := func(what string, want func(limit int64) bool) {
		t.Helper()
		last := collected()
		runtime.GC()
		for range 1000 { // until it is known
			if collected() != last {
				break
			}
			runtime.Gosched()
			time.Sleep(time.Millisecond)
		}
		if limit := debug.SetMemoryLimit(-1); !want(limit) {
			t.Errorf("%s: the limit is %d MiB", what, limit/mib)
		}
	}
	small := func(limit int64) bool { return limit < startLimit/2 }
	large := func(limit int64) bool { return limit == freeLimit }
	after("it starts", func(limit int64) bool { return limit == startLimit })
	if clock.Virtual {
		c.settle()
		after("it runs free", large)
		if err := dial.Set(1, time.Time{}); err != nil {
			t.Fatal(err)
		}
		c.rest(0)
	} else {
		c.settle()
	}
	after("it rests at 1x", small)
	after("it is busy at 1x", large)
	c.rest(0)
	after("it rests again", small)
}
