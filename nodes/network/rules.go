package network

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Rules are what a kube-proxy programs from Services and EndpointSlices, and
// what CoreDNS answers from. They do not change once they are built, so that a
// thousand nodes can share them.
type Rules struct {
	generation uint64                  // later rules have a higher one
	virtual    map[socket]*servicePort // clusterIP and load-balancer address
	nodePorts  map[socket]*servicePort // without an address
	services   map[string]*service     // by namespace/name
	checks     map[int32]*service      // by the ports of their health checks
	targets    func() map[socket]bool
}

// socket is a port of an address, of TCP or of UDP: each has its own.
type socket struct {
	netip.AddrPort
	udp bool
}

// nodePort is a port of every node's.
func nodePort(port uint16, udp bool) socket {
	return socket{netip.AddrPortFrom(netip.Addr{}, port), udp}
}

// Targeted says whether a Service sends to a port of an address, of UDP or of TCP.
func (r *Rules) Targeted(to netip.AddrPort, udp bool) bool {
	return r != nil && r.targets()[socket{to, udp}]
}

type service struct {
	namespace, name string
	clusterIP       netip.Addr   // invalid for headless
	external        string       // of ExternalName
	frontends       []netip.Addr // of its load balancer
	// sources are who may come to the frontends; nil for everybody.
	sources []netip.Prefix
	ports   []*servicePort
	pods    []endpoint     // the ready ones, for DNS
	named   []portEndpoint // the same of a headless one, by the names of their ports
}

type servicePort struct {
	service *service
	name    string
	port    int32
	udp     bool
	cluster []endpoint            // where new connections go
	all     int                   // how many there are, with those that are not ready
	local   map[string][]endpoint // the same for each node's own; nil if no policy is Local
	// localInternal and localExternal keep traffic on the node it came to.
	localInternal, localExternal bool
	affinity                     time.Duration // of session affinity; 0 is none
}

type endpoint struct {
	addr     netip.Addr
	port     uint16
	node     string
	hostname string
	ready    bool // else it serves while it terminates
}

var generations atomic.Uint64

// BuildRules makes the rules for the Services and EndpointSlices given.
func BuildRules(services []*corev1.Service, slices []*discoveryv1.EndpointSlice) *Rules {
	r := &Rules{
		generation: generations.Add(1), virtual: map[socket]*servicePort{},
		nodePorts: map[socket]*servicePort{}, services: map[string]*service{}, checks: map[int32]*service{},
	}
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
	r.targets = sync.OnceValue(func() map[socket]bool { // few ask
		all := map[socket]bool{}
		for _, svc := range r.services {
			for _, p := range svc.ports {
				for _, e := range p.cluster {
					all[socket{netip.AddrPortFrom(e.addr, e.port), p.udp}] = true
				}
			}
		}
		return all
	})
	return r
}

func (r *Rules) add(s *corev1.Service, all []*discoveryv1.EndpointSlice) {
	svc := &service{namespace: s.Namespace, name: s.Name}
	r.services[s.Namespace+"/"+s.Name] = svc
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		svc.external = s.Spec.ExternalName
		return
	}
	svc.clusterIP, _ = netip.ParseAddr(s.Spec.ClusterIP) // "None" stays invalid
	for _, in := range s.Status.LoadBalancer.Ingress {
		if ip, err := netip.ParseAddr(in.IP); err == nil {
			svc.frontends = append(svc.frontends, ip)
		}
	}
	if n := s.Spec.HealthCheckNodePort; n != 0 && s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		r.checks[n] = svc
	}
	svc.sources = sourcesOf(s)
	own := slices.Clone(svc.frontends)
	for _, text := range s.Spec.ExternalIPs {
		if ip, err := netip.ParseAddr(text); err == nil {
			own = append(own, ip)
		}
	}
	for _, e := range endpointsOf(all, nil) {
		if e.ready { // CoreDNS names no others
			svc.pods = append(svc.pods, e)
		}
	}
	if !svc.clusterIP.IsValid() {
		svc.named = namedOf(all)
	} else { // kube-proxy and CoreDNS leave different ones out
		all = slices.DeleteFunc(slices.Clone(all), func(e *discoveryv1.EndpointSlice) bool { return labelled(e, corev1.IsHeadlessService) })
	}
	for i := range s.Spec.Ports {
		if s.Spec.Ports[i].Protocol == corev1.ProtocolSCTP {
			continue // nobody speaks it
		}
		p := portOf(svc, s, &s.Spec.Ports[i], all)
		svc.ports = append(svc.ports, p)
		if labelled(s, proxyName) {
			continue
		}
		for _, ip := range append([]netip.Addr{svc.clusterIP}, own...) {
			if ip.IsValid() {
				r.virtual[socket{netip.AddrPortFrom(ip, uint16(p.port)), p.udp}] = p
			}
		}
		if n := s.Spec.Ports[i].NodePort; n != 0 {
			r.nodePorts[nodePort(uint16(n), p.udp)] = p
		}
	}
}

