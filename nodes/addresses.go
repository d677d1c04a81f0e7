package nodes

import (
	"fmt"
	"net/netip"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/kubelet"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// addresses are the subnets of the virtual network, where machines do not have addresses by
// their places in it.
type addresses struct {
	nodes *cloud.Space // nil if they do
	pods  *cloud.Space // the pods' own; nil if there is none
	// short are the machines that have no address for a pod.
	short map[string]bool
}

// newAddresses is the subnets as the configuration has them.
func (f *scaleSet) newAddresses() (a addresses) {
	a.short = map[string]bool{}
	if f.cfg.Subnet.IsValid() && f.cfg.Subnet != api.NodePrefix || f.cfg.NetworkPlugin == api.NetworkAzure {
		if !f.cfg.Subnet.IsValid() {
			f.cfg.Subnet = api.NodePrefix
		}
		a.nodes = cloud.NewSpace(api.NodeSubnet, f.cfg.Subnet)
		a.nodes.Taken = f.balancers.Private
		f.balancers.In(f.cfg.Subnet)
	}
	if f.cfg.PodSubnet.IsValid() {
		a.pods = cloud.NewSpace(api.PodSubnet, f.cfg.PodSubnet)
		a.pods.Short = f.lacksAddresses
	}
	return a
}

// attach gives a machine its addresses: those that it had, or free ones. With network plugin
// azure and no subnet of the pods', that is one for each pod that it can have, too; else pods
// have a first batch. The lock is held, or the fleet is being made.
func (f *scaleSet) attach(m *machine, had savedMachine) (err error) {
	s := f.addresses.nodes
	if s == nil || had.Stopped == api.MachineDeleted {
		return nil
	}
	if had.Address != "" {
		return f.claim(m, had)
	}
	if err := f.room(m.Shape); err != nil {
		return err
	}
	own := s.Take(m.Name, f.needs(m.Shape))
	m.IP, m.PodIPs = own[0], own[1:]
	if f.addresses.pods != nil {
		m.PodIPs = f.addresses.pods.Take(m.Name, kubelet.AddressBatch)
	}
	return nil
}

// needs is how many addresses of the nodes' subnet a machine takes.
func (f *scaleSet) needs(shape api.PoolShape) int {
	if f.cfg.NetworkPlugin == api.NetworkAzure && f.addresses.pods == nil {
		return 1 + shape.MaxPods
	}
	return 1
}

// room is Azure's refusal of another machine for want of addresses. The lock is held.
func (f *scaleSet) room(shape api.PoolShape) error {
	n := f.needs(shape)
	if s := f.addresses.nodes; s != nil && len(s.Free(n)) < n {
		return s.Full(n)
	}
	return nil
}

// claim gives a machine back what it had.
func (f *scaleSet) claim(m *machine, had savedMachine) error {
	own, err := f.addresses.nodes.Claim(m.Name, had.Address)
	if err == nil && len(own) != 1 {
		err = fmt.Errorf("%q is no address", had.Address)
	}
	if err != nil {
		return fmt.Errorf("read the saved machine %s: %w", m.Name, err)
	}
	m.IP = own[0]
	of := f.addresses.pods
	if of == nil {
		of = f.addresses.nodes
	}
	if m.PodIPs, err = of.Claim(m.Name, had.PodIPs); err != nil {
		return fmt.Errorf("read the saved machine %s: %w", m.Name, err)
	}
	return nil
}

// detach takes the addresses of a machine that is deleted. The lock is held.
func (f *scaleSet) detach(m *machine) {
	m.PodIPs = nil
	for _, s := range []*cloud.Space{f.addresses.nodes, f.addresses.pods} {
		if s != nil {
			s.GiveAll(m.Name)
		}
	}
	f.lacksAddresses(m.Name, false)
}

// text is the addresses of a machine as they are kept.
func (a addresses) text(m *machine) (own, pods string) {
	if a.nodes == nil || m.deleted() {
		return "", ""
	}
	of := a.pods
	if of == nil {
		of = a.nodes
	}
	return a.nodes.Text([]netip.Addr{m.IP}), of.Text(m.PodIPs)
}

// lacksAddresses notes whether a machine has no address for a pod, and on the timeline that the pods'
// subnet has too few for some, or enough for all again. How large it is is the customer's plan.
func (f *scaleSet) lacksAddresses(name string, is bool) {
	before := len(f.addresses.short) > 0
	if delete(f.addresses.short, name); is {
		f.addresses.short[name] = true
	}
	if before == (len(f.addresses.short) > 0) {
		return
	}
	e := timeline.Event{
		Time: time.Now(), Actor: timeline.Customer, Verb: "has addresses again", Subject: "subnet/" + api.PodSubnet,
		Message: fmt.Sprintf("nodes have addresses of %s for their pods", f.cfg.PodSubnet),
	}
	if is {
		e.Verb, e.Message = "lacks addresses", fmt.Sprintf("all %d addresses of %s are taken: pods that come to a node without a free one wait", api.Addresses(f.cfg.PodSubnet), f.cfg.PodSubnet)
	}
	f.log.Append(e)
}
