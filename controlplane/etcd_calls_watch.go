package controlplane

import (
	"context"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// etcdWatcher watches the store of a member by a link. As etcd's client does, it
// begins again where it was when a connection has ended.
type etcdWatcher struct {
	link *etcdCalls
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	streams map[mvcc.WatchStream]struct{}
}

func newEtcdWatcher(l *etcdCalls) *etcdWatcher {
	w := &etcdWatcher{link: l, streams: map[mvcc.WatchStream]struct{}{}}
	w.life, w.end = context.WithCancel(l.life)
	return w
}

// Watch implements [clientv3.Watcher].
func (w *etcdWatcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	out := make(chan clientv3.WatchResponse, 1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.life, cancel)
	go func() {
		defer close(out)
		defer cancel()
		defer stop()
		x := etcdWatch{watcher: w, op: clientv3.OpGet(key, opts...), out: out}
		for x.rev = x.op.Rev(); ; {
			c, err := w.link.connection(ctx)
			if err == nil && x.follow(ctx, c) {
				return
			}
			if !w.link.awaitRetry(ctx) {
				return
			}
		}
	}()
	return out
}

// RequestProgress implements [clientv3.Watcher].
func (w *etcdWatcher) RequestProgress(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.streams {
		s.RequestProgressAll()
	}
	return nil
}

// Close implements [clientv3.Watcher].
func (w *etcdWatcher) Close() error {
	w.end()
	return nil
}

func (w *etcdWatcher) open(s *etcdserver.EtcdServer) mvcc.WatchStream {
	stream := s.Watchable().NewWatchStream()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams[stream] = struct{}{}
	return stream
}

func (w *etcdWatcher) close(stream mvcc.WatchStream) {
	w.mu.Lock()
	delete(w.streams, stream)
	w.mu.Unlock()
	stream.Close()
	for r := range stream.Chan() { // what was under way
		mvcc.ReportEventReceived(len(r.Events))
	}
}

// etcdWatch is one watch.
type etcdWatch struct {
	watcher *etcdWatcher
	op      clientv3.Op
	rev     int64 // of the next event; 0 for whatever comes
	out     chan<- clientv3.WatchResponse
}

// follow tells what happens for as long as the connection lasts. It says whether the
// watch has ended.
func (x *etcdWatch) follow(ctx context.Context, c *etcdConn) (over bool) {
	ctx, done := joined(ctx, c.watches())
	defer done()
	leaderless := func() bool { return context.Cause(ctx) == rpctypes.ErrGRPCNoLeader }
	switch {
	case !c.pass(ctx, false):
		return leaderless()
	case !c.hasLeader():
		return true
	}
	server := c.member.etcd.Server
	stream := x.watcher.open(server)
	defer x.watcher.close(stream)
	if x.rev == 0 {
		x.rev = stream.Rev() + 1
	}
	if _, err := stream.Watch(ctx, clientv3.AutoWatchID, x.op.KeyBytes(), rangeEnd(x.op), x.rev); err != nil {
		x.tell(ctx, c, clientv3.WatchResponse{Canceled: true})
		return true
	}
	for {
		select {
		case <-ctx.Done():
			return leaderless()
		case r, ok := <-stream.Chan():
			if !ok {
				return false
			}
			mvcc.ReportEventReceived(len(r.Events))
			resp := x.response(ctx, server, r)
			if !x.tell(ctx, c, resp) {
				return leaderless()
			}
			if resp.Canceled {
				return true
			}
			x.rev = r.Revision + 1
		}
	}
}

// rangeEnd is the end of the keys that are watched as the store wants it: nil for one
// key, and empty for all that follow.
func rangeEnd(op clientv3.Op) []byte {
	switch end := op.RangeBytes(); {
	case len(end) == 0:
		return nil
	case len(end) == 1 && end[0] == 0:
		return []byte{}
	default:
		return end
	}
}

// tell waits at the gates, as an answer, and for the reader.
func (x *etcdWatch) tell(ctx context.Context, c *etcdConn, r clientv3.WatchResponse) bool {
	if !c.pass(ctx, true) {
		return false
	}
	select {
	case x.out <- r:
		return true
	case <-ctx.Done():
		return false
	}
}

func (x *etcdWatch) response(ctx context.Context, s *etcdserver.EtcdServer, r mvcc.WatchResponse) clientv3.WatchResponse {
	resp := clientv3.WatchResponse{
		Header:          &pb.ResponseHeader{ClusterId: uint64(s.Cluster().ID()), MemberId: uint64(s.MemberID()), Revision: r.Revision, RaftTerm: s.Term()},
		CompactRevision: r.CompactRevision,
		Canceled:        r.CompactRevision != 0,
	}
	for _, e := range r.Events {
		event := &clientv3.Event{Type: e.Type, Kv: e.Kv, PrevKv: e.PrevKv}
		created := e.Type == mvccpb.PUT && e.Kv.CreateRevision == e.Kv.ModRevision
		if x.op.IsPrevKV() && !created && event.PrevKv == nil {
			before, err := s.Watchable().Range(ctx, e.Kv.Key, nil, mvcc.RangeOptions{Rev: e.Kv.ModRevision - 1})
			if err == nil && len(before.KVs) != 0 {
				event.PrevKv = before.KVs[0]
			}
		}
		resp.Events = append(resp.Events, event)
	}
	return resp
}