// proxyName is the label of a Service that another proxy serves than kube-proxy (kubernetes
// 1.37, pkg/proxy/apis: LabelServiceProxyName).
const proxyName = "service.kubernetes.io/service-proxy-name"

func labelled(o metav1.Object, name string) bool {
	_, ok := o.GetLabels()[name]
	return ok
}

func portOf(svc *service, s *corev1.Service, p *corev1.ServicePort, slices []*discoveryv1.EndpointSlice) *servicePort {
	sp := &servicePort{service: svc, name: p.Name, port: p.Port, udp: p.Protocol == corev1.ProtocolUDP}
	sp.localInternal = ptr.Deref(s.Spec.InternalTrafficPolicy, "") == corev1.ServiceInternalTrafficPolicyLocal
	sp.localExternal = s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		c := ptr.Deref(ptr.Deref(s.Spec.SessionAffinityConfig, corev1.SessionAffinityConfig{}).ClientIP, corev1.ClientIPConfig{})
		sp.affinity = time.Duration(ptr.Deref(c.TimeoutSeconds, corev1.DefaultClientIPServiceAffinitySeconds)) * time.Second
	}
	all := endpointsOf(slices, p)
	sp.cluster = usable(all)
	for _, s := range slices {
		sp.all += len(s.Endpoints)
	}
	if !sp.localInternal && !sp.localExternal {
		return sp
	}
	sp.local = map[string][]endpoint{}
	for _, e := range all {
		sp.local[e.node] = append(sp.local[e.node], e)
	}
	for node, own := range sp.local {
		sp.local[node] = usable(own)
	}
	return sp
}

// usable are the endpoints that kube-proxy sends to: the ready ones, or else
// those that still serve while they terminate; decided for the cluster and for
// each node by itself (Kubernetes v1.37, pkg/proxy/topology.go).
func usable(all []endpoint) (ready []endpoint) {
	for _, e := range all {
		if e.ready {
			ready = append(ready, e)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return all
}

// endpointsOf are the endpoints of a port that are ready, or serve while they
// terminate. With no port: the addresses alone.
func endpointsOf(slices []*discoveryv1.EndpointSlice, p *corev1.ServicePort) (out []endpoint) {
	seen := map[netip.AddrPort]bool{} // an endpoint may be in two slices for a moment
	for _, s := range slices {
		number, ok := targetPort(s, p)
		if !ok {
			continue
		}
		for _, e := range s.Endpoints {
			x, ok := endpointOf(e, number)
			if at := netip.AddrPortFrom(x.addr, x.port); ok && !seen[at] {
				seen[at] = true
				out = append(out, x)
			}
		}
	}
	return out
}

// targetPort is the number that a Service's port has in a slice: the endpoint
// controller has looked up the names that containers give to theirs.
func targetPort(s *discoveryv1.EndpointSlice, p *corev1.ServicePort) (uint16, bool) {
	if p == nil {
		return 0, true
	}
	for _, ep := range s.Ports {
		if ep.Port != nil && ptr.Deref(ep.Name, "") == p.Name {
			return uint16(*ep.Port), true
		}
	}
	return 0, false
}

func endpointOf(e discoveryv1.Endpoint, port uint16) (endpoint, bool) {
	if len(e.Addresses) == 0 {
		return endpoint{}, false
	}
	addr, err := netip.ParseAddr(e.Addresses[0])
	if err != nil {
		return endpoint{}, false
	}
	c := e.Conditions
	x := endpoint{addr: addr, port: port, node: ptr.Deref(e.NodeName, ""), hostname: ptr.Deref(e.Hostname, ""), ready: ptr.Deref(c.Ready, true)}
	return x, x.ready || ptr.Deref(c.Serving, false) && ptr.Deref(c.Terminating, false)
}
