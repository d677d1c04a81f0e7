package engine_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"demarc/sim/engine"
)

// What an engine may take that carries 1 GB of a customer's data.
const (
	carriedObjects = 1200
	carriedMiB     = 2500e6 / mib // 2.5 GB, at any time
	carriedResume  = 15 * time.Second
)

// BenchmarkCarry1GB writes 1,200 objects of 900 KiB from eight clients, kills the
// engine, and resumes it. It fails if that takes more memory or time than it may.
func BenchmarkCarry1GB(b *testing.B) {
	if testing.Short() {
		b.Skip("writes more than 1 GB")
	}
	path := built(b)
	for b.Loop() {
		dir := b.TempDir()
		p := start(b, path, dir, 1)
		began := time.Now()
		carry(b, p)
		b.ReportMetric(time.Since(began).Seconds(), "write-s")
		checkPeak(b, dir, "write")
		p.Kill()

		began = time.Now()
		p = start(b, path, dir, 1)
		resumed := time.Since(began)
		b.ReportMetric(p.Spent().Seconds(), "resume-cpu-s")
		if b.ReportMetric(resumed.Seconds(), "resume-s"); resumed > carriedResume {
			b.Errorf("resumed after %s, want within %s", resumed, carriedResume)
		}
		time.Sleep(30 * time.Second) // its controllers list everything
		checkPeak(b, dir, "resume")
		info, err := os.Stat(filepath.Join(dir, "etcd", "0", "member", "snap", "db"))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/mib, "db-MiB")
		p.Kill()
	}
}

func checkPeak(b *testing.B, dir, what string) {
	b.Helper()
	peak := peakMiB(dir)
	if b.ReportMetric(peak, what+"-peak-MiB"); peak > carriedMiB {
		b.Errorf("%s: it took %.0f MiB, want at most %.0f", what, peak, carriedMiB)
	}
}

// carry writes the objects, eight at a time.
func carry(b *testing.B, p *engine.Process) {
	b.Helper()
	kube := kubeOf(b, p)
	var next atomic.Int64
	var writers sync.WaitGroup
	for w := range uint64(8) {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(1, w))
			for i := next.Add(1); i <= carriedObjects; i = next.Add(1) {
				if err := createBig(context.Background(), kube, random, int(i)); err != nil {
					b.Errorf("write %d: %v", i, err)
					return
				}
			}
		})
	}
	writers.Wait()
}
