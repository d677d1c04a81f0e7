package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"demarc/sim/clock"
)

// Code is what becomes of a question to a server of names, by its name in DNS.
type Code string

// Codes.
const (
	NoError  Code = "NOERROR"
	NXDomain Code = "NXDOMAIN"
	ServFail Code = "SERVFAIL"
	Refused  Code = "REFUSED"
)

// Reply is a server's answer. No records and no error are a name that has others.
type Reply struct {
	Code    Code
	Records []Record
	// TTL is for how long it may be kept.
	TTL time.Duration
}

// NameServer is a program that answers questions about names.
type NameServer interface {
	// ServeDNS answers a question about a full name, without a dot at its end. It waits no
	// longer than until ctx ends.
	ServeDNS(ctx context.Context, q Question, at Standpoint) Reply
}

// Standpoint is where a server of names stands: what it sees of the cluster from there.
type Standpoint interface {
	// Cluster is what is known of a name of the cluster's; exists says that it has records,
	// if perhaps of other types.
	Cluster(name, kind string) (records []Record, exists bool)
	// Ask asks another server.
	Ask(ctx context.Context, server netip.AddrPort, q Question) (Reply, error)
	// Random is a number below n.
	Random(n int) int
}

// maxHops is how many servers pass a question on. More ask each other in a circle.
const maxHops = 8

// standpoint is a server's pod, and who has asked before it.
type standpoint struct {
	n     *Network
	from  client
	rules *Rules
	hops  int
}

// Cluster implements [Standpoint].
func (s standpoint) Cluster(name, kind string) ([]Record, bool) { return s.rules.lookup(name, kind) }

// Random implements [Standpoint].
func (s standpoint) Random(n int) int { return s.n.intn(n) }

// Ask implements [Standpoint].
func (s standpoint) Ask(ctx context.Context, server netip.AddrPort, q Question) (Reply, error) {
	if s.hops >= maxHops {
		<-ctx.Done() // each waits for another
		return Reply{}, s.failed(server, os.ErrDeadlineExceeded)
	}
	r, err := s.n.exchange(ctx, socket{server, !q.TCP}, s.from)
	if err == nil {
		reply := s.n.askAt(ctx, r, q, s.hops+1)
		if ctx.Err() == nil {
			return reply, nil
		}
		err = errDropped
	}
	if errors.Is(err, errDropped) {
		<-ctx.Done()
		err = os.ErrDeadlineExceeded
	}
	return Reply{}, s.failed(server, err)
}

// failed is what a server says of another that does not answer.
func (s standpoint) failed(server netip.AddrPort, err error) error {
	what := "i/o timeout"
	if errors.Is(err, syscall.ECONNREFUSED) {
		what = "read: connection refused"
	}
	return fmt.Errorf("read udp %s->%s: %s", netip.AddrPortFrom(s.from.address, clientPort), server, what)
}

// askAt asks the server at the end of a route. One of which nobody knows how it answers
// knows the names of the cluster.
func (n *Network) askAt(ctx context.Context, r route, q Question, hops int) Reply {
	rules := n.fabric.Rules(r.backend.Node)
	if r.backend.Names != nil {
		if server := r.backend.Names(int32(r.to.Port())); server != nil {
			return server.ServeDNS(ctx, q, standpoint{n, client{node: r.backend.Node, address: r.to.Addr()}, rules, hops})
		}
	}
	records, exists := rules.lookup(q.Name, q.Type)
	switch {
	case len(records) > 0:
		return Reply{Code: NoError, Records: Rotate(records, n.intn), TTL: RecordTTL * time.Second}
	case exists:
		return Reply{Code: NoError}
	}
	return Reply{Code: NXDomain}
}

// askDNS asks a server, or another one behind the same address if the first does not
// answer, about names in turn until one has records.
func (n *Network) askDNS(ctx context.Context, c client, q Question, names []string) ([]Record, error) {
	server := serverOf(q)
	var r route
	var err error
	for range dnsAttempts {
		if r, err = n.exchange(ctx, socket{server, !q.TCP}, c); errors.Is(err, errDropped) {
			clock.Sleep(ctx, dnsTimeout)
			err = os.ErrDeadlineExceeded
		}
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, unanswered(q, server, err)
	}
	known, failed, asked := false, false, q
	for _, asked.Name = range names {
		reply := n.askAt(ctx, r, asked, 0)
		if ctx.Err() != nil {
			return nil, unanswered(q, server, os.ErrDeadlineExceeded)
		}
		if len(reply.Records) > 0 {
			return reply.Records, nil
		}
		known = known || reply.Code == NoError
		failed = failed || reply.Code == ServFail || reply.Code == Refused
	}
	switch {
	case known:
		return nil, nil
	case failed:
		return nil, &net.DNSError{Err: "server misbehaving", Name: q.Name, Server: server.String(), IsTemporary: true}
	}
	return nil, &net.DNSError{Err: "no such host", Name: q.Name, Server: server.String(), IsNotFound: true}
}

// unanswered is that no answer came.
func unanswered(q Question, server netip.AddrPort, err error) error {
	network := "udp"
	if q.TCP {
		network = "tcp"
	}
	return &net.DNSError{
		Err: "read " + network + ": " + err.Error(), UnwrapErr: err, Name: q.Name, Server: server.String(),
		IsTimeout: errors.Is(err, os.ErrDeadlineExceeded), IsTemporary: true,
	}
}
