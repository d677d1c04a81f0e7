package controlplane

import (
	"io"
	"net"
)

// relay is a loopback port whose connections go on to another address: the
// network link between two components, which faults can cut, hang or slow.
type relay struct {
	listener net.Listener
	target   func() string // asked at each connection
	gates    []*gate
	conns    conns
}

// newRelay starts a relay to what target says; what passes waits at each gate.
func newRelay(target func() string, gates ...*gate) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return relayOn(l, target, gates...), nil
}

// relayOn is newRelay on a port that is open already.
func relayOn(l net.Listener, target func() string, gates ...*gate) *relay {
	r := &relay{listener: l, target: target, gates: gates}
	go r.serve()
	return r
}

// addr is where clients connect to.
func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) serve() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.join(in)
	}
}

func (r *relay) join(in net.Conn) {
	// A bare connection out, so that the gates count once each way.
	client := r.conns.add(&patientConn{Conn: in, limit: etcdReads}, r.gates...)
	defer client.Close()
	if client.pass(false) != nil {
		return
	}
	out, err := net.Dial("tcp", r.target())
	if err != nil {
		client.reset()
		return
	}
	server := r.conns.add(out)
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // ends when either side does
		server.Close()
	}()
	_, _ = io.Copy(client, server)
}

// kill resets every connection and gives the port back.
func (r *relay) kill() {
	r.listener.Close()
	r.conns.resetAll()
}
