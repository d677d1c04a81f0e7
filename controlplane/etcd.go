package controlplane

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"demarc/backup"
	"demarc/controlplane/upstream"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// Times of etcd. A single member needs its raft loop once in a second at the
// most. Several elect a leader within one to two seconds, as etcd's defaults do,
// where the clock is fine enough; etcd wants an election to take five heartbeats.
const (
	etcdTick      = time.Second
	etcdTickOfOne = 200 * time.Millisecond // of one of several
	electionTicks = 5
	// electEvery is how often a member that is alone tries to lead.
	electEvery = 100 * time.Millisecond
	// etcdBatch is how long the backend gathers writes before it commits them.
	// The write-ahead log has them at once.
	etcdBatch = 5 * time.Second
	// etcdBatchWrites is how many writes it gathers at the most: they are in memory,
	// and every read copies what has been gathered.
	etcdBatchWrites = 100
	// etcdSnapshotEvery is after how many writes a member takes a snapshot: what its
	// next start reads back from the write-ahead log. etcdKeptEntries is how many
	// that the snapshot has it keeps, for members that are behind: one that is
	// further behind is sent the database. A write may have 1.5 MiB, and all of
	// these are in memory; etcd's 10,000 and 5,000 would not fit into it.
	etcdSnapshotEvery = 200
	etcdKeptEntries   = 50
	// etcdHandover is how long a start waits for the last life to let go of the
	// data.
	etcdHandover = 30 * time.Second
)

// etcdMember is one incarnation of an etcd member. It listens on nothing itself:
// its clients come in by links, and only who has a certificate of etcd's own
// authority gets further.
type etcdMember struct {
	death
	seat    *seat
	etcd    *embed.Etcd
	grpc    *grpc.Server  // for clients
	clients *handover     // their connections
	path    *relay        // by which the provider comes in
	gone    chan struct{} // closed when the data directory is free again
	once    sync.Once
}

// startEtcd starts the member of a seat on the data that it has.
func (p *Plane) startEtcd(ctx context.Context, s *seat) (incarnation, error) {
	if err := s.awaitRelease(ctx); err != nil {
		return nil, err
	}
	if err := s.checkData(); err != nil {
		return nil, err
	}
	if err := s.rememberPeers(); err != nil {
		return nil, fmt.Errorf("tell %s where the other members are: %w", s.component.name, err)
	}
	cfg, err := p.etcdConfig(s)
	if err != nil {
		return nil, err
	}
	secure, err := p.pki.tls(etcdServer, etcdCA)
	if err != nil {
		return nil, err
	}
	log, fatal, closeLog, err := etcdLogger(p.cfg.Logs, s.name)
	if err != nil {
		return nil, err
	}
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	e, err := launchEtcd(cfg, fatal)
	if err != nil {
		closeLog()
		if s.formed() && !ofMachine(err) {
			s.lose(fmt.Sprintf("etcd cannot start from it: %v", err))
		}
		return nil, err
	}
	m := &etcdMember{death: newDeath(), seat: s, etcd: e, clients: newHandover(), gone: make(chan struct{})}
	if m.path, err = newRelay(m.clients.offer, s.component.gate, s.cut); err != nil {
		e.Close()
		closeLog()
		return nil, err
	}
	m.serve(secure)
	if s.peer == nil {
		go m.elect()
	}
	s.took(m)
	go func() {
		defer closeLog()
		select {
		case err := <-e.Err():
			m.die(cmp.Or(err, errors.New("etcd ended without a reason")))
		case err := <-fatal:
			m.die(err)
		case <-e.Server.StopNotify():
		}
		<-m.gone
	}()
	return m, nil
}

// ofMachine says whether an error is about the machine, such as a full disk, and
// not about the data.
func ofMachine(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// launchEtcd starts etcd, or returns what it would have ended its process for. What
// has been started all the same is then closed, so that it lets go of the data.
func launchEtcd(cfg *embed.Config, fatal <-chan error) (*embed.Etcd, error) {
	type result struct {
		etcd *embed.Etcd
		err  error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: fmt.Errorf("etcd gave up; see its log")} // what remains after runtime.Goexit
		defer func() {
			if x := recover(); x != nil {
				r.err = fmt.Errorf("etcd: %v", x)
			}
			done <- r
		}()
		r.etcd, r.err = embed.StartEtcd(cfg)
	}()
	giveUp := func(err error) (*embed.Etcd, error) {
		go func() {
			if r := <-done; r.etcd != nil {
				r.etcd.Close()
			}
		}()
		return nil, err
	}
	select {
	case r := <-done:
		select {
		case err := <-fatal:
			done <- r
			return giveUp(err)
		default:
			return r.etcd, r.err
		}
	case err := <-fatal:
		return giveUp(err)
	}
}

