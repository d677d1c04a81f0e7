//go:build faketime

package controlplane

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"demarc/sim/clock"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

func TestMain(m *testing.M) {
	// A faketime binary frames what it writes to the first two descriptors.
	if fd, err := syscall.Dup(1); err == nil {
		os.Stdout = os.NewFile(uintptr(fd), "stdout")
	}
	clock.Start(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	os.Exit(m.Run())
}

func startPlane(t testing.TB, members, servers int) (*Plane, kubernetes.Interface) {
	t.Helper()
	return startPlaneOf(t, "", members, servers)
}

func startPlaneOf(t testing.TB, version string, members, servers int) (*Plane, kubernetes.Interface) {
	t.Helper()
	return startPlaneWith(t, Config{KubernetesVersion: version, EtcdMembers: members, APIServers: servers})
}

// startPlaneWith starts a plane with what is not the same in all tests.
func startPlaneWith(t testing.TB, cfg Config) (*Plane, kubernetes.Interface) {
	t.Helper()
	cfg.Dir = t.TempDir()
	p, client := startPlaneIn(t, cfg)
	t.Cleanup(func() { stopPlane(p) })
	return p, client
}

// startPlaneIn starts a plane in a directory. The caller stops it.
func startPlaneIn(t testing.TB, cfg Config) (*Plane, kubernetes.Interface) {
	t.Helper()
	p, client := newPlaneIn(t, cfg)
	if err := p.Start(context.Background()); err != nil {
		stopPlane(p)
		t.Fatal(err)
	}
	return p, client
}

// newPlaneIn prepares a plane in a directory. The caller stops it.
func newPlaneIn(t testing.TB, cfg Config) (*Plane, kubernetes.Interface) {
	t.Helper()
	cfg.Name, cfg.Logs, cfg.Ephemeral = "test", cfg.Dir+"/logs", true
	cfg.Tunnel = func(context.Context, string) (net.Conn, error) { return nil, fmt.Errorf("no agent") }
	if cfg.Note == nil {
		cfg.Note = func(string, timeline.Verb, string) {}
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, kubernetes.NewForConfigOrDie(p.Customer())
}

func stopPlane(p *Plane) {
	// An API server that has lost its etcd waits for it to say goodbye.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p.Stop(ctx)
}

func TestAcknowledgedWritesSurviveCrashes(t *testing.T) {
	ctx := context.Background()
	p, client := startPlane(t, 1, 1)
	time.Sleep(5 * time.Minute)
	start := runtime.NumGoroutine()
	for i, name := range []string{APIServer, Etcd, APIServer, Etcd, APIServer} {
		cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("written-%d", i)}}
		if _, err := client.CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{}); err != nil {
			t.Fatalf("create before crash %d of %s: %v", i, name, err)
		}
		c := p.Group(name)[0]
		if err := c.Crash(); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		if _, err := client.CoreV1().ConfigMaps("default").Get(short, cm.Name, metav1.GetOptions{}); err == nil {
			t.Errorf("get while %s is down succeeded", name)
		}
		cancel()
		time.Sleep(5 * time.Minute)
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
		// An API server that lived through an outage of etcd finds back to it
		// within two minutes: gRPC's longest back-off.
		err := wait.PollUntilContextTimeout(ctx, time.Second, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
			short, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			_, err := client.CoreV1().ConfigMaps("default").Get(short, cm.Name, metav1.GetOptions{})
			return err == nil, nil
		})
		if err != nil {
			t.Errorf("get after crash %d of %s: %v", i, name, err)
		}
	}
	time.Sleep(5 * time.Minute)
	if now := runtime.NumGoroutine(); now > start*11/10 {
		t.Errorf("goroutines: %d after the crashes, %d before", now, start)
	}
}

func BenchmarkIdleHour(b *testing.B) {
	_, _ = startPlane(b, 1, 1)
	time.Sleep(5 * time.Minute)
	b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
	b.ResetTimer()
	start := clock.RealNow()
	for b.Loop() {
		time.Sleep(time.Hour)
	}
	b.ReportMetric((clock.RealNow()-start).Seconds()/float64(b.N), "real-s/op")
}

// TestClientsHaveConnectionsOfTheirOwn: each configuration is of another client, though they are alike.
func TestClientsHaveConnectionsOfTheirOwn(t *testing.T) {
	p, _ := startPlane(t, 1, 1)
	conns := map[*apiConn]bool{}
	for range 2 {
		cfg := p.Customer()
		for range 2 {
			if _, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
				t.Fatal(err)
			}
			conns[cfg.Transport.(*apiCalls).conn] = true
		}
	}
	if len(conns) != 2 {
		t.Errorf("two clients have %d connections", len(conns))
	}
}
