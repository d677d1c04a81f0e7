package provider

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// ticket travels with a command through the log. It says by which leadership
// the command was sent, and lets its sender know that it was applied.
type ticket struct {
	term uint64
	seq  uint64 // of the life of the replica
}

func (t ticket) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, t.term), t.seq)
}

func ticketOf(b []byte) (ticket, bool) {
	if len(b) != 16 {
		return ticket{}, false
	}
	return ticket{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, true
}

// fsm is the state machine of one life of a replica: what raft applies the
// committed entries of the log to. All replicas decide alike, by the entry alone.
type fsm struct {
	log    hclog.Logger
	memory *memory

	mu      sync.Mutex
	image   image
	waiting map[ticket]chan<- error
}

var _ raft.FSM = (*fsm)(nil)

// expect makes answer receive, once, how a command fared. Its buffer must take it.
func (f *fsm) expect(t ticket, answer chan<- error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting[t] = answer
}

func (f *fsm) forget(t ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, t)
}

// current is the newest image that this replica has applied.
func (f *fsm) current() image {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.image
}

// Apply applies one committed entry.
func (f *fsm) Apply(entry *raft.Log) any {
	t, ok := ticketOf(entry.Extensions)
	c, err := Command{}, ErrNotLeader
	// A command that was sent under one leadership and entered the log under a
	// later one of the same replica is an old leader's: it has no effect.
	if ok && t.term == entry.Term {
		if c, err = DecodeCommand(entry.Data); err != nil {
			f.log.Error("Skipped a committed command that cannot be decoded", "index", entry.Index, "error", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.image = image{Index: entry.Index, State: f.image.State.apply(c)}
	f.memory.advance(f.image, len(c.changes) > 0)
	if answer := f.waiting[t]; answer != nil {
		answer <- err
		delete(f.waiting, t)
	}
	return nil
}

// Snapshot hands out the state as it is; it is written elsewhere.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	return snapshot(f.current()), nil
}

// Restore replaces the state by a snapshot's.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read a snapshot: %w", err)
	}
	i, err := decodeImage(data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.image = i
	f.memory.advance(i, true)
	return nil
}

// snapshot is an image on its way to disk.
type snapshot image

// Persist writes the snapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	data, err := encodeImage(image(s))
	if err == nil {
		_, err = sink.Write(data)
	}
	if err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

// Release does nothing: an image is never changed.
func (snapshot) Release() {}

// memory is the newest state that any replica has applied. What was committed
// stays in view while replicas crash, start again and replay their logs.
type memory struct {
	mu      sync.Mutex
	image   image
	changed chan struct{}
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

// advance takes an image that is newer, and says so if it differs.
func (m *memory) advance(i image, differs bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i.Index <= m.image.Index {
		return
	}
	m.image = i
	if differs {
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

func (m *memory) state() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.image.State
}

func (m *memory) next() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}
