package nodes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"demarc/nodes/vm"
	"demarc/sim/api"
)

// roster is who is in the fleet. It is read without the fleet's lock, which only
// those hold who change it.
type roster struct{ present atomic.Pointer[members] }

// members is who is in the fleet at one time. It never changes: when a machine comes
// or goes others take its place.
type members struct {
	machines []*machine // by pool and index
	leaving  []*machine // are no longer the pool's, and not deleted yet
	byName   map[string]*machine
	byIP     map[netip.Addr]*machine // of the VMs that are not deleted
	bySlot   map[int]bool            // which places they have
}

// enroll makes a roster of machines, in the order of their pools and indices, the fleet's.
// The lock is held, and every change of who is deleted is followed by it.
func (f *roster) enroll(machines, leaving []*machine) {
	n := len(machines) + len(leaving)
	r := &members{machines: machines, leaving: leaving, byName: make(map[string]*machine, n), byIP: make(map[netip.Addr]*machine, n), bySlot: make(map[int]bool, n)}
	for _, m := range slices.Concat(machines, leaving) {
		r.byName[m.Name] = m
		if !m.deleted() {
			r.byIP[m.IP], r.bySlot[m.Slot()] = m, true
		}
	}
	f.present.Store(r)
}

// reenroll is for a change of who is deleted.
func (f *roster) reenroll() {
	r := f.present.Load()
	f.enroll(r.machines, r.leaving)
}

// machines are the fleet's, by pool and index; they are not to be changed.
func (f *roster) machines() []*machine { return f.present.Load().machines }

// named is the machine of a full name, or nil; it may be leaving.
func (f *roster) named(name string) *machine { return f.present.Load().byName[name] }

// at is the machine that has an address, or nil.
func (f *roster) at(ip netip.Addr) *machine { return f.present.Load().byIP[ip] }

// NodeName resolves an index from 0, which is the instance number in nodepool1, a suffix
// such as vmss000000, likewise, POOL-vmss000000, or a full name to a node's full name.
func (f *roster) NodeName(ref string) (string, bool) {
	m, err := f.find(ref)
	if err != nil {
		return "", false
	}
	return m.Name, true
}

// Surge says whether a node's machine was added for an upgrade ([Fleet.Add]).
func (f *roster) Surge(name string) bool {
	m := f.named(name)
	return m != nil && m.surge // never changes once it is in the roster
}

// find resolves what NodeName takes.
func (f *roster) find(ref string) (*machine, error) {
	r := f.present.Load()
	for _, m := range r.machines {
		if m.is(ref) {
			return m, nil
		}
	}
	if len(r.machines) == 0 {
		return nil, fmt.Errorf("no node %q: the node pool is empty", ref)
	}
	last := r.machines[len(r.machines)-1]
	if first := inPool(r.machines, api.DefaultPool); len(first) > 0 {
		last = first[len(first)-1]
	}
	more := ""
	if r.machines[0].Pool != r.machines[len(r.machines)-1].Pool {
		more = ", POOL-vmss000000"
	}
	return nil, fmt.Errorf("no node %q: want an index from 0 to %d%s, a suffix such as vmss%s, or a name such as %s",
		ref, last.Index, more, vm.InstanceID(last.Index), last.Name)
}

// is says whether ref names the machine. What names no pool is of the first one.
func (m *machine) is(ref string) bool {
	switch {
	case ref == m.Name, ref == m.Pool+"-vmss"+vm.InstanceID(m.Index):
		return true
	case m.Pool == api.DefaultPool:
		return ref == strconv.Itoa(m.Index) || ref != "" && strings.HasSuffix(m.Name, "-"+ref)
	}
	return !strings.HasPrefix(ref, "vmss") && ref != "" && strings.HasSuffix(m.Name, "-"+ref)
}

// slots is how many places the nodes' subnet and the pods' network have: from
// there on the pods' ranges would leave 10.0.0.0/8's upper end as AKS uses it,
// 10.244.0.0 to 10.255.255.255.
const slots = 12 << 8

// slot is the place in the networks of the machine with an index: the index,
// which a pool never uses twice, or the next free place if another has it. An
// address that is used again is so as late as can be.
func (r *members) slot(index int) int {
	s := index % slots
	for r.bySlot[s] {
		s = (s + 1) % slots
	}
	return s
}

// living are the machines that were not deleted. The lock is held.
func (f *roster) living() []*machine { return living(f.machines()) }

func living(machines []*machine) []*machine {
	return slices.DeleteFunc(slices.Clone(machines), (*machine).deleted)
}

// inPool are the machines of a pool.
func inPool(machines []*machine, pool string) []*machine {
	return slices.DeleteFunc(slices.Clone(machines), func(m *machine) bool { return m.Pool != pool })
}

// missing are those of a pool that somebody deleted outside of AKS, and that the pool
// has not forgotten. The lock is held.
func (f *roster) missing(pool string) []*machine {
	return slices.DeleteFunc(inPool(f.machines(), pool), func(m *machine) bool { return !m.deleted() })
}

func names(machines []*machine) (list []string) {
	for _, m := range machines {
		list = append(list, m.Name)
	}
	return list
}

// join adds a machine to the roster in its place. The lock is held.
func (f *scaleSet) join(m *machine) {
	r := f.present.Load()
	all := append(slices.Clone(r.machines), m)
	f.sort(all)
	f.enroll(all, r.leaving)
}

// part takes a machine from the pool; it is leaving then, or gone. The lock is held.
func (f *roster) part(m *machine, leaving bool) {
	r := f.present.Load()
	other := func(list []*machine) []*machine {
		return slices.DeleteFunc(slices.Clone(list), func(o *machine) bool { return o == m })
	}
	left := other(r.leaving)
	if leaving {
		left = append(left, m)
	}
	f.enroll(other(r.machines), left)
}
