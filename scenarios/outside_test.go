package scenarios_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"demarc/sim/api"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// think is how long a client outside takes over each part of a handshake: on a busy
// machine a program is not quicker. In free run that would be minutes of the cluster.
const think = 100 * time.Millisecond

// TestOutsideInFreeRun asks a cluster that runs free from outside, by connections of
// their own. Everything is answered, and the clock waits meanwhile.
func TestOutsideInFreeRun(t *testing.T) {
	m := newMortalOf(t, api.ClusterSpec{Nodes: 1, Sample: true})
	s := m.status()
	if _, err := m.p.Client.SetClock(t.Context(), api.ClockRequest{Rate: api.FreeRun}); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := rest.TLSConfigFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pods := cfg.Host + "/api/v1/namespaces/default/pods"
	shop := "http://" + s.LoadBalancers[0].Address + "/"
	for url, rounds := range map[string]int{pods: 100, shop: 20} {
		for i := range rounds {
			var slow time.Duration
			if i < 3 {
				slow = think
			}
			transport := &http.Transport{TLSClientConfig: secure.Clone(), DialContext: dialSlowly(slow), DisableKeepAlives: true}
			passed, err := m.passes(func() error { return fetch(t.Context(), url, transport) })
			if err != nil {
				t.Errorf("%s, request %d: %v", url, i, err)
			}
			if limit := 30 * time.Second; slow > 0 && passed > limit {
				t.Errorf("%s, request %d, by a slow client: %v passed in the cluster, want at most %v", url, i, passed, limit)
			}
		}
	}
}

// passes is how much time passes in the cluster meanwhile.
func (m *mortal) passes(meanwhile func() error) (time.Duration, error) {
	m.t.Helper()
	before, err := m.p.Client.Clock(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	failure := meanwhile()
	after, err := m.p.Client.Clock(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return after.Now.Sub(before.Now), failure
}

func fetch(ctx context.Context, url string, transport http.RoundTripper) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

// slowConn is the connection of a client that thinks before it says anything.
type slowConn struct {
	net.Conn
	think time.Duration
}

func (c slowConn) Write(b []byte) (int, error) {
	time.Sleep(c.think)
	return c.Conn.Write(b)
}

func dialSlowly(think time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return slowConn{c, think}, err
	}
}
