package controlplane

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/controlplane/upstream"
	"demarc/sim/clock"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Times of kube-apiserver's client of etcd (Kubernetes v1.37, apiserver, storagebackend/
// factory/etcd3.go) and of its connection (gRPC).
const (
	etcdDialTimeout = 20 * time.Second
	// etcdKeepalive is for how long it waits for a sign of life: 30 s until it asks for
	// one, and 10 s for the answer.
	etcdKeepalive = 40 * time.Second
)

// What a client of etcd is told when it has no connection, or loses it.
var (
	errEtcdRefused = status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp: connect: connection refused"`)
	errEtcdTimeout = status.Error(codes.Unavailable, `connection error: desc = "transport: authentication handshake failed: context deadline exceeded"`)
	errEtcdReset   = status.Error(codes.Unavailable, "error reading from server: read: connection reset by peer")
	errEtcdSilent  = status.Error(codes.Unavailable, "keepalive ping failed to receive ACK within timeout")
)

// etcdCalls is one API server's link to etcd: what its client would send over
// connections are calls in this process. They wait where a connection would (at the
// gates), end when it would, and are refused for as long as gRPC takes to try again.
type etcdCalls struct {
	url   string
	life  context.Context // ends when the link is dropped
	end   context.CancelFunc
	stop  func()
	paths []*etcdPath // to each member

	mu       sync.Mutex
	next     int           // the path whose turn it is
	tried    chan struct{} // closed when an attempt at a connection has ended
	patience patience
}

// newCalls is the link of an API server, whose name it has. No two may have the same.
func (a *seats) newCalls(name string, gates ...*gate) *etcdCalls {
	l := &etcdCalls{
		url:      "https://" + strings.ReplaceAll(name, "/", "-") + ".etcd.internal:2379",
		tried:    make(chan struct{}),
		patience: patience{limit: etcdReads},
	}
	l.life, l.end = context.WithCancel(context.Background())
	for _, s := range a.list {
		l.paths = append(l.paths, newEtcdPath(l, s, append(slices.Clone(gates), s.component.gate, s.cut)))
	}
	l.stop = upstream.ServeEtcd(l.url, l.client)
	return l
}

func (l *etcdCalls) urls() string { return l.url }

func (l *etcdCalls) drop() {
	l.end()
	l.stop()
	for _, p := range l.paths {
		p.drop()
	}
}

// client is a client of etcd for one resource. As upstream's, it comes into being with
// its connection.
func (l *etcdCalls) client() (*clientv3.Client, error) {
	ctx, cancel := context.WithTimeout(l.life, etcdDialTimeout)
	defer cancel()
	for {
		if _, err := l.connection(ctx); err == nil {
			return l.newClient(), nil
		}
		if !l.awaitRetry(ctx) {
			return nil, fmt.Errorf("etcd grpc connection not ready: %w", ctx.Err())
		}
	}
}

// awaitRetry waits until a connection may be there again, and says whether ctx lasted.
func (l *etcdCalls) awaitRetry(ctx context.Context) bool {
	first := l.paths[0].due()
	for _, p := range l.paths[1:] {
		if due := p.due(); due.Before(first) {
			first = due
		}
	}
	return clock.Sleep(ctx, time.Until(first))
}

// connection is one of the connections that there are, in turn, or a new one. As gRPC
// does, it keeps one to each member, and while attempts at all of them have failed it
// refuses at once until the next is due.
func (l *etcdCalls) connection(ctx context.Context) (*etcdConn, error) {
	for {
		l.mu.Lock()
		turn, tried := l.next, l.tried
		l.next++
		l.mu.Unlock()
		var there *etcdConn
		var refused error
		dialing := false
		for i := range l.paths {
			c, err := l.paths[(turn+i)%len(l.paths)].try()
			switch {
			case err != nil:
				refused = err
			case c == nil:
				dialing = true
			case there == nil:
				there = c
			}
		}
		switch {
		case there != nil:
			return there, nil
		case !dialing:
			return nil, refused
		}
		select {
		case <-tried:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		if l.life.Err() != nil {
			return nil, errEtcdReset
		}
	}
}

// hasTried wakes who waits for a connection.
func (l *etcdCalls) hasTried() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.tried)
	l.tried = make(chan struct{})
}

// callEtcd asks a member something. The question waits at the gates, and so does the
// answer; a member that never answers holds nobody up for longer than ctx.
func callEtcd[T any](ctx context.Context, l *etcdCalls, question func(context.Context, *etcdConn) (T, error)) (T, error) {
	type result struct {
		answer T
		err    error
	}
	var none result
	l.mu.Lock()
	pause := l.patience.pause()
	l.mu.Unlock()
	time.Sleep(pause)
	c, err := l.connection(ctx)
	if err != nil {
		return none.answer, err
	}
	ctx, done := c.during(ctx)
	defer done()
	if !c.pass(ctx, false) {
		return none.answer, ended(ctx)
	}
	results := make(chan result, 1)
	go func() {
		answer, err := question(ctx, c)
		results <- result{answer, err}
	}()
	select {
	case r := <-results:
		if !c.pass(ctx, true) {
			return none.answer, ended(ctx)
		}
		return r.answer, r.err
	case <-ctx.Done():
		return none.answer, ended(ctx)
	}
}

// ended is why a call's context ended, as gRPC says it.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if _, ok := status.FromError(cause); ok {
		return cause
	}
	return status.FromContextError(ctx.Err()).Err()
}
