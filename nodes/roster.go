package nodes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// roster is who is in the fleet. It never changes: when a machine comes or goes
// another roster takes its place. So it is read without the fleet's lock, which
// only those hold who make the next one.
type roster struct {
	machines []*machine // by index
	byName   map[string]*machine
	byIP     map[netip.Addr]*machine // of the VMs that are not deleted
}

// enroll makes a roster of machines, in the order of their indices, the fleet's.
// The lock is held, and every change of who is deleted is followed by it.
func (f *Fleet) enroll(machines []*machine) {
	r := &roster{machines: machines, byName: make(map[string]*machine, len(machines)), byIP: make(map[netip.Addr]*machine, len(machines))}
	for _, m := range machines {
		r.byName[m.name] = m
		if m.stopped != deleted {
			r.byIP[m.ip] = m
		}
	}
	f.roster.Store(r)
}

// machines are the fleet's, by index; they are not to be changed.
func (f *Fleet) machines() []*machine { return f.roster.Load().machines }

// named is the machine of a full name, or nil.
func (f *Fleet) named(name string) *machine { return f.roster.Load().byName[name] }

// at is the machine that has an address, or nil.
func (f *Fleet) at(ip netip.Addr) *machine { return f.roster.Load().byIP[ip] }

// find resolves what NodeName takes.
func (f *Fleet) find(ref string) (*machine, error) {
	r := f.roster.Load()
	if m, ok := r.byName[ref]; ok {
		return m, nil
	}
	for _, m := range r.machines {
		if ref == strconv.Itoa(m.index) || ref != "" && strings.HasSuffix(m.name, "-"+ref) {
			return m, nil
		}
	}
	if len(r.machines) == 0 {
		return nil, fmt.Errorf("no node %q: the node pool is empty", ref)
	}
	last := r.machines[len(r.machines)-1]
	return nil, fmt.Errorf("no node %q: want an index from 0 to %d, a suffix such as vmss%s, or a name such as %s",
		ref, last.index, instanceID(last.index), last.name)
}

// slots is how many places the nodes' subnet and the pods' network have: from
// there on the pods' ranges would leave 10.0.0.0/8's upper end as AKS uses it,
// 10.244.0.0 to 10.255.255.255.
const slots = 12 << 8

// slot is the place in the networks of the machine with an index: the index,
// which is never used twice, or once these have run out the next free place. An
// address that is used again is so as late as can be.
func (r *roster) slot(index int) int {
	s := index % slots
	for r.byIP[nodeIP(s)] != nil {
		s = (s + 1) % slots
	}
	return s
}

// tally is how many VMs there are, and how many are missing because somebody
// deleted them outside of AKS. The lock is held.
func (f *Fleet) tally() (have, missing int) {
	for _, m := range f.machines() {
		if m.stopped == deleted {
			missing++
		} else {
			have++
		}
	}
	return have, missing
}

// join adds a machine to the roster; its index is the highest. The lock is held.
func (f *Fleet) join(m *machine) {
	f.enroll(append(slices.Clone(f.machines()), m))
}

// part takes a machine from the roster. The lock is held.
func (f *Fleet) part(m *machine) {
	f.enroll(slices.DeleteFunc(slices.Clone(f.machines()), func(o *machine) bool { return o == m }))
}
