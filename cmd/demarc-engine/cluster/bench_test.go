//go:build faketime

package cluster

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/state"
)

var dial *clock.Dial

func TestMain(m *testing.M) {
	// A faketime binary frames what it writes to the first two descriptors.
	if fd, err := syscall.Dup(1); err == nil {
		os.Stdout = os.NewFile(uintptr(fd), "stdout")
	}
	dial = clock.Start(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	os.Exit(m.Run())
}

// BenchmarkProviderPlane is what the provider's plane costs an idle cluster of
// three nodes in free run: hours with it and without it in turn, the watchdog,
// the replicas and the backups among what is left out.
func BenchmarkProviderPlane(b *testing.B) {
	ctx := context.Background()
	cfg := api.EngineConfig{
		Ephemeral: true, Cluster: api.ClusterSpec{Name: "bench", Nodes: 3, Edition: api.DefaultEdition, Start: time.Now(), Seed: 1},
	}
	c, err := Open(b.TempDir(), cfg, dial, state.Loaded{State: &state.State{Cluster: cfg.Cluster, Starting: true}})
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(ctx); err != nil {
		b.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	hour := func() time.Duration {
		began := clock.RealNow()
		time.Sleep(time.Hour)
		return clock.RealNow() - began
	}
	r := c.Memory
	var with, without time.Duration
	for b.Loop() {
		with += hour()
		for i := range 3 {
			if err := r.Crash(i); err != nil {
				b.Fatal(err)
			}
		}
		without += hour()
		for i := range 3 {
			if err := r.Start(i); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
	}
	b.ReportMetric(with.Seconds()/float64(b.N), "with-s/hour")
	b.ReportMetric(without.Seconds()/float64(b.N), "without-s/hour")
	b.ReportMetric(100*(with.Seconds()/without.Seconds()-1), "%-more")
}
