package network

import (
	"encoding/binary"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Policies are what a node's network policy engine has made of all NetworkPolicies, for
// the pods that there were. They do not change once they are built, so that all nodes can
// share them. Nil enforces nothing.
type Policies struct {
	list []*policy
	pods map[netip.Addr]*member
	// narrow says that an ipBlock means no address of a pod or a node.
	narrow bool
}

// member is a pod of the network, and what isolates it in each direction; nil for nothing.
type member struct {
	ingress, egress *isolation
	ports           []corev1.ContainerPort
}

// isolation is what some policies allow together, by whom it is allowed. Pods that the same
// policies select share it.
type isolation struct {
	anyone []rule
	pods   map[netip.Addr][]rule
	blocks []rule
}

// policy is one NetworkPolicy.
type policy struct {
	namespace string
	pods      labels.Selector
	// isolates are the directions that it names.
	isolatesIngress, isolatesEgress bool
	ingress, egress                 []rule
}

// rule allows what comes from or goes to any of its peers, at any of its ports. Nil of
// either are all.
type rule struct {
	peers *peers
	ports []portRange
}

// peers are the other ends that a rule speaks of.
type peers struct {
	pods   map[netip.Addr]bool
	blocks []block
}

// block is an ipBlock.
type block struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

// portRange is ports of one protocol: from a number to another, or those of a name.
type portRange struct {
	protocol    corev1.Protocol
	name        string
	first, last uint16
}

// BuildPolicies makes what an engine enforces of the NetworkPolicies, pods and namespaces
// given; nil if there is no policy. With narrow an ipBlock means no address of a pod or a
// node: that is a limitation of Cilium on AKS (Microsoft, "Configure Azure CNI Powered by
// Cilium in Azure Kubernetes Service (AKS)", 2026).
func BuildPolicies(list []*networkingv1.NetworkPolicy, pods []*corev1.Pod, namespaces []*corev1.Namespace, narrow bool) *Policies {
	if len(list) == 0 {
		return nil
	}
	all := &Policies{pods: make(map[netip.Addr]*member, len(pods)), narrow: narrow}
	about := map[string]labels.Set{}
	for _, n := range namespaces {
		about[n.Name] = n.Labels
	}
	var placed []placedPod
	for _, p := range pods {
		if ip, ok := ownAddress(p); ok {
			placed = append(placed, placedPod{p, ip, about[p.Namespace]})
		}
	}
	for _, n := range list {
		if p := compile(n, placed); p != nil {
			all.list = append(all.list, p)
		}
	}
	shared := map[string]*member{}
	for _, p := range placed {
		all.pods[p.ip] = all.isolated(p.Namespace, p.Labels, portsOf(p.Pod), shared)
	}
	return all
}

// placedPod is a pod with an address of its own, and the labels of its namespace.
type placedPod struct {
	*corev1.Pod
	ip        netip.Addr
	namespace labels.Set
}

// ownAddress is that of a pod that runs and is not on its node's network: what is there is
// the node to every engine.
func ownAddress(p *corev1.Pod) (netip.Addr, bool) {
	if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(p.Status.PodIP)
	return ip, err == nil
}

// portsOf are the ports of a pod's containers that have names.
func portsOf(p *corev1.Pod) (named []corev1.ContainerPort) {
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, port := range c.Ports {
			if port.Name != "" {
				named = append(named, port)
			}
		}
	}
	return named
}

// isolated is a pod with what isolates it. Shared are the members that were made already, by
// the policies that select them.
func (all *Policies) isolated(namespace string, pod labels.Set, ports []corev1.ContainerPort, shared map[string]*member) *member {
	var ingress, egress []*policy
	var key []byte
	for i, p := range all.list {
		if p.namespace != namespace || !p.pods.Matches(pod) {
			continue
		}
		key = binary.AppendUvarint(key, uint64(i))
		if p.isolatesIngress {
			ingress = append(ingress, p)
		}
		if p.isolatesEgress {
			egress = append(egress, p)
		}
	}
	same := shared[string(key)]
	if same == nil {
		same = &member{
			ingress: together(ingress, func(p *policy) []rule { return p.ingress }),
			egress:  together(egress, func(p *policy) []rule { return p.egress }),
		}
		shared[string(key)] = same
	}
	return &member{ingress: same.ingress, egress: same.egress, ports: ports}
}

