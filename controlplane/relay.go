package controlplane

import (
	"io"
	"net"

	"demarc/sim/accept"
)

// relay is a loopback port whose connections go on to somebody else: the network
// link between two components, which faults can cut, hang or slow.
type relay struct {
	listener net.Listener
	to       func(*gatedConn) // takes a connection that came in
	gates    []*gate
	conns    conns
}

// newRelay starts a relay; what passes waits at each gate.
func newRelay(to func(*gatedConn), gates ...*gate) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return relayOn(l, to, gates...), nil
}

// relayOn is newRelay on a port that is open already.
func relayOn(l net.Listener, to func(*gatedConn), gates ...*gate) *relay {
	r := &relay{listener: l, to: to, gates: gates}
	go accept.All(l, func(in net.Conn) {
		go r.to(r.conns.add(&patientConn{in, patience{limit: etcdReads}}, r.gates...))
	})
	return r
}

// addr is where clients connect to.
func (r *relay) addr() string { return r.listener.Addr().String() }

// kill resets every connection and gives the port back.
func (r *relay) kill() {
	r.listener.Close()
	r.conns.resetAll()
}

// forward connects a client with the server at an address, until either of them
// ends the connection. Only the client's side has gates, so that they count once
// each way.
func forward(client *gatedConn, address string) {
	defer client.Close()
	if client.pass(false) != nil {
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		client.reset()
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // ends when either side does
		server.Close()
	}()
	_, _ = io.Copy(client, server)
}
