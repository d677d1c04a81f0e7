package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"demarc/backup"

	"go.etcd.io/etcd/server/v3/embed"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
)

// Times of etcd. A single member needs its raft loop once in a second at the
// most. Several elect a leader within one to two seconds, as etcd's defaults do,
// where the clock is fine enough; etcd wants an election to take five heartbeats.
const (
	etcdTick      = time.Second
	etcdTickOfOne = 200 * time.Millisecond // of one of several
	electionTicks = 5
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

// etcdMember is one incarnation of an etcd member.
type etcdMember struct {
	seat   *seat
	etcd   *embed.Etcd
	client string // host:port for clients
	path   *relay // by which health checks and the provider come in
	dead   chan struct{}
	gone   chan struct{} // closed when the data directory is free again
	once   sync.Once
	reason error
}

// startEtcd starts the member of a seat on the data that it has.
func (p *Plane) startEtcd(ctx context.Context, s *seat) (incarnation, error) {
	if err := s.awaitRelease(ctx); err != nil {
		return nil, err
	}
	if err := s.checkData(); err != nil {
		return nil, err
	}
	cfg, client, err := p.etcdConfig(s)
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
	m := &etcdMember{seat: s, etcd: e, client: client, dead: make(chan struct{}), gone: make(chan struct{})}
	if m.path, err = newRelay(func() string { return client }, s.component.gate, s.cut); err != nil {
		e.Close()
		closeLog()
		return nil, err
	}
	s.took(m)
	go func() {
		defer closeLog()
		select {
		case err := <-e.Err():
			m.reason = err
			close(m.dead)
		case err := <-fatal:
			m.reason = err
			close(m.dead)
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

// launchEtcd starts etcd, or returns what it would have ended its process for.
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
	select {
	case r := <-done:
		select {
		case err := <-fatal:
			return nil, err
		default:
			return r.etcd, r.err
		}
	case err := <-fatal:
		return nil, err
	}
}

// etcdConfig is the configuration of a seat's member, with its address for
// clients.
func (p *Plane) etcdConfig(s *seat) (*embed.Config, string, error) {
	cfg := embed.NewConfig()
	cfg.Name = s.name
	cfg.Dir = s.dir
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, "", err
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
	cfg.QuotaBackendBytes = p.etcdQuota()
	client, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	peer, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	clientURL := url.URL{Scheme: "http", Host: client}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{clientURL}, []url.URL{clientURL}
	cfg.ListenPeerUrls = []url.URL{{Scheme: "http", Host: peer}}
	cfg.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: s.peerHost(peer)}}
	s.setPeer(peer)
	cfg.InitialCluster = p.seats.initialCluster(s, cfg.AdvertisePeerUrls[0].String())
	cfg.InitialClusterToken = p.seats.token()
	if s.joins() {
		cfg.ClusterState = embed.ClusterStateFlagExisting
	}
	return cfg, client, nil
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
func (m *etcdMember) healthy(ctx context.Context) error {
	return getOK(ctx, "http://"+m.path.addr()+"/health?serializable=true&exclude=NOSPACE", nil)
}

// kill takes every connection away at once, so that no more requests arrive and
// no answer leaves. Its goroutines end behind the scenes; what etcd commits to
// its backend meanwhile is what the next life would replay from the
// write-ahead log anyway.
func (m *etcdMember) kill() {
	m.once.Do(func() {
		m.seat.dropConnections()
		m.path.kill()
		for _, l := range m.etcd.Clients {
			l.Close()
		}
		for _, l := range m.etcd.Peers {
			l.Listener.Close()
		}
		go func() {
			defer close(m.gone)
			m.etcd.Server.HardStop()
			m.etcd.Close()
		}()
	})
}

func (m *etcdMember) stop(context.Context) {
	m.once.Do(func() {
		defer close(m.gone)
		m.etcd.Close()
		m.path.kill()
		m.seat.dropConnections()
		_ = backup.NoteSums(m.seat.dir, m.etcd.Server.CommittedIndex()) // what is wrong with the data, the next start finds
	})
}

func (m *etcdMember) died() <-chan struct{} { return m.dead }
func (m *etcdMember) err() error            { return m.reason }

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
