package network

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// leaves says whether the policies on a client's node let its packets out to where the
// rules of that node send them. Only pods are isolated: a client without an address of its
// own is its node.
func (n *Network) leaves(c client, to socket) bool {
	all := n.fabric.Policies(c.node)
	if all == nil || !c.address.IsValid() || to.Addr() == c.address || to.Addr() == n.fabric.NodeIP(c.node) {
		return true
	}
	pod := n.member(all, c.address)
	return pod == nil || pod.egress == nil || n.allows(all, pod.egress, to.Addr(), to)
}

// enters says whether the policies on a pod's node let a client's packets in that have come
// along a route. The node itself is let in always, since its kubelet probes the pod
// (Kubernetes, "Network Policies", 2026). What a node sends on in its own name has that
// for its sender, but for pods of its own: there it is masqueraded after it was let in.
func (n *Network) enters(c client, r route, masked bool) bool {
	b := r.backend
	all := n.fabric.Policies(b.Node)
	if all == nil || b.Pod == "" {
		return true
	}
	from := r.from
	if masked && r.node == b.Node {
		switch from = c.address; {
		case c.node == "":
			from = Outside
		case !from.IsValid():
			from = n.fabric.NodeIP(c.node)
		}
	}
	if from == r.to.Addr() || from == n.fabric.NodeIP(b.Node) {
		return true
	}
	pod := n.member(all, r.to.Addr())
	return pod == nil || pod.ingress == nil || n.allows(all, pod.ingress, from, r.to)
}

// member is the pod that has an address; nil if none has. One that is too new to be among
// those that the policies were made for is isolated all the same (Kubernetes, "Network
// Policies", 2026: pod lifecycle).
func (n *Network) member(all *Policies, at netip.Addr) *member {
	if m := all.pods[at]; m != nil {
		return m
	}
	if b, ok := n.fabric.Backend(at); ok && b.Pod != "" {
		return all.isolated(b.Namespace, b.Labels, nil, map[string]*member{})
	}
	return nil
}

// allows says whether policies let packets through between a pod that they isolate and a
// peer.
func (n *Network) allows(all *Policies, x *isolation, peer netip.Addr, to socket) bool {
	opens := func(r rule) bool { return r.opens(all, to) }
	return slices.ContainsFunc(x.anyone, opens) || slices.ContainsFunc(x.pods[peer], opens) ||
		slices.ContainsFunc(x.blocks, func(r rule) bool { return opens(r) && r.peers.contain(peer) }) && !(all.narrow && n.inside(peer))
}

// inside says whether an address is that of a pod or a node.
func (n *Network) inside(at netip.Addr) bool {
	b, ok := n.fabric.Backend(at)
	return ok && b.Reaches == nil
}

// contain says whether an address is in one of the blocks.
func (p *peers) contain(at netip.Addr) bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return b.contains(at) })
}

func (b block) contains(at netip.Addr) bool {
	return b.cidr.Contains(at) && !slices.ContainsFunc(b.except, func(x netip.Prefix) bool { return x.Contains(at) })
}

// opens says whether a rule speaks of a port. The name of one is what the containers of the
// pod call it that the packets go to.
func (r *rule) opens(all *Policies, to socket) bool {
	if len(r.ports) == 0 {
		return true
	}
	protocol := corev1.ProtocolTCP
	if to.udp {
		protocol = corev1.ProtocolUDP
	}
	for _, p := range r.ports {
		switch {
		case p.protocol != protocol:
		case p.name != "":
			if all.pods[to.Addr()].calls(p.name, protocol, to.Port()) {
				return true
			}
		case p.first <= to.Port() && to.Port() <= p.last:
			return true
		}
	}
	return false
}

// calls says whether a pod's containers have a name for a port.
func (m *member) calls(name string, protocol corev1.Protocol, port uint16) bool {
	return m != nil && slices.ContainsFunc(m.ports, func(p corev1.ContainerPort) bool {
		return p.Name == name && uint16(p.ContainerPort) == port && (p.Protocol == protocol || p.Protocol == "" && protocol == corev1.ProtocolTCP)
	})
}
