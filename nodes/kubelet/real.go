package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"demarc/nodes/network"
	"demarc/sim/backend"
	"demarc/sim/timeline"
)

// real is the real program behind a port of the pod, if there is one.
func (p *pod) real(port int32) (network.Real, bool) {
	p.k.ks.Lock.Lock()
	defer p.k.ks.Lock.Unlock()
	return p.behind(port)
}

// behind is real with the lock held.
func (p *pod) behind(port int32) (network.Real, bool) {
	c := p.listener(port, false)
	if c == nil {
		return network.Real{}, false
	}
	to, ok := c.behaviour.Backend.Of(port)
	if !ok {
		return network.Real{}, false
	}
	id, ks := c.id, p.k.ks
	return network.Real{
		Dial: func(ctx context.Context) (net.Conn, error) { return c.dialReal(ctx, to) },
		Alive: func() bool {
			ks.Lock.Lock()
			defer ks.Lock.Unlock()
			return c.id == id && c.serves(time.Now())
		},
	}, true
}

// Real is the real program behind a port of the node itself, if there is one. The lock is
// not held.
func (k *Kubelet) Real(port int32) (network.Real, bool) {
	k.ks.Lock.Lock()
	defer k.ks.Lock.Unlock()
	for _, p := range k.pods {
		if p.spec.Spec.HostNetwork && p.listener(port, false) != nil {
			return p.behind(port)
		}
	}
	return network.Real{}, false
}

// dialReal connects to a real program. It does not live in virtual time: where that runs
// free, it would be asked faster than anybody can answer, so nobody is.
func (c *container) dialReal(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	ks := c.p.k.ks
	if ks.Live != nil && !ks.Live() {
		c.tooFast(to)
		return nil, syscall.ECONNREFUSED
	}
	conn, err := backend.Dial(ctx, to)
	if err == nil {
		c.asked.note(time.Now())
	}
	return conn, err
}

// tooFast says once for each instance of a container why its program was not asked.
func (c *container) tooFast(to netip.AddrPort) {
	ks := c.p.k.ks
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if c.told == c.id {
		return
	}
	c.told = c.id
	now := time.Now()
	message := fmt.Sprintf("the program behind it, %s, is real, and the virtual clock runs as fast as the machine goes: its connections are refused until the clock has a rate (demarc clock set 1x)", to)
	c.p.event(now, warning, "BackendRefused", message, c.field())
	ks.Timers.Wake(c.p)
	ks.Log.Append(timeline.Event{Time: now, Actor: timeline.Node, Verb: "refused", Subject: c.subject(), Message: message})
}

// joinReal carries a port-forwarded connection to a real program.
func joinReal(ctx context.Context, r network.Real, stream io.ReadWriteCloser) error {
	conn, err := r.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream) // ends when either side does
		conn.Close()
	}()
	_, _ = io.Copy(stream, conn)
	return nil
}

// getReal asks a real program by HTTP as a kubelet does: it trusts any certificate, and
// follows nobody elsewhere.
func getReal(r network.Real, req *http.Request) (status int, body string, err error) {
	tr := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.Dial(ctx) },
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProbeOutput))
	return resp.StatusCode, string(b), err
}
