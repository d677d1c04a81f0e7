package upstream

import (
	"reflect"
	"testing"

	"go.etcd.io/etcd/server/v3/etcdserver"
)

func TestRaftNodeIsWhereItWas(t *testing.T) {
	server := &etcdserver.EtcdServer{}
	node, err := raftNode(server)
	if err != nil || node != nil {
		t.Errorf("the raft node of a server that has not started: got %v, %v; want nil", node, err)
	}
	if _, err := field[int](reflect.ValueOf(server), "r"); err == nil {
		t.Error("a field of another type: got no error")
	}
}
