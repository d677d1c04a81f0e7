package provider

import (
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// rpcTimeout is how long a replica waits for another's answer. In memory an
// answer takes no time; it is waited for only if the other crashes meanwhile, or
// if its disk is slow.
const rpcTimeout = 2 * time.Second

// link is one life's end of the network between the replicas. It is raft's
// in-memory transport, with three differences: a replica that crashed or is cut
// off neither hears nor is heard, from that very moment; one that started empty
// neither votes nor is voted for until it has caught up; and there are no
// pipelines, which cost goroutines and gain nothing in memory.
type link struct {
	*raft.InmemTransport
	life *life
}

// call makes one call to another replica. An answer of one that went away
// meanwhile does not arrive.
func (l *link) call(id raft.ServerID, rpc func() error) error {
	to, err := l.life.dial(id)
	if err != nil {
		return err
	}
	if err := rpc(); err != nil {
		return err
	}
	if again, err := l.life.dial(id); err != nil {
		return err
	} else if again != to {
		return fmt.Errorf("replica %s was started again", id)
	}
	return nil
}

// AppendEntries sends entries of the log, or a heartbeat.
func (l *link) AppendEntries(id raft.ServerID, a raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	err := l.call(id, func() error { return l.InmemTransport.AppendEntries(id, a, req, resp) })
	if err == nil {
		l.life.replica.plane.checkCaughtUp(id)
	}
	return err
}

// InstallSnapshot sends a snapshot to a replica that is far behind.
func (l *link) InstallSnapshot(id raft.ServerID, a raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	return l.call(id, func() error { return l.InmemTransport.InstallSnapshot(id, a, req, resp, data) })
}

// RequestVote asks for a vote.
func (l *link) RequestVote(id raft.ServerID, a raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return l.poll(id, func() error { return l.InmemTransport.RequestVote(id, a, req, resp) })
}

// RequestPreVote asks whether a vote would be given.
func (l *link) RequestPreVote(id raft.ServerID, a raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return l.poll(id, func() error { return l.InmemTransport.RequestPreVote(id, a, req, resp) })
}

// poll is a call that is about an election.
func (l *link) poll(id raft.ServerID, rpc func() error) error {
	plane := l.life.replica.plane
	for _, i := range []raft.ServerID{l.life.replica.id(), id} {
		if plane.learning(i) {
			return fmt.Errorf("replica %s lost its memory and has no vote until it has caught up", i)
		}
	}
	return l.call(id, rpc)
}

// AppendEntriesPipeline says that there are no pipelines.
func (l *link) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// dial finds the life of another replica that this one can reach.
func (l *life) dial(id raft.ServerID) (*life, error) {
	plane := l.replica.plane
	plane.mu.Lock()
	defer plane.mu.Unlock()
	to := plane.byID(id)
	switch {
	case l.replica.life != l:
		return nil, fmt.Errorf("replica %s is stopped", l.replica.name)
	case to == nil || to.life == nil:
		return nil, fmt.Errorf("replica %s is stopped", id)
	case l.replica.cut || to.cut:
		return nil, fmt.Errorf("network between replicas %s and %s is cut", l.replica.name, id)
	}
	return to.life, nil
}

// connect joins a new life with those of the other replicas, in both
// directions, and takes the place of an earlier life.
func (l *life) connect() {
	plane := l.replica.plane
	plane.mu.Lock()
	defer plane.mu.Unlock()
	for _, other := range plane.replicas {
		if other != l.replica && other.link != nil {
			l.link.Connect(other.address(), other.link.InmemTransport)
			other.link.Connect(l.replica.address(), l.link.InmemTransport)
		}
	}
	l.replica.link = l.link
}
