package engine_test

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"
)

// How fast a cluster answers whoever is outside.

// live runs a benchmark of a cluster that is paused, that goes at a rate, and that runs free.
func live(b *testing.B, f func(b *testing.B, p *engine.Process)) {
	path := built(b)
	for _, rate := range []api.Rate{0, 1, 60, api.FreeRun} {
		b.Run(rate.String(), func(b *testing.B) {
			p := start(b, path, b.TempDir(), rate)
			defer p.Kill()
			f(b, p)
		})
	}
}

// BenchmarkKubectl is `kubectl get pods` against a live cluster.
func BenchmarkKubectl(b *testing.B) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		b.Skip("no kubectl on this machine")
	}
	live(b, func(b *testing.B, p *engine.Process) {
		kubeconfig := status(b, p).Kubeconfig
		median(b, func() error {
			return exec.Command(kubectl, "--kubeconfig", kubeconfig, "get", "pods").Run()
		})
	})
}

// BenchmarkCurl is a request through a load balancer by a new connection.
func BenchmarkCurl(b *testing.B) {
	live(b, func(b *testing.B, p *engine.Process) {
		url := "http://" + status(b, p).LoadBalancers[0].Address + "/"
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		median(b, func() error {
			resp, err := client.Get(url)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		})
	})
}

func status(b *testing.B, p *engine.Process) api.Status {
	b.Helper()
	s, err := p.Client.Status(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// median reports what half of all rounds took at most.
func median(b *testing.B, round func() error) {
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := round(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
}
