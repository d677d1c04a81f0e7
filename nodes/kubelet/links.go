package kubelet

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

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
// managedHostsFileContent).
func (p *pod) hosts() string {
	var b strings.Builder
	b.WriteString("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n")
	names := p.hostname()
	if d := p.spec.Spec.Subdomain; d != "" {
		names = names + "." + d + "." + p.namespace + ".svc.cluster.local\t" + names
	}
	fmt.Fprintf(&b, "%s\t%s\n", p.ip, names)
	if len(p.spec.Spec.HostAliases) > 0 {
		b.WriteString("\n# Entries added by HostAliases.\n")
	}
	for _, a := range p.spec.Spec.HostAliases {
		fmt.Fprintf(&b, "%s\t%s\n", a.IP, strings.Join(a.Hostnames, "\t"))
	}
	return b.String()
}

// alias is the address that a pod's /etc/hosts gives a name; the name itself if it has none.
func alias(aliases []corev1.HostAlias, name string) string {
	for _, a := range aliases {
		if slices.Contains(a.Hostnames, name) {
			return a.IP
		}
	}
	return name
}
