package cloud

import (
	"net/netip"
	"testing"
)

// TestSpace gives addresses of a small subnet away and takes them back.
func TestSpace(t *testing.T) {
	s := NewSpace("aks-subnet", netip.MustParsePrefix("10.224.0.0/28"))
	s.Taken = func(a netip.Addr) bool { return a == netip.MustParseAddr("10.224.0.6") }
	a := s.Take("a", 3)
	if got := s.Text(a); got != "4-5,7" || s.Used() != 3 || s.Owner(a[2]) != "a" {
		t.Errorf("a has %s of %d", got, s.Used())
	}
	if b := s.Take("b", 99); s.Text(b) != "8-14" {
		t.Errorf("b has %s", s.Text(b))
	}
	if more := s.Take("c", 1); len(more) != 0 {
		t.Errorf("it is full, and c has %v", more)
	}
	if got := s.Full(31).Error(); got != "(SubnetIsFull) Subnet aks-subnet with address prefix 10.224.0.0/28 does not have enough capacity for 31 IP addresses." {
		t.Errorf("got %s", got)
	}
	s.Give(a[0])
	s.GiveAll("b")
	if got := s.Text(s.Free(99)); got != "4,8-14" {
		t.Errorf("free are %s", got)
	}
}

// TestClaimedAddresses puts back what was saved, and nothing else.
func TestClaimedAddresses(t *testing.T) {
	s := NewSpace("aks-subnet", netip.MustParsePrefix("10.224.0.0/28"))
	list, err := s.Claim("a", "4-6,9")
	if err != nil || s.Text(list) != "4-6,9" || s.Used() != 4 {
		t.Errorf("got %v, %v", list, err)
	}
	if none, err := s.Claim("a", ""); none != nil || err != nil {
		t.Errorf("got %v, %v", none, err)
	}
	for _, wrong := range []string{"x", "4", "3", "15", "8-7", "7-x", "-", "7,"} {
		if list, err := s.Claim("b", wrong); err == nil {
			t.Errorf("%q: got %v", wrong, list)
		}
	}
}
