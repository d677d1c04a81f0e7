package cluster

import (
	"fmt"
	"net/netip"
)

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

// freeAddress finds the next address that is not taken. They are given out in turn,
// so that one that was given back rests for as long as can be.
func freeAddress(next int, taken map[string]bool) (int, error) {
	for n := range publicAddresses {
		if i := (next + n) % publicAddresses; !taken[publicAddress(i)] {
			return i, nil
		}
	}
	return 0, fmt.Errorf("PublicIPCountLimitReached: all %d public IP addresses are in use; delete a Service of type LoadBalancer", publicAddresses)
}
