package controlplane

import (
	"context"
	"io"
	"time"

	"demarc/sim/clock"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy/adapter"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Reads that find no connection are made again, by etcd's client 100 times with 25 ms
// between them (etcd v3.7, client/v3/retry_interceptor.go); here less often in as long.
const (
	etcdReadFor   = 2500 * time.Millisecond
	etcdReadAgain = 500 * time.Millisecond
)

// newClient is a client of etcd by the link, with the services that an API server uses.
func (l *etcdCalls) newClient() *clientv3.Client {
	c := clientv3.NewCtxClient(context.Background(), clientv3.WithZapLogger(zap.NewNop()))
	c.KV = clientv3.NewKVFromKVClient(calledKV{adapter.KvServerToKvClient(kvCalls{link: l}), l}, c)
	c.Lease = clientv3.NewLeaseFromLeaseClient(adapter.LeaseServerToLeaseClient(leaseCalls{link: l}), c, time.Second)
	c.Maintenance = clientv3.NewMaintenanceFromMaintenanceClient(adapter.MaintenanceServerToMaintenanceClient(maintenanceCalls{link: l}), c)
	c.Watcher = newEtcdWatcher(l)
	return c
}

// kvCalls are the calls of etcd's service of keys and values.
type kvCalls struct {
	pb.UnimplementedKVServer
	link *etcdCalls
}

// Range implements [pb.KVServer].
func (k kvCalls) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	for until := time.Now().Add(etcdReadFor); ; {
		answer, err := callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.RangeResponse, error) { return c.kv.Range(ctx, r) })
		if status.Code(err) != codes.Unavailable || !time.Now().Before(until) || !clock.Sleep(ctx, etcdReadAgain) {
			return answer, err
		}
	}
}

// Put implements [pb.KVServer].
func (k kvCalls) Put(ctx context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.PutResponse, error) { return c.kv.Put(ctx, r) })
}

// DeleteRange implements [pb.KVServer].
func (k kvCalls) DeleteRange(ctx context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.DeleteRangeResponse, error) {
		return c.kv.DeleteRange(ctx, r)
	})
}

// Txn implements [pb.KVServer].
func (k kvCalls) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.TxnResponse, error) { return c.kv.Txn(ctx, r) })
}

// Compact implements [pb.KVServer].
func (k kvCalls) Compact(ctx context.Context, r *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.CompactionResponse, error) { return c.kv.Compact(ctx, r) })
}

// leaseCalls are those of its service of leases: API servers only ever ask for new ones,
// for events.
type leaseCalls struct {
	pb.UnimplementedLeaseServer
	link *etcdCalls
}

// LeaseGrant implements [pb.LeaseServer].
func (k leaseCalls) LeaseGrant(ctx context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.LeaseGrantResponse, error) {
		return c.lease.LeaseGrant(ctx, r)
	})
}

// maintenanceCalls are those of its service of maintenance: API servers ask for its
// version and size.
type maintenanceCalls struct {
	pb.UnimplementedMaintenanceServer
	link *etcdCalls
}

// Status implements [pb.MaintenanceServer].
func (k maintenanceCalls) Status(ctx context.Context, r *pb.StatusRequest) (*pb.StatusResponse, error) {
	return callEtcd(ctx, k.link, func(ctx context.Context, c *etcdConn) (*pb.StatusResponse, error) {
		return c.maintenance.Status(ctx, r)
	})
}

// calledKV is a client of keys and values that has what upstream's adapter has not: a
// large answer in parts.
type calledKV struct {
	pb.KVClient
	link *etcdCalls
}

// RangeStream implements [pb.KVClient].
func (k calledKV) RangeStream(ctx context.Context, r *pb.RangeRequest, _ ...grpc.CallOption) (pb.KV_RangeStreamClient, error) {
	c, err := k.link.connection(ctx)
	if err != nil {
		return nil, err
	}
	ctx, done := c.during(ctx)
	s := &rangeStream{ctx: ctx, conn: c, parts: make(chan *pb.RangeStreamResponse)}
	go func() {
		defer done()
		if !c.pass(ctx, false) {
			s.err = ended(ctx)
		} else if s.err = c.kv.RangeStream(r, rangeSender{stream: s}); s.err == nil {
			s.err = io.EOF
		}
		close(s.parts)
	}()
	return s, nil
}

// rangeStream is the receiving end of a large answer; rangeSender is the other.
type rangeStream struct {
	grpc.ClientStream
	ctx   context.Context
	conn  *etcdConn
	parts chan *pb.RangeStreamResponse
	err   error // how it ended; after parts is closed
}

// Recv implements [grpc.ServerStreamingClient].
func (s *rangeStream) Recv() (*pb.RangeStreamResponse, error) {
	part, ok := <-s.parts
	if !ok {
		return nil, s.err
	}
	return part, nil
}

// Context implements [grpc.ClientStream].
func (s *rangeStream) Context() context.Context { return s.ctx }

type rangeSender struct {
	grpc.ServerStream
	stream *rangeStream
}

// Context implements [grpc.ServerStream].
func (s rangeSender) Context() context.Context { return s.stream.ctx }

// Send implements [grpc.ServerStreamingServer].
func (s rangeSender) Send(part *pb.RangeStreamResponse) error {
	ctx := s.stream.ctx
	if !s.stream.conn.pass(ctx, true) {
		return ended(ctx)
	}
	select {
	case s.stream.parts <- part:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
