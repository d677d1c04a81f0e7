package kubelet

import (
	"fmt"
	"net/netip"
	"slices"

	"demarc/sim/api"
)

// AddressBatch is by how many addresses of the pods' subnet a node has more or fewer: with less
// than half of that free it asks for more, with one and a half it gives some back
// (MicrosoftDocs/azure-aks-docs, configure-azure-cni-dynamic-ip-allocation, 2026-08; Azure/
// azure-container-networking, cns). When the subnet has less than a batch left it has what
// there is.
const AddressBatch = 16

// podRange is the range of the node's pods; empty if it has none of its own.
func (k *Kubelet) podRange() string {
	if k.m.Cluster.NetworkPlugin == api.NetworkAzure {
		return ""
	}
	return k.m.Prefix.String()
}

func (k *Kubelet) podRanges() []string {
	if r := k.podRange(); r != "" {
		return []string{r}
	}
	return nil
}

// takeOwnIP gives an address that the node has of a subnet to a pod: the lowest that is free.
func (k *Kubelet) takeOwnIP() (netip.Addr, bool) {
	free := k.freeIPs()
	if s := k.ks.PodSpace; s != nil && len(free)-1 < AddressBatch/2 {
		more := s.Take(k.m.Name, AddressBatch)
		k.m.PodIPs, free = append(k.m.PodIPs, more...), append(free, more...)
		s.Short(k.m.Name, len(free) == 0)
	}
	if len(free) == 0 {
		return netip.Addr{}, false
	}
	return free[0], true
}

// freeIPs are the addresses that the node has and no pod.
func (k *Kubelet) freeIPs() (free []netip.Addr) {
	for _, a := range k.m.PodIPs {
		if k.ks.byIP[a] == nil {
			free = append(free, a)
		}
	}
	return free
}

// release gives addresses back of which the node has too many free.
func (k *Kubelet) release() {
	s := k.ks.PodSpace
	if s == nil {
		return
	}
	free := k.freeIPs()
	if len(free) > 0 {
		s.Short(k.m.Name, false)
	}
	for len(free) >= AddressBatch+AddressBatch/2 {
		back := free[len(free)-AddressBatch:]
		free = free[:len(free)-AddressBatch]
		k.m.PodIPs = slices.DeleteFunc(slices.Clone(k.m.PodIPs), func(a netip.Addr) bool { return slices.Contains(back, a) })
		s.Give(back...)
	}
}

// noAddress is what is said to a pod for which there is no address: as an overlay's or kubenet's
// host-local says it, or azure-vnet (MicrosoftDocs/architecture-center, troubleshoot-network-aks,
// 2024).
func (p *pod) noAddress() string {
	if p.k.m.Cluster.NetworkPlugin != api.NetworkAzure {
		return "no IP addresses available in range " + p.k.m.Prefix.String()
	}
	sandbox := hexID("sandbox", p.uid, p.sandboxes)
	return fmt.Sprintf("rpc error: code = Unknown desc = failed to setup network for sandbox %q: plugin type=\"azure-vnet\" failed (add): "+
		"IPAM Invoker Add failed with error: Failed to get IP address from CNS: AllocateIPConfig failed: not enough IPs available for %s, "+
		"waiting on Azure CNS to allocate more with NC Status: , IP config request is [IPConfigRequest: DesiredIPAddress , PodInterfaceID %s-eth0, "+
		"InfraContainerID %s, OrchestratorContext {\"PodName\":%q,\"PodNamespace\":%q}]",
		sandbox, UUID("nc", p.k.ks.Seed, p.k.m.Name), sandbox[:8], sandbox, p.spec.Name, p.spec.Namespace)
}
