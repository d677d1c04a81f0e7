package network

import (
	"net/http"
	"net/netip"
	"time"
)

// Answering is how many of the pods of a Service answer on its first port, and of how many,
// those that are not ready included. It sends nothing.
func (n *Network) Answering(namespace, name string) (answer, of int) {
	newest := n.newest()
	if newest == nil {
		return 0, 0
	}
	svc := newest.services[namespace+"/"+name]
	if svc == nil || len(svc.ports) == 0 {
		return 0, 0
	}
	p := svc.ports[0]
	for _, e := range p.cluster {
		if n.answers(e, p.udp) {
			answer++
		}
	}
	return answer, max(p.all, len(p.cluster))
}

// answers says whether something listens at an endpoint that packets can come to.
func (n *Network) answers(e endpoint, udp bool) bool {
	b, ok := n.fabric.Backend(e.addr)
	if !ok || b.Reaches == nil && !n.fabric.Reachable(b.Node) {
		return false
	}
	return b.listens(e.port, udp)
}

// Frontends is how many nodes the load balancer of a Service takes for healthy, and of how
// many; none where the network around the machines lets nothing in. Of is 0 if the Service
// has no load balancer, as far as any node knows.
func (n *Network) Frontends(namespace, name string) (healthy, of int) {
	if n.newest() == nil { // nobody knows
		return 0, len(n.fabric.Nodes())
	}
	frontend, p := n.frontend(namespace, name, 0)
	if p == nil {
		return 0, 0
	}
	b, ok := n.fabric.Balanced(frontend.AddrPort, frontend.udp)
	ok = ok && (b.Internal || n.fabric.Admits(frontend.AddrPort, frontend.udp))
	now := time.Now()
	for _, node := range n.fabric.Nodes() {
		of++
		if ok && n.takes(node, b.Probe, now, true) {
			healthy++
		}
	}
	return healthy, of
}

// ProbeUp says whether a load balancer's probe finds a node well.
func (n *Network) ProbeUp(node string, p Probe) bool { return n.takes(node, p, time.Now(), true) }

// takes says whether the load balancer sends to a node. peek says that nothing is to be
// remembered.
func (n *Network) takes(node string, p Probe, now time.Time, peek bool) bool {
	if p.Name == "" {
		return true
	}
	up := n.fabric.Rules(node) != nil && n.fabric.Reachable(node)
	var h history
	if peek {
		h = n.probes.peek(node, up)
	} else {
		h = n.probes.note(node, up, now)
	}
	there := p.healthy(h, now)
	if !up { // nobody answers, and that has been noticed in its own time
		return there
	}
	return there && p.healthy(n.probes.ask(node, p, now, peek, func() bool { return n.answersProbe(node, p) }), now)
}

// answersProbe says whether something on a node answers a probe. A node port is open if
// kube-proxy there knows it, whatever is behind it.
func (n *Network) answersProbe(node string, p Probe) bool {
	rules := n.fabric.Rules(node)
	if h, ok := rules.HealthCheck(node, int32(p.Port)); ok {
		return statusOf(h, p.Path) == http.StatusOK
	}
	if p.Path == "" && rules.nodePorts[nodePort(p.Port, false)] != nil {
		return true
	}
	r, err := n.enter(node, socket{AddrPort: netip.AddrPortFrom(n.fabric.NodeIP(node), p.Port)}, client{})
	if err != nil || p.Path == "" {
		return err == nil
	}
	h, ok := r.backend.Handler(int32(r.to.Port()))
	return ok && statusOf(h, p.Path) == http.StatusOK
}

// statusOf is the status that a handler answers to a GET.
func statusOf(h http.Handler, path string) int {
	req, err := http.NewRequest(http.MethodGet, "http://probe"+path, nil)
	if err != nil {
		return 0
	}
	req.Header.Set("User-Agent", "Load Balancer Agent")
	w := &status{header: http.Header{}, code: http.StatusOK}
	h.ServeHTTP(w, req)
	return w.code
}

// status takes an answer of which only the status matters.
type status struct {
	header http.Header
	code   int
}

// Header implements [http.ResponseWriter].
func (s *status) Header() http.Header { return s.header }

// Write implements [http.ResponseWriter].
func (s *status) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements [http.ResponseWriter].
func (s *status) WriteHeader(code int) { s.code = code }
