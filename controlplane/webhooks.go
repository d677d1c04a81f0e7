package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"demarc/sim/clock"
)

// errNotHere says why a webhook by URL was not called.
var errNotHere = errors.New("webhooks by URL reach only this machine: for other hosts make the cluster with demarc up --webhook-egress, in a scenario webhook-egress=true")

// webhookDialer reaches webhooks by URL: those of customers on this machine, or
// with anywhere on any host. What counts is the address that a name has come to.
func webhookDialer(anywhere bool) TunnelDialer {
	d := net.Dialer{Timeout: tunnelTimeout}
	if !anywhere {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil || !a.Addr().Unmap().IsLoopback() {
				return errNotHere
			}
			return nil
		}
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		defer clock.Hold()()
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return clock.Asking(c), nil
	}
}

// webhookRefusal is the status line of a refusal: all that the API server passes
// on to whoever called it.
func webhookRefusal(err error) string {
	return fmt.Sprintf("502 %s", strings.Join(strings.Fields(err.Error()), " "))
}

// forgetProxies lets the API server dial webhooks itself: a proxy on this machine,
// named by the environment, would reach any host for it.
func forgetProxies() {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		os.Unsetenv(name)
	}
}
