package engine_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// The benchmarks of the provider's plane are of a whole engine whose etcd has
// about 100 MiB, in free run unless they say otherwise. Those of the bare etcdutl
// steps on such a database are in package backup.

// objects of 900 KiB: an object may have 1 MiB at the most.
const (
	bigObjects = 115
	bigSize    = 900 << 10
)

// heavy starts an engine and fills its etcd.
func heavy(b *testing.B, rate api.Rate) (*engine.Process, *api.Client, kubernetes.Interface) {
	b.Helper()
	dir := b.TempDir()
	p := start(b, built(b), dir, rate)
	b.Cleanup(p.Kill)
	kube, random := kubeOf(b, p), rand.New(rand.NewPCG(1, 2))
	for i := range bigObjects {
		if err := createBig(b.Context(), kube, random, i); err != nil {
			b.Fatal(err)
		}
	}
	provider, err := engine.AttachAs(dir, api.RoleProvider)
	if err != nil {
		b.Fatal(err)
	}
	return p, provider, kube
}

// kubeOf is a client of an engine's cluster that asks as fast as it is answered.
func kubeOf(b *testing.B, p *engine.Process) kubernetes.Interface {
	b.Helper()
	s, err := p.Client.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	cfg.QPS = -1
	return kubernetes.NewForConfigOrDie(cfg)
}

// createBig creates the object of a number.
func createBig(ctx context.Context, kube kubernetes.Interface, random *rand.Rand, i int) error {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("big-%d", i)}, Data: map[string]string{"text": halfRandom(random, bigSize)}}
	_, err := kube.CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{})
	return err
}

// halfRandom is a text that compresses to somewhat less than half.
func halfRandom(r *rand.Rand, size int) string {
	var sb strings.Builder
	for sb.Len() < size {
		n := make([]byte, 16)
		for i := range n {
			n[i] = byte(r.Uint32())
		}
		sb.WriteString("observedGeneration: " + hex.EncodeToString(n) + "\n")
	}
	return sb.String()[:size]
}

const mib = 1 << 20

// BenchmarkBackup100MiB is one backup, from the request to the catalogue.
func BenchmarkBackup100MiB(b *testing.B) {
	_, provider, _ := heavy(b, api.FreeRun)
	for b.Loop() {
		x, err := provider.TakeBackup(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(x.DatabaseBytes)/mib, "db-MiB")
		b.ReportMetric(float64(x.Bytes)/mib, "file-MiB")
	}
}

// BenchmarkRestore100MiB is one restore, from the request to an API server that
// serves.
func BenchmarkRestore100MiB(b *testing.B) {
	_, provider, _ := heavy(b, api.FreeRun)
	if _, err := provider.TakeBackup(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		want, err := provider.Restore(b.Context(), api.RestoreRequest{})
		if err != nil {
			b.Fatal(err)
		}
		awaitRestore(b, provider, want.ID)
	}
}

func awaitRestore(b *testing.B, c *api.Client, id string) {
	b.Helper()
	for {
		list, err := c.Restores(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		i := slices.IndexFunc(list, func(r api.Restore) bool { return r.ID == id })
		if i >= 0 && list[i].Phase == api.RestoreFailed {
			b.Fatal(list[i].Error)
		}
		if i >= 0 && list[i].Phase == api.RestoreDone {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// BenchmarkReadsDuringBackup is the 99th percentile of a client's reads at 1x,
// with and without a backup at the same time.
func BenchmarkReadsDuringBackup(b *testing.B) {
	_, provider, kube := heavy(b, 1)
	var quiet, busy []time.Duration
	for b.Loop() {
		quiet = append(quiet, reads(b, kube, func() bool { return false }, 200)...)
		ctx, cancel := context.WithCancel(b.Context())
		go func() {
			defer cancel()
			if _, err := provider.TakeBackup(b.Context()); err != nil {
				b.Error(err)
			}
		}()
		busy = append(busy, reads(b, kube, func() bool { return ctx.Err() != nil }, 100_000)...)
	}
	b.ReportMetric(p99(quiet).Seconds()*1000, "quiet-p99-ms")
	b.ReportMetric(p99(busy).Seconds()*1000, "backup-p99-ms")
}

// reads reads one object every few milliseconds, until done or often enough.
func reads(b *testing.B, kube kubernetes.Interface, done func() bool, most int) (took []time.Duration) {
	b.Helper()
	for len(took) < most && !done() {
		began := time.Now()
		if _, err := kube.CoreV1().Namespaces().Get(b.Context(), "default", metav1.GetOptions{}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		time.Sleep(5 * time.Millisecond)
	}
	return took
}

func p99(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)*99/100]
}
