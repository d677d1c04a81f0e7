package nodes

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
)

// clientCertificate is one that nobody has signed.
func clientCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	certificate, key, err := certutil.GenerateSelfSignedCertKey("kube-apiserver", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// kubeletClient is an HTTP client as the API server has one.
func kubeletClient(t *testing.T, f *Fleet) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return f.DialKubelet(ctx, address) },
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{clientCertificate(t)}},
		DisableKeepAlives: true,
	}}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestKubeletAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		c := kubeletClient(t, w.f)
		base := "https://10.224.0.4:10250"
		for _, tc := range []struct {
			path   string
			status int
			want   string
		}{
			{"/healthz", 200, "ok"},
			{"/pods", 200, `"name":"web"`},
			{"/metrics", 200, "kubelet_running_pods 1"},
			{"/stats/summary", 200, `"name":"web"`},
			{"/containerLogs/default/web/nope", 404, "not found"},
			{"/containerLogs/default/nope/c", 404, "not found"},
			{"/containerLogs/default/web/c?tailLines=x", 400, "tailLines=x"},
			{"/containerLogs/default/web/c?previous=true", 400, "previous terminated container"},
		} {
			status, body := get(t, c, base+tc.path)
			if status != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%s: %d %q, want %d %q", tc.path, status, body, tc.status, tc.want)
			}
		}
		if status, body := get(t, c, "https://10.224.0.5:10250/containerLogs/default/web/c"); status != 404 {
			t.Errorf("another node answers for the pod: %d %s", status, body)
		}
		w.f.CrashKubelet("0", timeline.Provider, true, true)
		if _, err := get(t, c, base+"/healthz"); !strings.Contains(err, "dial tcp 10.224.0.4:10250: connect: connection refused") {
			t.Errorf("a stopped kubelet: %s", err)
		}
		w.f.PowerOff("1", timeline.Platform)
		if _, err := get(t, c, "https://10.224.0.5:10250/healthz"); !strings.Contains(err, "dial tcp 10.224.0.5:10250: i/o timeout") {
			t.Errorf("a machine without power: %s", err)
		}
	})
}

// What goes through the tunnel ends with its last agent.
func TestConnectionsEndWithTheTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		for _, name := range []string{"agent-1", "agent-2"} {
			w.create(testPod(w.f, name, func(p *corev1.Pod) {
				p.Namespace, p.Labels = "kube-system", map[string]string{"app": "konnectivity-agent"}
			}))
		}
		w.pass(5 * time.Second)
		conn, err := w.f.DialKubelet(t.Context(), "10.224.0.5:10250")
		if err != nil {
			t.Fatal(err)
		}
		var ended atomic.Bool
		go func() {
			_, _ = conn.Read(make([]byte, 1))
			ended.Store(true)
		}()
		for i, want := range []bool{false, true} {
			if _, err := w.f.CrashContainer("kube-system", fmt.Sprintf("agent-%d", i+1), "c", 137, "", timeline.Customer); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := ended.Load(); got != want {
				t.Errorf("after the end of agent %d the connection has ended: %v, want %v", i+1, got, want)
			}
		}
	})
}

func TestKubeletWantsAClientCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		c := kubeletClient(t, w.f)
		c.Transport.(*http.Transport).TLSClientConfig.Certificates = nil
		if status, _ := get(t, c, "https://10.224.0.4:10250/pods"); status != http.StatusUnauthorized {
			t.Errorf("status = %d, want 401", status)
		}
	})
}
