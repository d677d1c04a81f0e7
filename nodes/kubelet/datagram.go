package kubelet

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// answer is what a port of the pod answers to a datagram, nil if nothing; ok is false if
// nothing listens. The lock is not held.
func (p *pod) answer(port int32, from netip.AddrPort, payload []byte) (answer []byte, ok bool) {
	p.k.ks.Lock.Lock()
	c := p.listener(port, true)
	if c == nil {
		p.k.ks.Lock.Unlock()
		return nil, false
	}
	say := c.behaviour.Datagram
	p.k.ks.Lock.Unlock()
	if payload == nil || say == nil {
		return nil, true
	}
	c.asked.note(time.Now())
	return say(port, from, payload), true
}

// Answer is what a port of the node itself answers to a datagram. The lock is not held.
func (k *Kubelet) Answer(port int32, from netip.AddrPort, payload []byte) (answer []byte, ok bool) {
	k.ks.Lock.Lock()
	var listens *pod
	for _, p := range k.pods {
		if p.spec.Spec.HostNetwork && p.listener(port, true) != nil {
			listens = p
		}
	}
	k.ks.Lock.Unlock()
	if listens == nil {
		return nil, false
	}
	return listens.answer(port, from, payload)
}

// HostPort is the port of a pod that has asked for one of the node, of UDP or of TCP. The
// lock is held.
func (k *Kubelet) HostPort(to netip.AddrPort, udp bool) (netip.AddrPort, bool) {
	protocol := string(corev1.ProtocolTCP)
	if udp {
		protocol = string(corev1.ProtocolUDP)
	}
	for _, p := range k.pods {
		if p.spec.Spec.HostNetwork || k.ks.byIP[p.ip] != p {
			continue
		}
		for _, h := range hostPorts(&p.spec.Spec) {
			if h.overlaps(hostPort{ip: to.Addr().String(), protocol: protocol, port: int32(to.Port())}) {
				return netip.AddrPortFrom(p.ip, uint16(h.to)), true
			}
		}
	}
	return netip.AddrPort{}, false
}
