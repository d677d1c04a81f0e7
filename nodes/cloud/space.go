package cloud

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"demarc/sim/api"
)

// Space is the addresses of a subnet, and which VMs have them: all but the first four and the
// last, which Azure keeps for itself. It is not safe for concurrent use.
type Space struct {
	Name   string
	prefix netip.Prefix
	owners map[netip.Addr]string
	// Taken says whether something else has an address; nil if nothing can.
	Taken func(netip.Addr) bool
	// Short is told, with the lock held, whether a VM has fewer addresses than it needs; nil for
	// nobody.
	Short func(vm string, is bool)
}

// NewSpace is a subnet of which nobody has an address.
func NewSpace(name string, prefix netip.Prefix) *Space {
	return &Space{Name: name, prefix: prefix, owners: map[netip.Addr]string{}}
}

// Used is how many addresses VMs have.
func (s *Space) Used() int { return len(s.owners) }

// Owner is the VM that has an address; empty for none.
func (s *Space) Owner(a netip.Addr) string { return s.owners[a] }

// at is the address with a number, of which the first four are Azure's.
func (s *Space) at(i int) netip.Addr {
	b := s.prefix.Addr().As4()
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(b[:])+uint32(i))))
}

func (s *Space) last() int { return 1<<(32-s.prefix.Bits()) - 2 }

// Free is the lowest addresses that are free, as many as that if there are.
func (s *Space) Free(n int) (list []netip.Addr) {
	for i := api.FirstAddress; i <= s.last() && len(list) < n; i++ {
		if a := s.at(i); s.owners[a] == "" && (s.Taken == nil || !s.Taken(a)) {
			list = append(list, a)
		}
	}
	return list
}

// Take gives a VM the lowest addresses that are free, as many as that if there are.
func (s *Space) Take(owner string, n int) []netip.Addr {
	list := s.Free(n)
	for _, a := range list {
		s.owners[a] = owner
	}
	return list
}

// Give takes addresses back.
func (s *Space) Give(list ...netip.Addr) {
	for _, a := range list {
		delete(s.owners, a)
	}
}

// GiveAll takes back what a VM has.
func (s *Space) GiveAll(owner string) {
	maps.DeleteFunc(s.owners, func(_ netip.Addr, o string) bool { return o == owner })
}

// Full is Azure's refusal of so many addresses.
func (s *Space) Full(n int) error {
	return api.Coded("SubnetIsFull", "Subnet %s with address prefix %s does not have enough capacity for %d IP addresses.", s.Name, s.prefix, n)
}

// Text is addresses as their numbers in the subnet, such as 4-8,10, for [Space.Claim].
func (s *Space) Text(list []netip.Addr) string {
	var parts []string
	list = slices.Clone(list)
	slices.SortFunc(list, netip.Addr.Compare)
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j].Next() {
			j++
		}
		part := strconv.Itoa(s.number(list[i]))
		if j > i {
			part += "-" + strconv.Itoa(s.number(list[j]))
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ",")
}

func (s *Space) number(a netip.Addr) int {
	x, base := a.As4(), s.prefix.Addr().As4()
	return int(binary.BigEndian.Uint32(x[:]) - binary.BigEndian.Uint32(base[:]))
}

// Claim gives a VM the addresses that a text says; an empty one is none.
func (s *Space) Claim(owner, text string) (list []netip.Addr, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, lerr := strconv.Atoi(to)
		if err != nil || lerr != nil || first < api.FirstAddress || last < first || last > s.last() {
			return nil, fmt.Errorf("addresses %q are none of %s", text, s.prefix)
		}
		for i := first; i <= last; i++ {
			if s.owners[s.at(i)] != "" {
				return nil, fmt.Errorf("address %s is there twice", s.at(i))
			}
			s.owners[s.at(i)] = owner
			list = append(list, s.at(i))
		}
	}
	return list, nil
}
