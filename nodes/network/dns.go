package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"demarc/sim/clock"
)

// ClusterDomain is the domain of every Service.
const ClusterDomain = "cluster.local"

// DNSServiceIP is where pods send their queries: AKS's default.
var DNSServiceIP = netip.MustParseAddr("10.0.0.10")

const dnsPort = 53

// What a resolver does when no answer comes, by resolv.conf(5): it waits for
// 5 s, and asks twice. The second query may come to another CoreDNS pod.
const (
	dnsTimeout  = 5 * time.Second
	dnsAttempts = 2
)

// Resolve looks up a name as a pod in the client's namespace does: by way of the
// rules of its node to a CoreDNS pod, which answers from what its own node's
// rules say. Public DNS, which clients outside ask, knows no names of a cluster.
func (n *Network) Resolve(ctx context.Context, from Origin, name string) ([]netip.Addr, error) {
	if from.Node == "" {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	server := netip.AddrPortFrom(DNSServiceIP, dnsPort)
	var knowledge *Rules
	var err error
	for range dnsAttempts {
		if knowledge, err = n.askDNS(ctx, from.Node, server); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, &net.DNSError{
			Err: "read udp: " + err.Error(), UnwrapErr: err, Name: name, Server: server.String(),
			IsTimeout: errors.Is(err, os.ErrDeadlineExceeded), IsTemporary: true,
		}
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
	to, err := n.translate(node, server, client{node: node})
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, err
	}
	b, ok := n.fabric.Backend(to.Addr())
	if err != nil || !ok || !n.path(node, b.Node) {
		clock.Sleep(ctx, dnsTimeout)
		return nil, os.ErrDeadlineExceeded
	}
	if _, ok := b.Handler(int32(to.Port())); !ok {
		return nil, syscall.ECONNREFUSED // the host says that the port is closed
	}
	return n.fabric.Rules(b.Node), nil
}

// ndots is from how many dots on a name is first taken for a full one: what the
// kubelet writes into resolv.conf.
const ndots = 5

// searchPath are the names to try, in order.
func searchPath(namespace, name string) []string {
	if absolute, ok := strings.CutSuffix(name, "."); ok {
		return []string{absolute}
	}
	if namespace == "" {
		namespace = "default"
	}
	path := []string{name + "." + namespace + ".svc." + ClusterDomain, name + ".svc." + ClusterDomain, name + "." + ClusterDomain}
	if strings.Count(name, ".") >= ndots {
		return append([]string{name}, path...)
	}
	return append(path, name)
}

// lookup answers a query for a full name.
func (r *Rules) lookup(name string, random func(int) int) []netip.Addr {
	const maxAliases = 8 // ExternalNames may point at each other
	for range maxAliases {
		ips, alias := r.answer(name)
		if alias == "" {
			return rotate(ips, random)
		}
		name = strings.TrimSuffix(alias, ".")
	}
	return nil
}

// answer is the addresses of a name, or the other name that it stands for.
func (r *Rules) answer(name string) (ips []netip.Addr, alias string) {
	rest, ok := strings.CutSuffix(strings.ToLower(name), "."+ClusterDomain)
	if r == nil || !ok {
		return nil, ""
	}
	labels := strings.Split(rest, ".")
	switch kind := labels[len(labels)-1]; {
	case kind == "pod" && len(labels) == 3: // AKS has `pods insecure`: any address
		if ip, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", ".")); err == nil {
			ips = append(ips, ip)
		}
		return ips, ""
	case kind != "svc" || len(labels) < 3 || len(labels) > 4:
		return nil, ""
	}
	labels = labels[:len(labels)-1]
	svc := r.services[labels[len(labels)-1]+"/"+labels[len(labels)-2]]
	switch {
	case svc == nil:
		return nil, ""
	case svc.external != "":
		return nil, svc.external
	case svc.clusterIP.IsValid() && len(labels) == 2:
		return []netip.Addr{svc.clusterIP}, ""
	}
	for _, e := range svc.pods {
		if len(labels) == 2 || e.label() == labels[0] {
			ips = append(ips, e.addr)
		}
	}
	return ips, ""
}

// label is an endpoint's own name below its Service: its hostname, or its address.
func (e endpoint) label() string {
	if e.hostname != "" {
		return e.hostname
	}
	return strings.ReplaceAll(e.addr.String(), ".", "-")
}

// rotate begins the answer with any of the addresses, as CoreDNS's loadbalance
// plugin does.
func rotate(ips []netip.Addr, random func(int) int) []netip.Addr {
	if len(ips) < 2 {
		return ips
	}
	k := random(len(ips))
	return append(ips[k:len(ips):len(ips)], ips[:k]...)
}
