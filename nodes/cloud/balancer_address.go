package cloud

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"demarc/sim/api"
)

// firstPrivate is the first address of the nodes' subnet as AKS makes it that load balancers
// get: the machines' are below.
var firstPrivate = netip.MustParseAddr("10.224.16.0")

// publicBlocks are where simulated public addresses come from: blocks reserved for
// documentation (RFC 5737), so that nothing real is ever meant.
var publicBlocks = []netip.Prefix{
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
}

// Of each block these are given out. Below them are addresses of the service's own.
const (
	firstPublic    = 10
	lastPublic     = 254
	publicPerBlock = lastPublic - firstPublic + 1
)

// publicAddresses is how many addresses there are.
var publicAddresses = len(publicBlocks) * publicPerBlock

// publicAddress is one of them, from 0.
func publicAddress(i int) string {
	a := publicBlocks[i/publicPerBlock].Addr().As4()
	a[3] = byte(firstPublic + i%publicPerBlock)
	return netip.AddrFrom4(a).String()
}

// place is the frontend that a Service gets, in AKS's words if it gets none.
func (b *Balancers) place(spec BalancerSpec) (api.BalancerFrontend, error) {
	f := api.BalancerFrontend{Name: spec.Base, Service: spec.Service}
	var err error
	if spec.Internal {
		f.Address, err = b.private(spec)
	} else {
		f.PublicIP, f.Address, err = b.public(spec)
	}
	return f, err
}

// public is the public IP address of a Service: the one that it names, or one of its own.
func (b *Balancers) public(spec BalancerSpec) (name, address string, _ error) {
	group := spec.Group
	if group == "" {
		group = groupName(b.group)
	}
	if spec.PublicIP != "" {
		for _, ip := range b.ips {
			if strings.EqualFold(ip.Name, spec.PublicIP) && strings.EqualFold(ip.Group, group) {
				return ip.Name, ip.Address, nil
			}
		}
		return "", "", fmt.Errorf("PublicIP from annotation azure-pip-name(-IPv6)=%s for service %s doesn't exist", spec.PublicIP, spec.Service)
	}
	if spec.Address != "" {
		for _, ip := range b.ips {
			if ip.Address == spec.Address && strings.EqualFold(ip.Group, group) {
				return ip.Name, ip.Address, nil
			}
		}
		return "", "", fmt.Errorf("user supplied IP Address %s was not found in resource group %s", spec.Address, group)
	}
	name = "kubernetes-" + spec.Base
	if ip := b.ips[name]; ip != nil {
		return name, ip.Address, nil
	}
	taken := map[string]bool{}
	for _, ip := range b.ips {
		taken[ip.Address] = true
	}
	if spec.Kept != "" && !taken[spec.Kept] && isPublic(spec.Kept) {
		return name, spec.Kept, nil
	}
	for _, other := range spec.Reserved {
		taken[other] = true
	}
	address, err := b.freePublic(taken)
	return name, address, err
}

// isPublic says whether an address is one of those that are given out.
func isPublic(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && slices.ContainsFunc(publicBlocks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// freePublic finds the next address that is not taken. They are given out in turn, so that
// one that was given back rests for as long as can be.
func (b *Balancers) freePublic(taken map[string]bool) (string, error) {
	for n := range publicAddresses {
		if i := (b.next + n) % publicAddresses; !taken[publicAddress(i)] {
			b.next = i + 1
			return publicAddress(i), nil
		}
	}
	return "", fmt.Errorf("PublicIPCountLimitReached: all %d public IP addresses are in use; delete a Service of type LoadBalancer", publicAddresses)
}

// private is the address of the subnet that a Service gets: the one that it names, the one
// that it has, or the first that is free.
func (b *Balancers) private(spec BalancerSpec) (string, error) {
	if spec.Address != "" {
		return spec.Address, b.checkPrivate(spec)
	}
	if l, f := b.frontend(spec.Service); f != nil && l.Name == api.InternalBalancer {
		return f.Address, nil
	}
	first := firstPrivate
	if !b.subnet.Contains(first) {
		first = b.number(api.FirstAddress)
	}
	for a := first; b.subnet.Contains(a) && a != b.broadcast(); a = a.Next() {
		if b.owner(a) == "" && !b.used(a.String()) {
			return a.String(), nil
		}
	}
	return "", api.Coded("SubnetIsFull", "Subnet aks-subnet with address prefix %s does not have enough capacity for 1 IP addresses.", b.subnet)
}

// number is an address of the subnet by its number, and broadcast the last one.
func (b *Balancers) number(i int) netip.Addr { return (&Space{prefix: b.subnet}).at(i) }

func (b *Balancers) broadcast() netip.Addr { return b.number(1<<(32-b.subnet.Bits()) - 1) }

// checkPrivate says in Azure's words why a Service cannot have an address of the subnet.
func (b *Balancers) checkPrivate(spec BalancerSpec) error {
	a, err := netip.ParseAddr(spec.Address)
	config := b.ID(api.InternalBalancer) + "/frontendIPConfigurations/" + spec.Base
	switch {
	case err != nil || !b.subnet.Contains(a):
		return api.Coded("PrivateIPAddressNotInSubnet", "Private static IP address %s does not belong to the range of subnet prefix %s.", spec.Address, b.subnet)
	case a.Less(b.number(api.FirstAddress)) || a == b.broadcast():
		return api.Coded("PrivateIPAddressInReservedRange", "Private static IP address %s falls within reserved IP range of subnet prefix %s.", spec.Address, b.subnet)
	}
	if vm := b.owner(a); vm != "" {
		return api.Coded("PrivateIPAddressIsAllocated", "IP configuration %s is using the private IP address %s which is already allocated to resource %s/providers/Microsoft.Compute/virtualMachines/%s.",
			config, spec.Address, b.group, vm)
	}
	return nil
}