// together is what policies allow by the rules of one direction; nil if there is none.
func together(list []*policy, rules func(*policy) []rule) *isolation {
	if len(list) == 0 {
		return nil
	}
	x := &isolation{pods: map[netip.Addr][]rule{}}
	for _, p := range list {
		for _, r := range rules(p) {
			if r.peers == nil {
				x.anyone = append(x.anyone, r)
				continue
			}
			for ip := range r.peers.pods {
				x.pods[ip] = append(x.pods[ip], r)
			}
			if len(r.peers.blocks) > 0 {
				x.blocks = append(x.blocks, r)
			}
		}
	}
	return x
}

// compile makes a policy of a NetworkPolicy; nil of one that the API server would not have
// let in.
func compile(n *networkingv1.NetworkPolicy, pods []placedPod) *policy {
	selected, err := metav1.LabelSelectorAsSelector(&n.Spec.PodSelector)
	if err != nil {
		return nil
	}
	p := &policy{namespace: n.Namespace, pods: selected}
	p.isolatesIngress = len(n.Spec.PolicyTypes) == 0 || slices.Contains(n.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
	p.isolatesEgress = len(n.Spec.PolicyTypes) == 0 && len(n.Spec.Egress) > 0 || slices.Contains(n.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	for _, r := range n.Spec.Ingress {
		p.ingress = append(p.ingress, rule{peersOf(n.Namespace, r.From, pods), rangesOf(r.Ports)})
	}
	for _, r := range n.Spec.Egress {
		p.egress = append(p.egress, rule{peersOf(n.Namespace, r.To, pods), rangesOf(r.Ports)})
	}
	return p
}

// peersOf are the other ends that a list of peers means; an empty list means all.
func peersOf(namespace string, list []networkingv1.NetworkPolicyPeer, pods []placedPod) *peers {
	if len(list) == 0 {
		return nil
	}
	out := &peers{pods: map[netip.Addr]bool{}}
	for _, x := range list {
		if x.IPBlock != nil {
			if b, ok := blockOf(x.IPBlock); ok {
				out.blocks = append(out.blocks, b)
			}
			continue
		}
		pod, namespaces := selector(x.PodSelector, true), selector(x.NamespaceSelector, false)
		for _, p := range pods {
			here := p.Namespace == namespace
			if x.NamespaceSelector != nil {
				here = namespaces.Matches(p.namespace)
			}
			if here && pod.Matches(labels.Set(p.Labels)) {
				out.pods[p.ip] = true
			}
		}
	}
	return out
}

// selector is a selector of labels; that of nil selects all or nothing.
func selector(s *metav1.LabelSelector, all bool) labels.Selector {
	if s == nil && all {
		return labels.Everything()
	}
	if out, err := metav1.LabelSelectorAsSelector(s); err == nil {
		return out
	}
	return labels.Nothing()
}

func blockOf(x *networkingv1.IPBlock) (b block, ok bool) {
	cidr, err := netip.ParsePrefix(x.CIDR)
	if err != nil {
		return block{}, false
	}
	b.cidr = cidr.Masked()
	for _, text := range x.Except {
		if except, err := netip.ParsePrefix(text); err == nil {
			b.except = append(b.except, except.Masked())
		}
	}
	return b, true
}

func rangesOf(list []networkingv1.NetworkPolicyPort) (out []portRange) {
	for _, p := range list {
		r := portRange{protocol: corev1.ProtocolTCP, last: 1<<16 - 1}
		if p.Protocol != nil {
			r.protocol = *p.Protocol
		}
		switch {
		case p.Port == nil:
		case p.Port.StrVal != "":
			r.name = p.Port.StrVal
		default:
			r.first, r.last = uint16(p.Port.IntVal), uint16(p.Port.IntVal)
			if p.EndPort != nil {
				r.last = uint16(*p.EndPort)
			}
		}
		out = append(out, r)
	}
	return out
}
