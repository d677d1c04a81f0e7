package provider

import (
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// store is a replica's log and vote on disk. raft panics when it cannot save a
// term or read its log, which would take the managed cluster with it; here a
// disk that fails ends that replica and no other.
type store struct {
	*raftboltdb.BoltStore
	// failed, once set, is told of the error that ends the replica.
	failed atomic.Pointer[func(error)]
}

var (
	_ raft.LogStore    = (*store)(nil)
	_ raft.StableStore = (*store)(nil)
)

// SetUint64 saves a number such as the current term.
func (s *store) SetUint64(key []byte, n uint64) error {
	err := s.BoltStore.SetUint64(key, n)
	s.endIf(err)
	return err
}

// GetLog reads an entry of the log. One that is not there is not a failure of
// the disk: the log is compacted.
func (s *store) GetLog(index uint64, entry *raft.Log) error {
	err := s.BoltStore.GetLog(index, entry)
	if !errors.Is(err, raft.ErrLogNotFound) {
		s.endIf(err)
	}
	return err
}

// endIf ends raft's goroutine that called if there was an error: it has no way
// to go on.
func (s *store) endIf(err error) {
	if failed := s.failed.Load(); err != nil && failed != nil {
		(*failed)(err)
		runtime.Goexit()
	}
}
