package provider

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// store is a replica's log and vote on disk. It adds a checksum to everything: bbolt
// has none, and what was changed on the disk would be believed. raft panics when it cannot save a
// term or read its log, which would take the managed cluster with it; here a
// disk that fails ends that replica and no other.
type store struct {
	*raftboltdb.BoltStore
	// sealed says that everything in it has a checksum: see [store.seal].
	sealed bool
	// failed, once set, is told of the error that ends the replica.
	failed atomic.Pointer[func(error)]
}

var (
	_ raft.LogStore    = (*store)(nil)
	_ raft.StableStore = (*store)(nil)
)

// errChanged says that something is not what was written.
var errChanged = errors.New("it is not what was written")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealedKey is there once everything has a checksum.
var sealedKey = []byte("Sealed")

// seal gives checksums to what an earlier version wrote without. Afterwards nothing is
// believed that has none: it may have been cut off by the damage.
func (s *store) seal() error {
	_, err := s.Get(sealedKey)
	if err == nil {
		s.sealed = true
		return nil
	}
	if err.Error() != raftboltdb.ErrKeyNotFound.Error() {
		return err
	}
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.LastIndex()
	if err != nil {
		return err
	}
	var entries []*raft.Log
	for i := first; i > 0 && i <= last; i++ {
		var e raft.Log
		if err := s.GetLog(i, &e); err != nil {
			return fmt.Errorf("read entry %d of the log: %w", i, err)
		}
		entries = append(entries, &e)
	}
	type value struct{ key, content []byte }
	var values []value
	for _, name := range []string{currentTerm, lastVoteTerm, lastVoteCandidate} {
		key := []byte(name)
		if content, err := s.Get(key); err == nil {
			values = append(values, value{key, content})
		} else if err.Error() != raftboltdb.ErrKeyNotFound.Error() {
			return err
		}
	}
	s.sealed = true
	if err := s.StoreLogs(entries); err != nil {
		return &notSaved{err}
	}
	for _, v := range append(values, value{sealedKey, nil}) { // the last says that all before it are saved
		if err := s.Set(v.key, v.content); err != nil {
			return &notSaved{err}
		}
	}
	return nil
}

// notSaved is an error of the disk: it says nothing about what is there.
type notSaved struct{ error }

func (e *notSaved) Unwrap() error { return e.error }

// Lengths of what earlier versions wrote, without a checksum.
const (
	oldNumber    = 8
	oldCandidate = 1
	oldTicket    = 16
)

// Set saves a value such as the candidate that was voted for.
func (s *store) Set(key, value []byte) error {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return s.BoltStore.Set(key, binary.BigEndian.AppendUint32(slices.Clone(value), sum))
}

// Get reads a value.
func (s *store) Get(key []byte) ([]byte, error) {
	b, err := s.BoltStore.Get(key)
	if err != nil || !s.sealed && (len(b) == oldNumber || len(b) == oldCandidate) {
		return b, err
	}
	value := b[:max(len(b)-crc32.Size, 0)]
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	if !bytes.Equal(b[len(value):], binary.BigEndian.AppendUint32(nil, sum)) {
		return nil, fmt.Errorf("%s: %w", key, errChanged)
	}
	return value, nil
}

// SetUint64 saves a number such as the current term.
func (s *store) SetUint64(key []byte, n uint64) error {
	err := s.Set(key, binary.BigEndian.AppendUint64(nil, n))
	s.endIf(err)
	return err
}

// GetUint64 reads a number.
func (s *store) GetUint64(key []byte) (uint64, error) {
	b, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, fmt.Errorf("%s: %w", key, errChanged)
	}
	return binary.BigEndian.Uint64(b), nil
}

// StoreLog saves an entry of the log.
func (s *store) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

// StoreLogs saves entries of the log, each with its checksum behind its extensions.
func (s *store) StoreLogs(entries []*raft.Log) error {
	summed := make([]*raft.Log, len(entries))
	for i, e := range entries {
		with := *e
		with.Extensions = binary.BigEndian.AppendUint32(slices.Clone(e.Extensions), sumOf(e))
		summed[i] = &with
	}
	return s.BoltStore.StoreLogs(summed)
}

// GetLog reads an entry of the log. One that is not there is not a failure of
// the disk: the log is compacted.
func (s *store) GetLog(index uint64, entry *raft.Log) error {
	err := s.BoltStore.GetLog(index, entry)
	if err == nil {
		err = s.unsum(index, entry)
	}
	if !errors.Is(err, raft.ErrLogNotFound) {
		s.endIf(err)
	}
	return err
}

// unsum takes an entry's checksum off and compares it.
func (s *store) unsum(index uint64, entry *raft.Log) error {
	if n := len(entry.Extensions); s.sealed || n != 0 && n != oldTicket {
		behind := max(n-crc32.Size, 0)
		sum := entry.Extensions[behind:]
		entry.Extensions = entry.Extensions[:behind:behind]
		if !bytes.Equal(sum, binary.BigEndian.AppendUint32(nil, sumOf(entry))) {
			return fmt.Errorf("entry %d: %w", index, errChanged)
		}
	}
	if entry.Index != index {
		return fmt.Errorf("entry %d says that it is entry %d", index, entry.Index)
	}
	return nil
}

func sumOf(e *raft.Log) uint32 {
	head := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{byte(e.Type)}, e.Index), e.Term)
	sum := crc32.Checksum(head, castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, e.Data), castagnoli, e.Extensions)
}

// endIf ends raft's goroutine that called if there was an error: it has no way
// to go on.
func (s *store) endIf(err error) {
	if failed := s.failed.Load(); err != nil && failed != nil {
		(*failed)(err)
		runtime.Goexit()
	}
}
