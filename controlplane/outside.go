package controlplane

import (
	"net"
	"net/http"

	"demarc/sim/clock"

	"k8s.io/apiserver/pkg/server"
)

// outsider is the connection of a client outside the engine. The clock waits for its
// first request: a handshake takes milliseconds of real time, in which a clock that runs
// free would be past the server's patience.
type outsider struct {
	net.Conn
	arrived func() // the first request is there
}

func newOutsider(c net.Conn) *outsider { return &outsider{c, clock.Hold()} }

// outsiderAddr is the address at which an outsider came in: what a server tells of a
// request's connection.
type outsiderAddr struct {
	net.Addr
	outsider *outsider
}

// LocalAddr implements [net.Conn].
func (o *outsider) LocalAddr() net.Addr { return outsiderAddr{o.Conn.LocalAddr(), o} }

// Close implements [net.Conn].
func (o *outsider) Close() error {
	o.arrived()
	return o.Conn.Close()
}

// SetLinger is the connection's, if it has one: see gatedConn.reset.
func (o *outsider) SetLinger(sec int) error { return setLinger(o.Conn, sec) }

// holdClock has the clock wait while an API server works on an outsider's request, but
// for those that have no end of their own.
func holdClock(c *server.Config) {
	build := c.BuildHandlerChainFunc
	c.BuildHandlerChainFunc = func(h http.Handler, c *server.Config) http.Handler {
		h = build(h, c)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if at, ok := r.Context().Value(http.LocalAddrContextKey).(outsiderAddr); ok {
				if info, err := c.RequestInfoResolver.NewRequestInfo(r); err != nil || !c.LongRunningFunc(r, info) {
					defer clock.Hold()()
				}
				at.outsider.arrived()
				// A client's cache compares it with its own clock: with a time that is still
				// to come an answer would be fresh until then.
				w.Header().Set("Date", clock.RealTime().UTC().Format(http.TimeFormat))
			}
			h.ServeHTTP(w, r)
		})
	}
}
