package controlplane

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"demarc/controlplane/upstream"
	"demarc/sim/clock"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"google.golang.org/grpc/backoff"
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

// etcdCalls is one API server's link to the only member of etcd: what its client would
// send over a connection are calls in this process. They wait where a connection would
// (at the gates), end when it would, and are refused for as long as gRPC takes to try
// again. Several members are clients of each other, and are reached by connections.
type etcdCalls struct {
	seat  *seat
	url   string
	gates []*gate
	life  context.Context // ends when the link is dropped
	end   context.CancelFunc
	stops []func()

	mu       sync.Mutex
	conn     *etcdConn     // the newest; it may have ended
	dialing  chan struct{} // closed when the attempt under way has ended; nil if there is none
	failures int           // attempts since the last that succeeded
	retry    time.Time     // when the next may begin
	why      error         // why the last one failed
	patience patience
}

// newCalls is the link of an API server, whose name it has. No two may have the same.
func (s *seat) newCalls(name string, gates ...*gate) *etcdCalls {
	l := &etcdCalls{
		seat: s, url: "https://" + strings.ReplaceAll(name, "/", "-") + ".etcd.internal:2379", gates: append(gates, s.component.gate, s.cut),
		patience: patience{limit: etcdReads},
	}
	l.life, l.end = context.WithCancel(context.Background())
	for _, g := range l.gates {
		l.stops = append(l.stops, g.onClose(l.keepAlive))
	}
	l.stops = append(l.stops, upstream.ServeEtcd(l.url, l.client))
	return l
}

func (l *etcdCalls) urls() string { return l.url }

func (l *etcdCalls) drop() {
	l.end()
	for _, stop := range l.stops {
		stop()
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
	l.mu.Lock()
	pause := time.Until(l.retry)
	l.mu.Unlock()
	return clock.Sleep(ctx, pause)
}

// etcdConn is what stands for a connection with one life of the member.
type etcdConn struct {
	member      *etcdMember
	kv          etcdserverpb.KVServer
	lease       etcdserverpb.LeaseServer
	maintenance etcdserverpb.MaintenanceServer
	ctx         context.Context // ends with the connection, for a cause
	end         context.CancelCauseFunc
}

// connection is the connection that there is, or a new one. While attempts fail it is
// refused at once until the next is due.
func (l *etcdCalls) connection(ctx context.Context) (*etcdConn, error) {
	for {
		l.mu.Lock()
		if l.conn.lasts() {
			defer l.mu.Unlock()
			return l.conn, nil
		}
		if time.Now().Before(l.retry) {
			defer l.mu.Unlock()
			return nil, l.why
		}
		if l.dialing == nil {
			l.dialing = make(chan struct{})
			go l.dial()
		}
		done := l.dialing
		l.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		if l.life.Err() != nil {
			return nil, errEtcdReset
		}
	}
}

// dial makes one attempt at a new connection.
func (l *etcdCalls) dial() {
	ctx, cancel := context.WithTimeout(l.life, etcdDialTimeout)
	defer cancel()
	m, err := l.reach(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.dialing)
	l.dialing = nil
	if err != nil {
		l.retry, l.why = time.Now().Add(reconnectAfter(l.failures)), err
		l.failures++
		return
	}
	l.failures = 0
	l.conn = newEtcdConn(l.life, m)
}

// reach waits until the member takes clients and the gates are open.
func (l *etcdCalls) reach(ctx context.Context) (*etcdMember, error) {
	m := l.seat.member()
	if m == nil {
		return nil, errEtcdRefused
	}
	select {
	case <-m.etcd.Server.ReadyNotify():
	case <-m.clients.dead:
	case <-ctx.Done():
		return nil, errEtcdTimeout
	}
	if !l.pass(ctx, false) {
		return nil, errEtcdTimeout
	}
	select {
	case <-m.clients.dead:
		return nil, errEtcdRefused
	default:
		return m, nil
	}
}

// reconnectAfter is how long gRPC waits before it tries again, without its jitter.
func reconnectAfter(failures int) time.Duration {
	c := backoff.DefaultConfig
	wait := float64(c.BaseDelay)
	for range failures {
		wait = min(wait*c.Multiplier, float64(c.MaxDelay))
	}
	return time.Duration(wait)
}

func newEtcdConn(life context.Context, m *etcdMember) *etcdConn {
	server := m.etcd.Server
	c := &etcdConn{
		member: m, kv: v3rpc.NewQuotaKVServer(server), lease: v3rpc.NewQuotaLeaseServer(server),
		maintenance: v3rpc.NewMaintenanceServer(server, nil),
	}
	c.ctx, c.end = context.WithCancelCause(life)
	go func() {
		select {
		case <-m.clients.dead:
		case <-c.ctx.Done():
		}
		c.end(errEtcdReset)
	}()
	return c
}

// lasts says whether the connection has not ended. That its member is dead ends it a
// little later.
func (c *etcdConn) lasts() bool {
	if c == nil || c.ctx.Err() != nil {
		return false
	}
	select {
	case <-c.member.clients.dead:
		return false
	default:
		return true
	}
}

// during is ctx for as long as the connection lasts as well. What it returns ends it.
func (c *etcdConn) during(ctx context.Context) (_ context.Context, done func()) {
	return joined(ctx, c.ctx)
}

// keepAlive ends the connection if no answer comes by it for too long.
func (l *etcdCalls) keepAlive() {
	l.mu.Lock()
	c := l.conn
	l.mu.Unlock()
	if c == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(c.ctx, etcdKeepalive)
		defer cancel()
		if !l.pass(ctx, false) {
			c.end(errEtcdSilent)
		}
	}()
}

// pass waits until all gates are open, and returns false if ctx ended first.
func (l *etcdCalls) pass(ctx context.Context, delayed bool) bool {
	return passAll(l.gates, ctx.Done(), delayed) && ctx.Err() == nil
}

// callEtcd asks the member something. The question waits at the gates, and so does the
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
	if !l.pass(ctx, false) {
		return none.answer, ended(ctx)
	}
	results := make(chan result, 1)
	go func() {
		answer, err := question(ctx, c)
		results <- result{answer, err}
	}()
	select {
	case r := <-results:
		if !l.pass(ctx, true) {
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
