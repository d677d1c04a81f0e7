package network

import "time"

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
	now := time.Now()
	for _, node := range n.fabric.Nodes() {
		of++
		if n.fabric.Admits(frontend.Port()) && n.probes.peek(node, n.fabric.Rules(node) != nil && n.fabric.Reachable(node), now) && n.serves(node, frontend, p) {
			healthy++
		}
	}
	return healthy, of
}

// serves says whether kube-proxy on a node answers the probe of a frontend: it fails that of
// a node with no endpoint of its own, if the Service's externalTrafficPolicy is Local.
// Nothing answers on a node without rules.
func (n *Network) serves(node string, frontend socket, p *servicePort) bool {
	rules := n.fabric.Rules(node)
	return rules == nil || !p.localExternal || rules.virtual[frontend] != nil && len(rules.virtual[frontend].local[node]) > 0
}
