package controlplane

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"go.etcd.io/etcd/server/v3/embed"
	_ "go.etcd.io/etcd/server/v3/storage/mvcc" // for go:linkname
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
)

// watchResyncPeriod is how often etcd's MVCC store looks for watchers that lag
// behind. Its 100 ms would be ten jumps of the virtual clock in every second.
//
//go:linkname watchResyncPeriod go.etcd.io/etcd/server/v3/storage/mvcc.watchResyncPeriod
var watchResyncPeriod time.Duration

func init() { watchResyncPeriod = time.Second }

// Times of etcd. The heartbeat is ten times slower than the default so that the
// raft loop wakes up once in a second; a single member has nobody to send one to.
const (
	etcdTick     = time.Second
	etcdElection = 10 * time.Second
	// etcdBatch is how long the backend gathers writes before it commits them.
	// The write-ahead log has them at once.
	etcdBatch = 5 * time.Second
)

// etcdMember is one incarnation of an etcd member.
type etcdMember struct {
	etcd   *embed.Etcd
	client string // host:port for clients
	path   *relay // by which this package asks for its health
	plane  *Plane
	dead   chan struct{}
	gone   chan struct{} // closed when the data directory is free again
	once   sync.Once
	reason error
}

// startEtcd starts the member whose data is in dir/etcd.
func (p *Plane) startEtcd(ctx context.Context) (incarnation, error) {
	if last := p.lastEtcd; last != nil {
		select {
		case <-last.gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	cfg := embed.NewConfig()
	cfg.Name = Etcd
	cfg.Dir = filepath.Join(p.cfg.Dir, "etcd")
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	cfg.LogOutputs = []string{filepath.Join(p.cfg.Logs, Etcd+".log")}
	cfg.LogLevel = "warn"
	cfg.TickMs, cfg.ElectionMs = uint(etcdTick.Milliseconds()), uint(etcdElection.Milliseconds())
	cfg.BackendBatchInterval = etcdBatch
	if p.cfg.Tracing != nil { // it costs something even if nobody listens
		cfg.GRPCAdditionalServerOptions = []grpc.ServerOption{
			grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(p.cfg.Tracing))),
		}
	}
	cfg.UnsafeNoFsync = p.cfg.Ephemeral
	cfg.QuotaBackendBytes = 8 << 30 // AKS's default limit of etcd's size (aks-facts, section 10)
	client, err := freeAddress()
	if err != nil {
		return nil, err
	}
	peer, err := freeAddress()
	if err != nil {
		return nil, err
	}
	clientURL, peerURL := url.URL{Scheme: "http", Host: client}, url.URL{Scheme: "http", Host: peer}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{clientURL}, []url.URL{clientURL}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peerURL}, []url.URL{peerURL}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, err
	}
	m := &etcdMember{etcd: e, client: client, plane: p, dead: make(chan struct{}), gone: make(chan struct{})}
	if m.path, err = newRelay(func() string { return client }, p.etcd.gate); err != nil {
		e.Close()
		return nil, err
	}
	p.lastEtcd = m
	p.setEtcdAddress(client)
	go func() {
		select {
		case err := <-e.Err():
			m.reason = err
			close(m.dead)
		case <-e.Server.StopNotify():
		}
	}()
	return m, nil
}

func (m *etcdMember) ready(ctx context.Context) error {
	select {
	case <-m.etcd.Server.ReadyNotify():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *etcdMember) healthy(ctx context.Context) error {
	return getOK(ctx, "http://"+m.path.addr()+"/health", nil)
}

// kill takes every connection away at once, so that no more requests arrive and
// no answer leaves. Its goroutines end behind the scenes; what etcd commits to
// its backend meanwhile is what the next life would replay from the
// write-ahead log anyway.
func (m *etcdMember) kill() {
	m.once.Do(func() {
		m.plane.setEtcdAddress("")
		m.path.kill()
		m.plane.resetEtcdLinks()
		for _, l := range m.etcd.Clients {
			l.Close()
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
		m.plane.resetEtcdLinks()
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
