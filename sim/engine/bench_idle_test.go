package engine_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"demarc/sim/api"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// settling is how long a new cluster is left alone before it counts as idle: the
// periods of its loops have begun, and what a start lists has been listed.
const settling = 20 * time.Minute

// BenchmarkIdle is a virtual hour in which nobody does anything. Besides what it takes
// it reports what the engine did in it, which the machine's load does not blur.
func BenchmarkIdle(b *testing.B) {
	path := built(b)
	for _, c := range []struct {
		name string
		spec api.ClusterSpec
	}{
		{"3-nodes", api.ClusterSpec{Nodes: 3}},
		{"3-nodes-3-members", api.ClusterSpec{Nodes: 3, EtcdMembers: 3, APIServers: 3}},
		{"100-nodes", api.ClusterSpec{Nodes: 100}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				x := launch(b, path, c.spec)
				x.idle(settling)
				before, cpu, at := x.counts(), x.p.Spent(), x.status().Now
				b.ReportMetric(x.idle(time.Hour).Seconds(), "hour-s")
				after, hours := x.counts(), x.status().Now.Sub(at).Hours()
				b.ReportMetric((x.p.Spent()-cpu).Seconds()/hours, "hour-cpu-s")
				for unit, total := range after {
					b.ReportMetric((total-before[unit])/hours, unit+"/hour")
				}
				b.ReportMetric(x.metrics().sum("go_goroutines"), "goroutines")
				b.ReportMetric(peakMiB(x.dir), "peak-MiB")
				x.p.Kill()
			}
		})
	}
}

// counts are what the engine has done since it was started, by unit.
func (x *big) counts() map[string]float64 {
	x.b.Helper()
	m := x.metrics()
	return map[string]float64{
		"mallocs":     m.sum("go_memstats_mallocs_total"),
		"MiB":         m.sum("go_memstats_alloc_bytes_total") / mib,
		"requests":    m.sum("apiserver_request_total"),
		"etcd-writes": m.sum("etcd_server_proposals_applied_total"),
	}
}

// families are metrics by their names.
type families map[string]*dto.MetricFamily

// metrics are the engine's, with those of Kubernetes and etcd.
func (x *big) metrics() families {
	x.b.Helper()
	text, err := x.p.Client.Metrics(x.b.Context())
	if err != nil {
		x.b.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	m, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		x.b.Fatal(err)
	}
	return m
}

// sum is the value of a metric, over all labels.
func (f families) sum(name string) (sum float64) {
	for _, m := range f[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	}
	return sum
}

// watched is how long a live engine is looked at, in real time.
const watched = 20 * time.Second

// BenchmarkLive is how much of a core a live cluster takes that nobody asks anything.
func BenchmarkLive(b *testing.B) {
	path := built(b)
	for _, rate := range []api.Rate{1, 60, 0} {
		b.Run(fmt.Sprintf("%gx", rate), func(b *testing.B) {
			for b.Loop() {
				p := start(b, path, b.TempDir(), 1)
				if _, err := p.Client.SetClock(b.Context(), api.ClockRequest{Rate: rate}); err != nil {
					b.Fatal(err)
				}
				time.Sleep(watched / 4)
				before := p.Spent()
				time.Sleep(watched)
				b.ReportMetric(100*(p.Spent()-before).Seconds()/watched.Seconds(), "%core")
				p.Kill()
			}
		})
	}
}