// etcdConfig is the configuration of a seat's member. It has none of etcd's own
// ports for clients, and so neither its JSON gateway nor its answers to web pages.
func (p *Plane) etcdConfig(s *seat) (*embed.Config, error) {
	cfg := embed.NewConfig()
	cfg.Name = s.name
	cfg.Dir = s.dir
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	cfg.LogLevel = "warn"
	tick := etcdTick
	if s.peer != nil {
		tick = etcdTickOfOne
	}
	cfg.TickMs, cfg.ElectionMs = uint(tick.Milliseconds()), uint(electionTicks*tick.Milliseconds())
	cfg.BackendBatchInterval, cfg.BackendBatchLimit = etcdBatch, etcdBatchWrites
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = etcdSnapshotEvery, etcdKeptEntries
	if p.cfg.Tracing != nil { // it costs something even if nobody listens
		cfg.GRPCAdditionalServerOptions = []grpc.ServerOption{
			grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(p.cfg.Tracing))),
		}
	}
	cfg.UnsafeNoFsync = p.cfg.Ephemeral
	cfg.QuotaBackendBytes = p.EtcdQuota()
	cfg.EnableGRPCGateway, cfg.ListenClientUrls, cfg.ListenPeerUrls = false, nil, nil
	if s.peer != nil {
		cfg.ListenPeerUrls = []url.URL{{Scheme: "https", Host: "127.0.0.1:0"}}
		cfg.PeerTLSInfo = transport.TLSInfo{
			CertFile: p.pki.cert(etcdPeer), KeyFile: p.pki.key(etcdPeer), TrustedCAFile: p.pki.cert(etcdCA), ClientCertAuth: true,
			AllowedCNs: []string{etcdPeer}, // the authority's other certificates make nobody a member
		}
	}
	peer, err := url.Parse(s.peerURL())
	if err != nil {
		return nil, err
	}
	cfg.AdvertisePeerUrls = []url.URL{*peer}
	cfg.InitialCluster = p.seats.initialCluster()
	cfg.InitialClusterToken = p.seats.token()
	if s.joins() {
		cfg.ClusterState = embed.ClusterStateFlagExisting
	}
	return cfg, nil
}

// serve lets clients in as soon as the member is ready, with the limits that etcd
// sets on its own ports.
func (m *etcdMember) serve(secure *tls.Config) {
	cfg := m.etcd.Config()
	m.grpc = v3rpc.Server(m.etcd.Server, secure, nil, append([]grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: cfg.GRPCKeepAliveMinTime}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: cfg.GRPCKeepAliveInterval, Timeout: cfg.GRPCKeepAliveTimeout}),
	}, cfg.GRPCAdditionalServerOptions...)...)
	go func() {
		select {
		case <-m.etcd.Server.ReadyNotify():
			_ = m.grpc.Serve(m.clients) // ends with the member
		case <-m.etcd.Server.StoppingNotify():
		}
	}()
}

// elect has a member that is alone lead as soon as it has read its log.
func (m *etcdMember) elect() {
	server := m.etcd.Server
	for server.Leader() == 0 {
		select {
		case <-server.StopNotify():
			return
		case <-time.After(electEvery):
			if err := upstream.Campaign(context.Background(), server); err != nil {
				return // it ends
			}
		}
	}
}

func (m *etcdMember) ready(ctx context.Context) error {
	select {
	case <-m.etcd.Server.ReadyNotify():
		return m.seat.form()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// healthy asks whether the member itself lives: that it cannot serve because
// others are gone, or takes no writes because its database is full, is not put
// right by restarting it.
func (m *etcdMember) healthy(ctx context.Context) error { return m.answers(ctx, true) }

// answers asks the member for what etcd's own health endpoint asks: to read. A read
// that is not serializable wants a quorum. It is a call in this process, but what
// holds up the member's clients holds it up too.
func (m *etcdMember) answers(ctx context.Context, serializable bool) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if !passAll([]*gate{m.seat.component.gate, m.seat.cut}, ctx.Done(), true) {
		return fmt.Errorf("its health check: %w", ctx.Err())
	}
	said, err := ask(ctx, func(ctx context.Context) error {
		for _, a := range m.etcd.Server.Alarms() {
			if !noSpace(a) {
				return fmt.Errorf("it has raised the alarm %s", a.Alarm)
			}
		}
		_, err := m.etcd.Server.Range(ctx, &etcdserverpb.RangeRequest{Key: []byte("health"), Limit: 1, Serializable: serializable})
		return err
	})
	return cmp.Or(err, said)
}

// kill takes every connection away at once, so that no more requests arrive and
// no answer leaves. Its goroutines end behind the scenes; what etcd commits to
// its backend meanwhile is what the next life would replay from the
// write-ahead log anyway.
func (m *etcdMember) kill() {
	m.once.Do(func() {
		m.disconnect()
		for _, l := range m.etcd.Peers {
			l.Listener.Close()
		}
		go func() {
			defer close(m.gone)
			m.grpc.Stop()
			m.etcd.Server.HardStop()
			m.etcd.Close()
		}()
	})
}

func (m *etcdMember) stop(context.Context) {
	m.once.Do(func() {
		defer close(m.gone)
		m.disconnect()
		m.grpc.Stop()
		m.etcd.Close()
		_ = backup.NoteSums(m.seat.dir) // what is wrong with the data, the next start finds
	})
}

// disconnect resets every connection to the member, and takes no more.
func (m *etcdMember) disconnect() {
	m.clients.kill()
	m.seat.dropConnections()
	m.path.kill()
}
