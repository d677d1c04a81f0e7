package network

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"
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

// Question is what a client asks a server of names.
type Question struct {
	// Name is a full name, or with Search one that may be completed.
	Name string
	// Type is one of the types of records: A, AAAA, CNAME, PTR, SRV.
	Type   string
	Search bool
	// TCP says that it is asked by a connection and not by a datagram.
	TCP bool
	// Server is where it is asked; the cluster's own if it is not valid.
	Server netip.Addr
}

// Resolve looks up a name as a pod in the client's namespace does.
func (n *Network) Resolve(ctx context.Context, from Origin, name string) ([]netip.Addr, error) {
	records, err := n.Query(ctx, from, Question{Name: name, Type: "A", Search: true})
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	for _, r := range records {
		if r.Type == "A" {
			ips = append(ips, netip.MustParseAddr(r.Data)) // it was one
		}
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, Server: serverOf(Question{}).String(), IsNotFound: true}
	}
	return ips, nil
}

func serverOf(q Question) netip.AddrPort {
	if q.Server.IsValid() {
		return netip.AddrPortFrom(q.Server, dnsPort)
	}
	return netip.AddrPortFrom(DNSServiceIP, dnsPort)
}

// Query asks for records: by way of the rules of the client's node a CoreDNS pod, which
// answers by its Corefile, of the cluster from what its own node's rules say. No records are
// a name that has others. Public DNS, which clients outside ask, knows no names of a cluster.
func (n *Network) Query(ctx context.Context, from Origin, q Question) ([]Record, error) {
	if from.Node == "" {
		return nil, &net.DNSError{Err: "no such host", Name: q.Name, IsNotFound: true}
	}
	names := []string{strings.TrimSuffix(q.Name, ".")}
	if q.Search {
		names = searchPath(from.Namespace, q.Name)
	}
	return n.askDNS(ctx, from.client(), q, names)
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
