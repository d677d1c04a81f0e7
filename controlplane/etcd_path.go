package controlplane

import (
	"context"
	"sync"
	"time"

	"demarc/sim/clock"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.etcd.io/raft/v3"
	"google.golang.org/grpc/backoff"
)

// etcdPath is the way of a link to one member of etcd.
type etcdPath struct {
	link  *etcdCalls
	seat  *seat
	gates []*gate
	stops []func()

	mu       sync.Mutex
	conn     *etcdConn // the newest; it may have ended
	dialing  bool      // an attempt at another is under way
	failures int       // attempts since the last that succeeded
	retry    time.Time // when the next may begin
	why      error     // why the last one failed
}

func newEtcdPath(l *etcdCalls, s *seat, gates []*gate) *etcdPath {
	p := &etcdPath{link: l, seat: s, gates: gates}
	for _, g := range gates {
		p.stops = append(p.stops, g.onClose(p.keepAlive))
	}
	return p
}

func (p *etcdPath) drop() {
	for _, stop := range p.stops {
		stop()
	}
}

// due is when the next attempt may begin, if there is no connection.
func (p *etcdPath) due() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.retry
}

// try is the connection that there is; nil while an attempt at one is under way, which is
// begun if one is due. An error says why the last one failed.
func (p *etcdPath) try() (*etcdConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.conn.lasts():
		return p.conn, nil
	case time.Now().Before(p.retry):
		return nil, p.why
	case !p.dialing:
		p.dialing = true
		go p.dial()
	}
	return nil, nil
}

// dial makes one attempt at a new connection.
func (p *etcdPath) dial() {
	ctx, cancel := context.WithTimeout(p.link.life, etcdDialTimeout)
	defer cancel()
	m, err := p.reach(ctx)
	p.mu.Lock()
	p.dialing = false
	if err != nil {
		p.retry, p.why = time.Now().Add(reconnectAfter(p.failures)), err
		p.failures++
	} else {
		p.failures = 0
		p.conn = p.connect(m)
	}
	p.mu.Unlock()
	p.link.hasTried()
}

// reach waits until the member takes clients and the gates are open.
func (p *etcdPath) reach(ctx context.Context) (*etcdMember, error) {
	m := p.seat.member()
	if m == nil {
		return nil, errEtcdRefused
	}
	select {
	case <-m.etcd.Server.ReadyNotify():
	case <-m.clients.dead:
	case <-ctx.Done():
		return nil, errEtcdTimeout
	}
	if !passAll(p.gates, ctx.Done(), false) {
		return nil, errEtcdTimeout
	}
	select {
	case <-m.clients.dead:
		return nil, errEtcdRefused
	default:
	}
	if m.etcd.Server.IsLearner() { // it serves nearly nothing yet
		return nil, errEtcdRefused
	}
	return m, nil
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

// etcdConn is what stands for a connection with one life of a member.
type etcdConn struct {
	gates       []*gate
	member      *etcdMember
	kv          etcdserverpb.KVServer
	lease       etcdserverpb.LeaseServer
	maintenance etcdserverpb.MaintenanceServer
	ctx         context.Context // ends with the connection, for a cause
	end         context.CancelCauseFunc

	mu         sync.Mutex
	watching   context.Context // ends sooner if the member knows no leader
	endWatches context.CancelCauseFunc
}

func (p *etcdPath) connect(m *etcdMember) *etcdConn {
	server := m.etcd.Server
	c := &etcdConn{
		gates: p.gates, member: m, kv: v3rpc.NewQuotaKVServer(server), lease: v3rpc.NewQuotaLeaseServer(server),
		maintenance: v3rpc.NewMaintenanceServer(server, nil),
	}
	c.ctx, c.end = context.WithCancelCause(p.link.life)
	c.watching, c.endWatches = context.WithCancelCause(c.ctx)
	if len(p.link.paths) > 1 {
		go c.monitorLeader()
	}
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

// watches is what watches by the connection last as long as.
func (c *etcdConn) watches() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watching
}

// noLeaderFor is after how many election timeouts without a leader a member of several
// ends the watches of clients that require one (etcd v3.7, v3rpc/interceptor.go).
const noLeaderFor = 3

// hasLeader says whether the member knows one.
func (c *etcdConn) hasLeader() bool { return c.member.etcd.Server.Leader() != types.ID(raft.None) }

// monitorLeader ends watches for as long as the member knows no leader.
func (c *etcdConn) monitorLeader() {
	for missed := 0; clock.Sleep(c.ctx, electionTicks*etcdTickOfOne); {
		if missed++; c.hasLeader() {
			missed = 0
		}
		if missed >= noLeaderFor {
			c.mu.Lock()
			c.endWatches(rpctypes.ErrGRPCNoLeader)
			c.watching, c.endWatches = context.WithCancelCause(c.ctx)
			c.mu.Unlock()
		}
	}
}

// keepAlive ends the connection if no answer comes by it for too long.
func (p *etcdPath) keepAlive() {
	p.mu.Lock()
	c := p.conn
	p.mu.Unlock()
	if c == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(c.ctx, etcdKeepalive)
		defer cancel()
		if !c.pass(ctx, false) {
			c.end(errEtcdSilent)
		}
	}()
}

// pass waits until all gates are open, and returns false if ctx ended first.
func (c *etcdConn) pass(ctx context.Context, delayed bool) bool {
	return passAll(c.gates, ctx.Done(), delayed) && ctx.Err() == nil
}
