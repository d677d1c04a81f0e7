package backup

import (
	"context"
	"fmt"
	"io"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Source is an etcd member that gives snapshots.
type Source interface {
	// Member is the member's name.
	Member() string
	// Snapshot opens the stream of a snapshot: the database, then its SHA-256.
	// It has all that was acknowledged before the call. The version is etcd's.
	// The stream ends with ctx.
	Snapshot(ctx context.Context) (stream io.ReadCloser, etcdVersion string, err error)
}

// ClientSource is the member that a client talks to. The client must have one
// endpoint only, since a snapshot is of one member.
func ClientSource(client *clientv3.Client, member string) Source {
	return clientSource{client: client, member: member}
}

type clientSource struct {
	client *clientv3.Client
	member string
}

func (s clientSource) Member() string { return s.member }

func (s clientSource) Snapshot(ctx context.Context) (io.ReadCloser, string, error) {
	// A member may lag behind the others. One that has answered a linearizable
	// read has applied all that was acknowledged before.
	if _, err := s.client.Get(ctx, "\x00", clientv3.WithCountOnly()); err != nil {
		return nil, "", fmt.Errorf("etcd member %s cannot confirm that it is up to date: %w", s.member, err)
	}
	// The version that comes with a snapshot is the storage's, and only there once
	// the member has been up for a while.
	status, err := etcdserverpb.NewMaintenanceClient(s.client.ActiveConnection()).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return nil, "", fmt.Errorf("ask etcd member %s for its version: %w", s.member, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.client.Snapshot(ctx)
	if err != nil {
		cancel()
		return nil, "", fmt.Errorf("open the snapshot of etcd member %s: %w", s.member, err)
	}
	return clientStream{stream, cancel}, status.Version, nil
}

// clientStream ends the call when it is closed: closing the client's reader
// alone would leave the member sending.
type clientStream struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (s clientStream) Close() error {
	s.cancel()
	return s.ReadCloser.Close()
}
