package engine_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/timeline"
)

// The benchmarks are of whole engine processes, in real time.

// shop is a workload of three replicas under one request per second.
const shop = `# A day of a small cluster
cluster nodes=3
at 0s          apply shop.yaml
within 2m      expect up.yaml
at 2m          traffic buyers from=outside to=service/shop rate=1/s
throughout 24h check 'traffic.buyers.success == 1.0'
-- shop.yaml --
kind: Deployment
apiVersion: apps/v1
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: nginx, ports: [{containerPort: 80}]}]}
---
kind: Service
apiVersion: v1
metadata: {name: shop}
spec: {type: LoadBalancer, selector: {app: shop}, ports: [{port: 80}]}
-- up.yaml --
kind: Deployment
apiVersion: apps/v1
metadata: {name: shop}
status: {readyReplicas: 3}
`

// crowd is 1,000 pods on 100 nodes.
const crowd = `# A thousand pods on a hundred nodes
cluster nodes=100
at 0s      apply crowd.yaml
within 30m expect up.yaml
-- crowd.yaml --
kind: Deployment
apiVersion: apps/v1
metadata: {name: crowd}
spec:
  replicas: 1000
  selector: {matchLabels: {app: crowd}}
  template:
    metadata: {labels: {app: crowd}}
    spec: {containers: [{name: crowd, image: nginx}]}
-- up.yaml --
kind: Deployment
apiVersion: apps/v1
metadata: {name: crowd}
status: {readyReplicas: 1000}
`

func built(b *testing.B) string {
	b.Helper()
	path, err := engine.Build(b.Context(), os.Stderr)
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkStart is from the start of a process to three Ready nodes whose
// sample workload serves.
func BenchmarkStart(b *testing.B) {
	path := built(b)
	for b.Loop() {
		p := start(b, path, b.TempDir(), 1)
		b.StopTimer()
		p.Kill()
		b.StartTimer()
	}
}

// start starts an engine with the sample workload and waits until it serves.
func start(b *testing.B, path, dir string, rate api.Rate) *engine.Process {
	b.Helper()
	p, err := engine.Start(b.Context(), engine.Options{Path: path, DataDir: dir, Config: api.EngineConfig{
		Cluster: api.ClusterSpec{Name: "bench", Nodes: 3, Edition: api.DefaultEdition, Start: time.Now(), Seed: 1, Sample: true},
		Rate:    rate, Ephemeral: true,
	}})
	if err != nil {
		b.Fatal(err)
	}
	for {
		s, err := p.Client.Status(b.Context())
		if err != nil || s.State == "failed" {
			b.Fatalf("start: %v %s", err, s.Error)
		}
		if s.State == "ready" {
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkDay is 24 virtual hours of three nodes with traffic, in free run,
// from the start of the process to its end.
func BenchmarkDay(b *testing.B) { benchmarkScenario(b, "day", shop) }

// BenchmarkHundredNodes is from the start of the process until 1,000 pods are
// Running on 100 nodes.
func BenchmarkHundredNodes(b *testing.B) { benchmarkScenario(b, "hundred-nodes", crowd) }

func benchmarkScenario(b *testing.B, name, text string) {
	built(b)
	for b.Loop() {
		var peak float64
		var dir string
		r, err := scenarios.Drill{
			Name: name, File: name + ".txtar", Text: text, Started: func(d string) { dir = d },
		}.Run(b.Context(), func(api.Step) { peak = max(peak, peakMiB(dir)) }, func(timeline.Event) {})
		if err != nil {
			b.Fatal(err)
		}
		if r.Verdict != api.VerdictHeld {
			b.Fatalf("%s: %s %+v", name, r.Error, r.Expectations)
		}
		b.ReportMetric(peak, "peak-MiB")
		b.ReportMetric(r.VirtualSeconds/r.RealSeconds, "virtual-s/s")
	}
}

// peakMiB is the largest resident size of the engine in dir so far; 0 where the
// system does not tell.
func peakMiB(dir string) float64 {
	c, err := engine.Attach(dir)
	if err != nil {
		return 0
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.Handle().PID), "status"))
	if err != nil {
		return 0
	}
	for _, line := range bytes.Split(b, []byte("\n")) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "VmHWM:" {
			kib, _ := strconv.ParseFloat(string(f[1]), 64)
			return kib / 1024
		}
	}
	return 0
}
