package provider

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// FuzzStore changes bytes of a replica's log in two places, and cuts it. Either that is
// found, or whatever is read of it is what was written.
func FuzzStore(f *testing.F) {
	sound := f.TempDir()
	opened, err := openFiles(sound, false, hclog.NewNullLogger())
	must(f, err)
	var written []*raft.Log
	for i := range uint64(8) {
		written = append(written, &raft.Log{Index: i + 1, Term: 1 + i/4, Type: raft.LogCommand, Data: mustEncode(f, SetCluster(Cluster{EtcdMembers: int(i) + 1}))})
	}
	must(f, opened.store.StoreLogs(written))
	must(f, opened.store.SetUint64([]byte(currentTerm), 2))
	must(f, opened.store.SetUint64([]byte(lastVoteTerm), 2))
	must(f, opened.store.Set([]byte(lastVoteCandidate), []byte("1")))
	must(f, opened.close())
	whole, err := os.ReadFile(filepath.Join(sound, logFile))
	must(f, err)
	entry := uint(bytes.Index(whole, []byte(`"etcdMembers"`)))
	for _, at := range []uint{16, 4096 + 16, 3*4096 + 10, entry, entry - 40, uint(bytes.LastIndex(whole, []byte(currentTerm)))} {
		f.Add(at, []byte{1}, at+8, []byte{}, uint(0))
		f.Add(at, []byte{0xff, 0xff}, at+60, []byte{4}, uint(0))
	}
	f.Add(uint(0), []byte{}, uint(0), []byte{}, uint(5000))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, at uint, change []byte, at2 uint, change2 []byte, cut uint) {
		b := bytes.Clone(whole)
		for i, x := range change[:min(len(change), 16)] {
			b[(int(at%uint(len(b)))+i)%len(b)] ^= x
		}
		for i, x := range change2[:min(len(change2), 16)] {
			b[(int(at2%uint(len(b)))+i)%len(b)] ^= x
		}
		b = b[:len(b)-int(cut%uint(len(b)))]
		must(t, os.WriteFile(filepath.Join(dir, logFile), b, 0o600))
		got, err := openFiles(dir, false, hclog.NewNullLogger())
		if found := (*damage)(nil); err != nil {
			if !errors.As(err, &found) || bytes.Equal(b, whole) {
				t.Errorf("got %v", err)
			}
			return
		}
		defer got.close()
		first, err := got.store.FirstIndex()
		must(t, err)
		if first > 1 || got.lastIndex > uint64(len(written)) {
			t.Fatalf("it has entries %d to %d, and %d were written", first, got.lastIndex, len(written))
		}
		for i := uint64(1); i <= got.lastIndex; i++ {
			var entry raft.Log
			must(t, got.store.GetLog(i, &entry))
			if want := written[i-1]; entry.Index != i || entry.Term != want.Term || entry.Type != want.Type || !bytes.Equal(entry.Data, want.Data) {
				t.Errorf("entry %d is %+v, and was %+v", i, entry, want)
			}
		}
		if term, err := got.store.GetUint64([]byte(currentTerm)); err == nil && term != 2 {
			t.Errorf("the term is %d, and was 2", term)
		}
	})
}

// What an earlier version wrote without checksums has them once it was opened, and is not
// believed without them again.
func TestStoreOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	open := func() *files {
		f, err := openFiles(dir, false, hclog.NewNullLogger())
		must(t, err)
		return f
	}
	f := open()
	data := mustEncode(t, SetCluster(Cluster{EtcdMembers: 3}))
	must(t, f.store.BoltStore.StoreLogs([]*raft.Log{{Index: 1, Term: 1, Data: data}, {Index: 2, Term: 1, Data: data, Extensions: make([]byte, oldTicket)}}))
	must(t, f.store.BoltStore.SetUint64([]byte(currentTerm), 1))
	must(t, f.store.BoltStore.Set([]byte(lastVoteCandidate), []byte("1")))
	must(t, f.close())
	must(t, unmark(filepath.Join(dir, logFile)))
	for range 2 {
		f = open()
		var entry raft.Log
		must(t, f.store.GetLog(2, &entry))
		if f.lastIndex != 2 || !bytes.Equal(entry.Data, data) || len(entry.Extensions) != oldTicket {
			t.Errorf("it has %d entries, and the last is %+v", f.lastIndex, entry)
		}
		must(t, f.close())
	}
	f = open()
	must(t, f.store.BoltStore.StoreLog(&raft.Log{Index: 3, Term: 1, Data: data}))
	must(t, f.close())
	if _, err := openFiles(dir, false, hclog.NewNullLogger()); !errors.Is(err, errChanged) {
		t.Errorf("an entry without a checksum: got %v, want %v", err, errChanged)
	}
}

// unmark makes a store one of an earlier version.
func unmark(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("conf")).Delete(sealedKey) }), db.Close())
}
