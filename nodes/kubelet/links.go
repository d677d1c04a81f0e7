package kubelet

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"demarc/nodes/network"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// links sets the variables that tell a program of its namespace's Services (kubernetes 1.37,
// pkg/kubelet/envvars). That of the API server every program has.
func (p *pod) links(v *variables) {
	api := corev1.Service{Spec: corev1.ServiceSpec{
		// The first of AKS's default service range (Microsoft, "Azure Kubernetes
		// Service networking").
		ClusterIP: "10.0.0.1", Ports: []corev1.ServicePort{{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP}},
	}}
	api.Name = "kubernetes"
	link(v, &api)
	if p.k.ks.Services == nil || !ptr.Deref(p.spec.Spec.EnableServiceLinks, true) {
		return
	}
	services := slices.Clone(p.k.ks.Services(p.namespace))
	slices.SortFunc(services, func(a, b *corev1.Service) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range services {
		if s.Name != "kubernetes" && s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone && len(s.Spec.Ports) > 0 {
			link(v, s)
		}
	}
}

// link sets the variables of one Service.
func link(v *variables, s *corev1.Service) {
	prefix := variable(s.Name)
	v.set(prefix+"_SERVICE_HOST", s.Spec.ClusterIP)
	v.set(prefix+"_SERVICE_PORT", fmt.Sprint(s.Spec.Ports[0].Port))
	for _, port := range s.Spec.Ports {
		if port.Name != "" {
			v.set(prefix+"_SERVICE_PORT_"+variable(port.Name), fmt.Sprint(port.Port))
		}
	}
	for i, port := range s.Spec.Ports {
		protocol := cmp.Or(string(port.Protocol), "TCP")
		url := strings.ToLower(protocol) + "://" + net.JoinHostPort(s.Spec.ClusterIP, fmt.Sprint(port.Port))
		if i == 0 {
			v.set(prefix+"_PORT", url)
		}
		name := fmt.Sprintf("%s_PORT_%d_%s", prefix, port.Port, strings.ToUpper(protocol))
		v.set(name, url)
		v.set(name+"_PROTO", strings.ToLower(protocol))
		v.set(name+"_PORT", fmt.Sprint(port.Port))
		v.set(name+"_ADDR", s.Spec.ClusterIP)
	}
}

// variable is a name as a part of a variable's.
func variable(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// hosts is the pod's /etc/hosts (kubernetes 1.37, pkg/kubelet/kubelet_pods.go:
// managedHostsFileContent, nodeHostsFileContent).
func (p *pod) hosts() string {
	var b strings.Builder
	if p.spec.Spec.HostNetwork {
		own, _ := p.k.m.OS.Read("/etc/hosts") // a node without has none to give
		fmt.Fprintf(&b, "# Kubernetes-managed hosts file (host network).\n%s", own)
		p.aliases(&b)
		return b.String()
	}
	b.WriteString("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n")
	names := p.hostname()
	if d := p.spec.Spec.Subdomain; d != "" {
		names = names + "." + d + "." + p.namespace + ".svc.cluster.local\t" + names
	}
	fmt.Fprintf(&b, "%s\t%s\n", p.ip, names)
	p.aliases(&b)
	return b.String()
}

// aliases adds what the pod itself wants in its /etc/hosts.
func (p *pod) aliases(b *strings.Builder) {
	if len(p.spec.Spec.HostAliases) > 0 {
		b.WriteString("\n# Entries added by HostAliases.\n")
	}
	for _, a := range p.spec.Spec.HostAliases {
		fmt.Fprintf(b, "%s\t%s\n", a.IP, strings.Join(a.Hostnames, "\t"))
	}
}

// resolvConf is the pod's /etc/resolv.conf (kubernetes 1.37, pkg/kubelet/network/dns): by
// the policy that of the node, that of the cluster, or none, with what dnsConfig adds.
func (p *pod) resolvConf() string {
	var servers, searches, options []string
	host, _ := p.k.m.OS.Read("/etc/resolv.conf") // a node without has none to give
	for line := range strings.Lines(string(host)) {
		switch f := strings.Fields(line); {
		case len(f) > 1 && f[0] == "nameserver":
			servers = append(servers, f[1])
		case len(f) > 1 && f[0] == "search":
			searches = append(searches, f[1:]...)
		}
	}
	switch policy := p.spec.Spec.DNSPolicy; {
	case policy == corev1.DNSNone:
		servers, searches = nil, nil
	case policy == corev1.DNSClusterFirstWithHostNet, policy != corev1.DNSDefault && !p.spec.Spec.HostNetwork:
		servers, options = []string{network.DNSServiceIP.String()}, []string{"ndots:5"}
		services := "svc." + network.ClusterDomain
		searches = append([]string{p.namespace + "." + services, services, network.ClusterDomain}, searches...)
	}
	if c := p.spec.Spec.DNSConfig; c != nil {
		servers, searches = append(servers, c.Nameservers...), append(searches, c.Searches...)
		for _, o := range c.Options {
			options = slices.DeleteFunc(options, func(known string) bool { return known == o.Name || strings.HasPrefix(known, o.Name+":") })
			if o.Value != nil {
				o.Name += ":" + *o.Value
			}
			options = append(options, o.Name)
		}
	}
	var b strings.Builder
	if len(searches) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(searches, " "))
	}
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	}
	return b.String()
}
