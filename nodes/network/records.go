package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// Record is one of CoreDNS's answers.
type Record struct {
	// Name is of whom it is said, Type what, and Data that, as dig shows it.
	Name, Type, Data string
	// TTL is for how many seconds it may be kept; 0 is for [RecordTTL].
	TTL int
}

// RecordTTL is for how many seconds a record may be kept: by AKS's Corefile.
const RecordTTL = 30

// lookup answers a question about a full name; exists says that the name has records, if
// perhaps of other types. What an alias stands for comes with it.
func (r *Rules) lookup(name, kind string) (records []Record, exists bool) {
	const maxAliases = 8 // ExternalNames may point at each other
	for range maxAliases {
		more, known := r.answer(strings.ToLower(name), kind)
		records, exists = append(records, more...), exists || known
		if len(more) != 1 || more[0].Type != "CNAME" || kind == "CNAME" {
			return records, exists
		}
		name = strings.TrimSuffix(more[0].Data, ".")
	}
	return nil, true
}

// answer is what is said of a name itself.
func (r *Rules) answer(name, kind string) (records []Record, exists bool) {
	say := func(kind, data string) { records = append(records, Record{Name: name + ".", Type: kind, Data: data}) }
	if reverse, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		for _, of := range r.namesOf(reverse) {
			if exists = true; kind == "PTR" {
				say("PTR", of+".")
			}
		}
		return records, exists
	}
	rest, ok := strings.CutSuffix(name, "."+ClusterDomain)
	if r == nil || !ok {
		return nil, false
	}
	labels := strings.Split(rest, ".")
	last := len(labels) - 1
	if labels[last] == "pod" && last == 2 { // AKS has `pods insecure`: any address
		ip, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", "."))
		if err == nil && kind == "A" {
			say("A", ip.String())
		}
		return records, err == nil
	}
	if labels[last] != "svc" || last < 2 || last > 4 {
		return nil, false
	}
	svc := r.services[labels[last-1]+"/"+labels[last-2]]
	own := labels[:last-2] // of an endpoint or of a port
	switch {
	case svc == nil:
		return nil, false
	case svc.external != "" && len(own) == 0:
		say("CNAME", strings.TrimSuffix(svc.external, ".")+".")
		return records, true
	case len(own) == 2:
		for _, data := range svc.located(own[0], own[1]) {
			if exists = true; kind == "SRV" {
				say("SRV", data)
			}
		}
		return records, exists
	}
	for _, ip := range svc.addresses(own) {
		if exists = true; kind == "A" {
			say("A", ip.String())
		}
	}
	return records, exists
}

// addresses are those of a Service, or of its endpoint with a label.
func (s *service) addresses(label []string) (ips []netip.Addr) {
	if len(label) == 0 && s.clusterIP.IsValid() {
		return []netip.Addr{s.clusterIP}
	}
	for _, e := range s.pods {
		if (len(label) == 0 || e.label() == label[0]) && !slices.Contains(ips, e.addr) {
			ips = append(ips, e.addr)
		}
	}
	return ips
}

// domain is the full name of a Service.
func (s *service) domain() string { return s.name + "." + s.namespace + ".svc." + ClusterDomain }

// located is where a port is, by its name and its protocol: _http and _tcp.
func (s *service) located(name, protocol string) (data []string) {
	udp := protocol == "_udp"
	if !udp && protocol != "_tcp" {
		return nil
	}
	if s.clusterIP.IsValid() {
		for _, p := range s.ports {
			if "_"+p.name == name && p.udp == udp {
				data = append(data, fmt.Sprintf("0 100 %d %s.", p.port, s.domain()))
			}
		}
		return data
	}
	var found []*endpoint
	for i, e := range s.named {
		if "_"+e.name == name && e.udp == udp {
			found = append(found, &s.named[i].endpoint)
		}
	}
	for _, e := range found {
		data = append(data, fmt.Sprintf("0 %d %d %s.%s.", 100/len(found), e.port, e.label(), s.domain()))
	}
	return data
}

// portEndpoint is an endpoint of a Service without an address, by the name of its port.
type portEndpoint struct {
	endpoint
	name string
	udp  bool
}

// namedOf are the ready endpoints of slices, for each of their ports.
func namedOf(slices []*discoveryv1.EndpointSlice) (out []portEndpoint) {
	for _, s := range slices {
		for _, p := range s.Ports {
			for _, e := range s.Endpoints {
				if x, ok := endpointOf(e, uint16(ptr.Deref(p.Port, 0))); ok && x.ready {
					out = append(out, portEndpoint{x, ptr.Deref(p.Name, ""), ptr.Deref(p.Protocol, "") == corev1.ProtocolUDP})
				}
			}
		}
	}
	return out
}

// namesOf are the names of an address that is written the other way round: that of the
// Service that has it, or those of the Services that it is an endpoint of.
func (r *Rules) namesOf(reverse string) (names []string) {
	parts := strings.Split(reverse, ".")
	slices.Reverse(parts)
	ip, err := netip.ParseAddr(strings.Join(parts, "."))
	if r == nil || err != nil {
		return nil
	}
	for _, s := range r.services {
		if s.clusterIP == ip {
			return []string{s.domain()}
		}
		for _, e := range s.pods {
			if e.addr == ip {
				names = append(names, e.label()+"."+s.domain())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// label is an endpoint's own name below its Service: its hostname, or its address.
func (e endpoint) label() string {
	if e.hostname != "" {
		return e.hostname
	}
	return strings.ReplaceAll(e.addr.String(), ".", "-")
}

// Rotate begins the answer with any of the records after those of aliases, as CoreDNS's
// loadbalance plugin does.
func Rotate(records []Record, random func(int) int) []Record {
	first := slices.IndexFunc(records, func(r Record) bool { return r.Type != "CNAME" })
	if first < 0 || len(records)-first < 2 {
		return records
	}
	k := first + random(len(records)-first)
	return slices.Concat(records[:first], records[k:], records[first:k])
}
