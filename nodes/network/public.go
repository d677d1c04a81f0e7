package network

import (
	"context"
	"hash/fnv"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// AzureDNS is the server of names of every virtual network (Microsoft, "What is IP address
// 168.63.129.16?", 2026).
var AzureDNS = netip.MustParseAddr("168.63.129.16")

// publicServers are others that anybody may ask.
var publicServers = []netip.Addr{
	netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4"), netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("1.0.0.1"), netip.MustParseAddr("9.9.9.9"),
}

// publicZones are where public DNS knows every name, and publicNames the others that it
// knows: those that are there for examples, and what AKS needs (Microsoft, "Outbound network
// and FQDN rules for AKS clusters", 2026). What is not among them does not exist.
var (
	publicZones = strings.Fields("example.com example.net example.org azmk8s.io data.mcr.microsoft.com")
	publicNames = strings.Fields("mcr.microsoft.com management.azure.com login.microsoftonline.com packages.microsoft.com packages.aks.azure.com acs-mirror.azureedge.net")
)

// For how long public DNS lets others keep an answer, and that there is none.
const (
	publicTTL   = 300 * time.Second
	negativeTTL = 900 * time.Second
)

// Public is DNS outside the cluster. Its zero value answers.
type Public struct {
	mu   sync.Mutex
	lost bool
}

// Lose has Azure's servers of names give no answers, until it is called with false. Others
// outside go on.
func (p *Public) Lose(lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = lost
}

// Server is what has an address outside at which names are asked; not ok means that there is
// none. Reaches says whether a machine's packets get there.
func (p *Public) Server(at netip.Addr, reaches func(node string) bool) (b Backend, ok bool) {
	if at != AzureDNS && !slices.Contains(publicServers, at) {
		return Backend{}, false
	}
	names := func(int32) NameServer { return publicServer{p, at == AzureDNS} }
	return Backend{
		Reaches: reaches, Names: names, Handler: func(int32) (http.Handler, bool) { return nil, false },
		Answer: func(port int32, _ netip.AddrPort, _ []byte) ([]byte, bool) { return nil, port == dnsPort },
	}, true
}

// publicServer is one of the servers.
type publicServer struct {
	of    *Public
	azure bool
}

// ServeDNS implements [NameServer].
func (s publicServer) ServeDNS(ctx context.Context, q Question, _ Standpoint) Reply {
	s.of.mu.Lock()
	lost := s.azure && s.of.lost
	s.of.mu.Unlock()
	if lost {
		<-ctx.Done()
		return Reply{Code: ServFail}
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	known := slices.Contains(publicNames, name) || slices.ContainsFunc(publicZones, func(z string) bool {
		return name == z || strings.HasSuffix(name, "."+z)
	})
	switch {
	case !known:
		return Reply{Code: NXDomain, TTL: negativeTTL}
	case q.Type != "A":
		return Reply{Code: NoError, TTL: negativeTTL}
	}
	return Reply{Code: NoError, TTL: publicTTL, Records: []Record{{Name: name + ".", Type: "A", Data: publicAddr(name).String(), TTL: int(publicTTL / time.Second)}}}
}

// publicAddr is the address of a public name, in [Internet].
func publicAddr(name string) netip.Addr {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // it never fails
	n := h.Sum32()
	at := Internet.Addr().As4()
	return netip.AddrFrom4([4]byte{at[0], at[1] | byte(n>>16&1), byte(n >> 8), byte(n)})
}
