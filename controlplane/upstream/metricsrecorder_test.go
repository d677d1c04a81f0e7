//go:build faketime

package upstream

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"k8s.io/component-base/metrics/testutil"
	"k8s.io/kubernetes/pkg/scheduler"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// recorders is how many of upstream's recorders run.
func recorders(t *testing.T) int {
	t.Helper()
	time.Sleep(time.Second)
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(b.String(), "\ncreated by k8s.io/kubernetes/pkg/scheduler/metrics.NewMetricsAsyncRecorder")
}

func TestNoRecorderIsLeaked(t *testing.T) {
	type key struct{}
	for what, parent := range map[string]context.Context{
		"a context": t.Context(), "one with a value": context.WithValue(t.Context(), key{}, 0),
	} {
		before := recorders(t)
		ctx := context.WithValue(WithoutLeakedRecorder(parent), key{}, 1)
		if _, err := frameworkruntime.NewFramework(ctx, nil, nil); err != nil {
			t.Fatal(err)
		}
		if n := recorders(t) - before; n != 0 {
			t.Errorf("with %s a framework has started %d recorders, want none", what, n)
		}
		if ctx.Err() != nil || ctx.Done() != parent.Done() {
			t.Errorf("with %s others do not see the parent", what)
		}
	}
}

func newTestScheduler(t testing.TB) (*scheduler.Scheduler, *metrics.MetricAsyncRecorder) {
	t.Helper()
	metrics.Register()
	r := metrics.NewMetricsAsyncRecorder(1000, time.Second, t.Context().Done())
	f, err := frameworkruntime.NewFramework(WithoutLeakedRecorder(t.Context()), nil, nil, frameworkruntime.WithMetricsRecorder(r))
	if err != nil {
		t.Fatal(err)
	}
	return &scheduler.Scheduler{Profiles: profile.Map{"default": f}}, r
}

// TestRecorderIsAsFreshAsBefore: what is recorded is there within two seconds, as with
// upstream's own.
func TestRecorderIsAsFreshAsBefore(t *testing.T) {
	s, r := newTestScheduler(t)
	if err := CalmRecorder(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour + recorderIdle/2) // long before upstream's own loop looks again
	r.ObservePluginDurationAsync("Filter", "fresh", "Success", 1)
	r.ObserveCounterAsync(metrics.PreQueueingHintEvaluations, 1, "fresh", "all_pods")
	r.ObserveInFlightEventsAsync("fresh", 1, true)
	time.Sleep(2 * time.Second)
	if n, err := testutil.GetHistogramMetricCount(metrics.PluginExecutionDuration.WithLabelValues("fresh", "Filter", "Success")); err != nil || n != 1 {
		t.Errorf("2s after one observation there are %d (%v)", n, err)
	}
	if n, err := testutil.GetCounterMetricValue(metrics.PreQueueingHintEvaluations.WithLabelValues("fresh", "all_pods")); err != nil || n != 1 {
		t.Errorf("2s after it was counted once a counter has %v (%v)", n, err)
	}
	if n, err := testutil.GetGaugeMetricValue(metrics.InFlightEvents.WithLabelValues("fresh")); err != nil || n != 1 {
		t.Errorf("2s after it was raised a gauge has %v (%v)", n, err)
	}
}

// BenchmarkRecorderSecond is what an idle second of a recorder costs: upstream's looks
// into its channels, and ours looks whether it should.
func BenchmarkRecorderSecond(b *testing.B) {
	s, r := newTestScheduler(b)
	ours, err := newRecorder(s.Profiles["default"])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("upstream", func(b *testing.B) {
		for b.Loop() {
			r.FlushMetrics()
		}
	})
	b.Run("demarc", func(b *testing.B) {
		for b.Loop() {
			if ours.waiting() > 0 {
				r.FlushMetrics()
			}
		}
	})
}
