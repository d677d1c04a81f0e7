package main

import (
	"math"
	"runtime/debug"
	"testing"
	"time"
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
		{"a small cluster that is busy keeps the least limit", memory{live: 120 * mib, other: 60 * mib}, time.Second, false, heapLimit},
		{"a large one that is busy goes by a percentage", memory{live: 400 * mib, other: 100 * mib}, time.Second, true, 780 * mib},
		{"what is beside the heap counts", memory{live: 260 * mib, other: 100 * mib}, time.Second, true, 542 * mib},
		{"a large one that idles goes by a limit", memory{live: 400 * mib, other: 100 * mib}, idlePeriod, false, 780 * mib},
		{"what customers store needs no margin of its own", memory{live: 2000 * mib, scan: 300 * mib, other: 100 * mib}, time.Second, true, 2420 * mib},
		{"what is to be searched for pointers does", memory{live: 2000 * mib, scan: 1500 * mib, other: 100 * mib}, time.Second, true, 3150 * mib},
	} {
		if got := c.m.busy(c.since); got != c.busy {
			t.Errorf("%s: busy is %t, want %t", c.name, got, c.busy)
		}
		if got := c.m.limit(); got != c.limit {
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
		m.tune(c.busy)
		limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(-1)
		if limit != c.limit || percent != c.percent {
			t.Errorf("tune(%t): %d percent within %d bytes, want %d within %d", c.busy, percent, limit, c.percent, c.limit)
		}
	}
}
