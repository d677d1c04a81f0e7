package vm

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"demarc/sim/api"
)

// Cluster is what the names of a cluster's machines are made from.
type Cluster struct {
	Name, Location string
	// NetworkPolicy is what enforces NetworkPolicies, and NetworkPlugin where pods have their
	// addresses from.
	NetworkPolicy api.NetworkPolicy
	NetworkPlugin api.NetworkPlugin
}

// Subscription is the one that the machines are in.
const Subscription = "00000000-0000-0000-0000-000000000000"

// GroupID is the resource ID of the cluster's node resource group.
func (c *Cluster) GroupID() string {
	return "/subscriptions/" + Subscription + "/resourceGroups/" + strings.ToLower(c.ResourceGroup())
}

// ScaleSet is the name of a pool's virtual machine scale set: AKS puts eight
// digits that come from the cluster's name into it.
func (c *Cluster) ScaleSet(pool string) string {
	return fmt.Sprintf("aks-%s-%s-vmss", pool, c.Digits())
}

// Digits are the eight digits in the names of a cluster's resources.
func (c *Cluster) Digits() string {
	h := fnv.New32a()
	h.Write([]byte(c.Name)) // never fails
	return fmt.Sprintf("%08d", h.Sum32()%100_000_000)
}

// ResourceGroup is where AKS puts a cluster's machines.
func (c *Cluster) ResourceGroup() string {
	return fmt.Sprintf("MC_%s_%s_%s", c.Name, c.Name, c.Location)
}

// InstanceID is a scale set's number for its i-th machine: six digits in base 36.
func InstanceID(i int) string {
	s := strconv.FormatInt(int64(i), 36)
	return strings.Repeat("0", 6-len(s)) + s
}

// NodeIP is the address of the i-th machine; Azure keeps the first four of a
// subnet for itself.
func NodeIP(i int) netip.Addr {
	return address(10<<24 | 224<<16 + uint32(i) + 4)
}

// PodCIDR is the range of the i-th machine's pods: a /24 of its own, from
// 10.244.0.0 upwards.
func PodCIDR(i int) netip.Prefix {
	return netip.PrefixFrom(address(10<<24|244<<16+uint32(i)<<8), 24)
}

// Zone is the machine's availability zone; empty if it is in none.
func (m *VM) Zone() string { return ZoneOf(m.Shape, m.Index) }

// ZoneOf is the availability zone of the instance of a number in a pool of a shape; empty
// for none.
func ZoneOf(shape api.PoolShape, index int) string {
	if zones := shape.Zones; len(zones) > 0 {
		return zones[index%len(zones)]
	}
	return ""
}

// ZoneLabel is a zone as the labels of nodes have it: westeurope-1.
func (c *Cluster) ZoneLabel(zone string) string { return c.Location + "-" + zone }

// Slot is the machine's place in the networks, of which its addresses come.
func (m *VM) Slot() int {
	ip := m.Prefix.Addr().As4()
	return (int(ip[1])-244)<<8 | int(ip[2])
}

func address(bits uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, bits)))
}
