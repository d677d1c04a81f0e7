package network

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// ClusterDomain is the domain of every Service.
const ClusterDomain = "cluster.local"

// DNSServiceIP is where pods send their queries: AKS's default.
var DNSServiceIP = netip.MustParseAddr("10.0.0.10")

const dnsPort = 53

// Resolve looks up a name as a pod in the client's namespace does: by way of the
// rules of its node to a CoreDNS pod, which answers from what its own node's
// rules say.
func (n *Network) Resolve(ctx context.Context, from Origin, name string) ([]netip.Addr, error) {
	server := netip.AddrPortFrom(DNSServiceIP, dnsPort)
	knowledge, err := n.askDNS(ctx, from.Node, server)
	if err != nil {
		e := &net.DNSError{Err: "read udp: " + err.Error(), Name: name, Server: server.String()}
		if t, ok := err.(net.Error); ok {
			e.IsTimeout = t.Timeout()
		}
		return nil, e
	}
	for _, candidate := range searchPath(from.Namespace, name) {
		if ips := knowledge.lookup(candidate, n.intn); len(ips) > 0 {
			return ips, nil
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, Server: server.String(), IsNotFound: true}
}

// askDNS finds a CoreDNS pod that answers, and what it knows.
func (n *Network) askDNS(ctx context.Context, node string, server netip.AddrPort) (*Rules, error) {
	if !n.fabric.Reachable(node) {
		<-ctx.Done()
		return nil, timeout{}
	}
	to, known, err := n.translate(node, server, node)
	if err != nil {
		return nil, err
	}
	b, ok := n.fabric.Backend(to.Addr())
	if !known || !ok || !n.fabric.Reachable(b.Node) {
		<-ctx.Done()
		return nil, timeout{}
	}
	if _, ok := b.Handler(int32(to.Port())); !ok {
		return nil, opError(to, syscall.ECONNREFUSED)
	}
	return n.fabric.Rules(b.Node), nil
}

// searchPath are the names to try, in order: a pod's resolv.conf has three
// search domains and ndots:5.
func searchPath(namespace, name string) []string {
	if absolute, ok := strings.CutSuffix(name, "."); ok {
		return []string{absolute}
	}
	if namespace == "" {
		namespace = "default"
	}
	path := []string{name + "." + namespace + ".svc." + ClusterDomain, name + ".svc." + ClusterDomain, name + "." + ClusterDomain}
	if strings.Count(name, ".") >= 5 {
		return append([]string{name}, path...)
	}
	return append(path, name)
}

// lookup answers a query for a full name.
func (r *Rules) lookup(name string, random func(int) int) []netip.Addr {
	rest, ok := strings.CutSuffix(strings.ToLower(name), ".svc."+ClusterDomain)
	if r == nil || !ok {
		return nil
	}
	labels := strings.Split(rest, ".")
	if len(labels) < 2 || len(labels) > 3 {
		return nil
	}
	svc := r.services[labels[len(labels)-1]+"/"+labels[len(labels)-2]]
	switch {
	case svc == nil:
		return nil
	case svc.external != "":
		return r.lookup(svc.external, random)
	case svc.clusterIP.IsValid() && len(labels) == 2:
		return []netip.Addr{svc.clusterIP}
	}
	var ips []netip.Addr
	for _, e := range svc.pods {
		if len(labels) == 2 || e.hostname == labels[0] {
			ips = append(ips, e.addr)
		}
	}
	if len(ips) > 1 { // CoreDNS rotates its answers
		k := random(len(ips))
		ips = append(ips[k:len(ips):len(ips)], ips[:k]...)
	}
	return ips
}
