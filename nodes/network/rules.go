package network

import (
	"net/netip"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Rules are what a kube-proxy programs from Services and EndpointSlices, and
// what CoreDNS answers from. They do not change once they are built, so that a
// thousand nodes can share them.
type Rules struct {
	virtual   map[netip.AddrPort]*servicePort // clusterIP and load-balancer address
	nodePorts map[uint16]*servicePort
	services  map[string]*service // by namespace/name
}

type service struct {
	namespace, name string
	clusterIP       netip.Addr // invalid for headless
	external        string     // of ExternalName
	frontends       []netip.Addr
	ports           []*servicePort
	pods            []endpoint // of a headless service, for DNS
}

type servicePort struct {
	service  *service
	name     string
	port     int32
	nodePort int32
	backends []endpoint // those that new connections go to
	// localInternal and localExternal keep traffic on the node it came to.
	localInternal, localExternal bool
	affinity                     time.Duration
}

type endpoint struct {
	addr     netip.Addr
	port     uint16
	node     string
	hostname string
}

// BuildRules makes the rules for the Services and EndpointSlices given.
func BuildRules(services []*corev1.Service, slices []*discoveryv1.EndpointSlice) *Rules {
	r := &Rules{virtual: map[netip.AddrPort]*servicePort{}, nodePorts: map[uint16]*servicePort{}, services: map[string]*service{}}
	byService := map[string][]*discoveryv1.EndpointSlice{}
	for _, s := range slices {
		if s.AddressType == discoveryv1.AddressTypeIPv4 {
			key := s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]
			byService[key] = append(byService[key], s)
		}
	}
	for _, s := range services {
		r.add(s, byService[s.Namespace+"/"+s.Name])
	}
	return r
}

func (r *Rules) add(s *corev1.Service, slices []*discoveryv1.EndpointSlice) {
	svc := &service{namespace: s.Namespace, name: s.Name, external: s.Spec.ExternalName}
	r.services[s.Namespace+"/"+s.Name] = svc
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	svc.external = ""
	svc.clusterIP, _ = netip.ParseAddr(s.Spec.ClusterIP) // "None" stays invalid
	for _, in := range s.Status.LoadBalancer.Ingress {
		if ip, err := netip.ParseAddr(in.IP); err == nil {
			svc.frontends = append(svc.frontends, ip)
		}
	}
	if !svc.clusterIP.IsValid() {
		svc.pods = usable(slices, nil)
	}
	for i := range s.Spec.Ports {
		p := portOf(svc, s, &s.Spec.Ports[i], slices)
		svc.ports = append(svc.ports, p)
		for _, ip := range append([]netip.Addr{svc.clusterIP}, svc.frontends...) {
			if ip.IsValid() {
				r.virtual[netip.AddrPortFrom(ip, uint16(p.port))] = p
			}
		}
		if p.nodePort != 0 {
			r.nodePorts[uint16(p.nodePort)] = p
		}
	}
}

func portOf(svc *service, s *corev1.Service, p *corev1.ServicePort, slices []*discoveryv1.EndpointSlice) *servicePort {
	sp := &servicePort{service: svc, name: p.Name, port: p.Port, nodePort: p.NodePort, backends: usable(slices, p)}
	sp.localInternal = s.Spec.InternalTrafficPolicy != nil && *s.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal
	sp.localExternal = s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		sp.affinity = time.Duration(corev1.DefaultClientIPServiceAffinitySeconds) * time.Second
		if c := s.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			sp.affinity = time.Duration(*c.ClientIP.TimeoutSeconds) * time.Second
		}
	}
	return sp
}

// usable are the endpoints of a port that kube-proxy sends to: the ready ones,
// or else those that still serve while they terminate (Kubernetes v1.37,
// pkg/proxy/topology.go). With no port: the addresses alone, for DNS.
func usable(slices []*discoveryv1.EndpointSlice, p *corev1.ServicePort) []endpoint {
	var ready, serving []endpoint
	for _, s := range slices {
		number, ok := uint16(0), p == nil
		for _, ep := range s.Ports {
			if p != nil && ep.Port != nil && (ep.Name == nil && p.Name == "" || ep.Name != nil && *ep.Name == p.Name) {
				number, ok = uint16(*ep.Port), true
			}
		}
		if !ok {
			continue
		}
		for _, e := range s.Endpoints {
			if len(e.Addresses) == 0 {
				continue
			}
			addr, err := netip.ParseAddr(e.Addresses[0])
			if err != nil {
				continue
			}
			x := endpoint{addr: addr, port: number}
			if e.NodeName != nil {
				x.node = *e.NodeName
			}
			if e.Hostname != nil {
				x.hostname = *e.Hostname
			}
			switch c := e.Conditions; {
			case c.Ready == nil || *c.Ready:
				ready = append(ready, x)
			case c.Serving != nil && *c.Serving && c.Terminating != nil && *c.Terminating:
				serving = append(serving, x)
			}
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return serving
}

// on are the endpoints on one node.
func on(all []endpoint, node string) (local []endpoint) {
	for _, e := range all {
		if e.node == node {
			local = append(local, e)
		}
	}
	return local
}

// affinityKey is one client of one service port, as one node knows it.
type affinityKey struct{ node, client, service, port string }

type affinity struct {
	to    netip.AddrPort
	until time.Time
}

// translate does what a node's rules do to a packet. known is false where no
// rule speaks of the destination.
func (n *Network) translate(node string, to netip.AddrPort, client string) (target netip.AddrPort, known bool, err error) {
	rules := n.fabric.Rules(node)
	if rules == nil {
		return to, false, nil
	}
	p, ok := rules.virtual[to]
	external := ok && to.Addr() != p.service.clusterIP
	if !ok {
		if p, ok = rules.nodePorts[to.Port()]; !ok || !n.isNode(to.Addr()) {
			return to, false, nil
		}
		external = true
	}
	backends := p.backends
	if p.localInternal && !external || p.localExternal && external {
		backends = on(backends, node)
	}
	if len(backends) == 0 {
		return to, true, syscall.ECONNREFUSED // kube-proxy rejects
	}
	return n.choose(node, client, p, backends), true, nil
}

// choose picks an endpoint, the same one again for a client with affinity.
func (n *Network) choose(node, client string, p *servicePort, backends []endpoint) netip.AddrPort {
	e := backends[n.intn(len(backends))]
	to := netip.AddrPortFrom(e.addr, e.port)
	if p.affinity == 0 {
		return to
	}
	key := affinityKey{node, client, p.service.namespace + "/" + p.service.name, p.name + ":" + strconv.Itoa(int(p.port))}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if old, ok := n.affinity[key]; ok && now.Before(old.until) {
		for _, b := range backends {
			if old.to == netip.AddrPortFrom(b.addr, b.port) {
				to = old.to
			}
		}
	}
	n.affinity[key] = affinity{to, now.Add(p.affinity)}
	return to
}

func (n *Network) isNode(ip netip.Addr) bool {
	for _, name := range n.fabric.Nodes() {
		if n.fabric.NodeIP(name) == ip {
			return true
		}
	}
	return false
}
