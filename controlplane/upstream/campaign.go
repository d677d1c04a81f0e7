package upstream

import (
	"context"
	"errors"
	"reflect"

	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/raft/v3"
)

// Campaign has a member of etcd stand for election now. By itself it does so after a
// random number of ticks, one to five of them though it is alone (raft v3.7, raft.go:
// resetRandomizedElectionTimeout), and what a start or a restore takes would differ by
// seconds. A member that has changes of the membership to apply refuses without an error.
func Campaign(ctx context.Context, server *etcdserver.EtcdServer) error {
	node, err := raftNode(server)
	if err != nil {
		return err
	}
	return node.Campaign(ctx)
}

// raftNode is the raft node of a member.
func raftNode(server *etcdserver.EtcdServer) (raft.Node, error) {
	r := reflect.ValueOf(server).Elem().FieldByName("r")
	if !r.IsValid() {
		return nil, errors.New("etcd's server has no raft node r")
	}
	node, err := field[raft.Node](r.Addr(), "Node")
	if err != nil {
		return nil, err
	}
	return *node, nil
}
