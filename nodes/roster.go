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
	leaving  []*machine // are no longer the pool's, and not deleted yet
	byName   map[string]*machine
	byIP     map[netip.Addr]*machine // of the VMs that are not deleted
}

// enroll makes a roster of machines, in the order of their indices, the fleet's.
// The lock is held, and every change of who is deleted is followed by it.
func (f *Fleet) enroll(machines, leaving []*machine) {
	n := len(machines) + len(leaving)
	r := &roster{machines: machines, leaving: leaving, byName: make(map[string]*machine, n), byIP: make(map[netip.Addr]*machine, n)}
	for _, m := range slices.Concat(machines, leaving) {
		r.byName[m.name] = m
		if m.stopped != deleted {
			r.byIP[m.ip] = m
		}
	}
	f.roster.Store(r)
}

// reenroll is for a change of who is deleted.
func (f *Fleet) reenroll() {
	r := f.roster.Load()
	f.enroll(r.machines, r.leaving)
}

// machines are the fleet's, by index; they are not to be changed.
func (f *Fleet) machines() []*machine { return f.roster.Load().machines }

// named is the machine of a full name, or nil; it may be leaving.
func (f *Fleet) named(name string) *machine { return f.roster.Load().byName[name] }

// at is the machine that has an address, or nil.
func (f *Fleet) at(ip netip.Addr) *machine { return f.roster.Load().byIP[ip] }

// find resolves what NodeName takes.
func (f *Fleet) find(ref string) (*machine, error) {
	r := f.roster.Load()
	for _, m := range r.machines {
		if ref == m.name || ref == strconv.Itoa(m.index) || ref != "" && strings.HasSuffix(m.name, "-"+ref) {
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
	r := f.roster.Load()
	f.enroll(append(slices.Clone(r.machines), m), r.leaving)
}

// part takes a machine from the pool; it is leaving then, or gone. The lock is held.
func (f *Fleet) part(m *machine, leaving bool) {
	r := f.roster.Load()
	other := func(list []*machine) []*machine {
		return slices.DeleteFunc(slices.Clone(list), func(o *machine) bool { return o == m })
	}
	left := other(r.leaving)
	if leaving {
		left = append(left, m)
	}
	f.enroll(other(r.machines), left)
}
