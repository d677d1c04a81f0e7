// Package backend is real programs of this machine behind ports of simulated containers.
//
// A [Set] says which program is behind which port, as the annotation demarc.dev/backend and
// the key backend of the catalogue of images do; [Parse] reads it. [Dial] connects to one.
// Only programs of this machine can be named, by a loopback address: a cluster must not be a
// way to other hosts.
package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/clock"
)

// Set are the addresses of programs by the container's port. That of port 0 is behind every
// port that has none of its own.
type Set map[int32]netip.AddrPort

// Parse reads an address, which is behind all ports, or PORT=ADDRESS for single ports with
// commas between them.
func Parse(text string) (Set, error) {
	s := Set{}
	for part := range strings.SplitSeq(text, ",") {
		port := int32(0)
		number, address, single := strings.Cut(strings.TrimSpace(part), "=")
		if !single {
			address = number
		} else {
			n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q is no port: want 1 to 65535 before the =", number)
			}
			port = int32(n)
		}
		to, err := parseAddress(strings.TrimSpace(address))
		if err != nil {
			return nil, err
		}
		if _, twice := s[port]; twice && single {
			return nil, fmt.Errorf("port %d is given twice", port)
		} else if twice {
			return nil, errors.New("two addresses are for all ports: write PORT=ADDRESS for single ports")
		}
		s[port] = to
	}
	return s, nil
}

// parseAddress reads the address of a program on this machine.
func parseAddress(text string) (netip.AddrPort, error) {
	if port, ok := strings.CutPrefix(text, "localhost:"); ok {
		text = "127.0.0.1:" + port
	}
	to, err := netip.ParseAddrPort(text)
	switch {
	case err != nil || to.Port() == 0:
		return to, fmt.Errorf("%q is no address of a program: want one such as 127.0.0.1:9443, or 8443=127.0.0.1:9443 for a single port", text)
	case !to.Addr().Unmap().IsLoopback():
		return to, fmt.Errorf("%s is not on this machine: a backend has a loopback address, such as 127.0.0.1:%d", text, to.Port())
	}
	return to, nil
}

// Of is the program behind a port.
func (s Set) Of(port int32) (netip.AddrPort, bool) {
	to, ok := s[port]
	if !ok {
		to, ok = s[0]
	}
	return to, ok
}

// Ports are the ports that are named.
func (s Set) Ports() []int32 {
	ports := slices.Sorted(maps.Keys(s))
	if s.All() {
		ports = ports[1:]
	}
	return ports
}

// All says whether a program is behind every port.
func (s Set) All() bool { _, ok := s[0]; return ok }

// String is what [Parse] reads.
func (s Set) String() string {
	var parts []string
	if s.All() {
		parts = append(parts, s[0].String())
	}
	for _, port := range s.Ports() {
		parts = append(parts, fmt.Sprintf("%d=%s", port, s[port]))
	}
	return strings.Join(parts, ",")
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Set) UnmarshalText(b []byte) (err error) {
	*s, err = Parse(string(b))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// dialTimeout bounds a connection, which is either there at once or is not.
const dialTimeout = 5 * time.Second

// Dial connects to a program. The clock of a cluster that is held to a rate goes in small
// steps while an answer is waited for.
func Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	defer clock.Hold()()
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return clock.Asking(c), nil
}
