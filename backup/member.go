package backup

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"

	"demarc/sim/disk"
)

// Names in the data directory of an etcd member; the first is ours.
const (
	sumsFile = "sums.json"
	walDir   = "member/wal"
)

// lockTimeout is how long a database that somebody has open is waited for.
const lockTimeout = time.Second

// Database is where a member has its database.
func Database(dataDir string) string { return filepath.Join(dataDir, "member", "snap", "db") }

// sums is what a member's data was when it stopped in good order. Without, a value
// that was changed on the disk would pass: bbolt has no checksums.
type sums struct {
	// Pages is the CRC-32C of the pages that are in use.
	Pages uint32 `json:"pages"`
	// LastIndex is that of the last entry of the write-ahead log.
	LastIndex uint64 `json:"lastIndex"`
}

// DamageError is what is wrong with the data of an etcd member.
type DamageError struct {
	// File is the file or directory, in the member's data directory.
	File string
	// Detail says what is wrong with it, as the end of a sentence.
	Detail string
}

func (e *DamageError) Error() string { return e.File + " is damaged: " + e.Detail }

func damaged(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{File: file, Detail: "it is not there"}
	}
	var machine *fs.PathError // says nothing about the data
	if errors.As(err, &machine) || errors.Is(err, bolterrors.ErrTimeout) {
		return err
	}
	return &DamageError{File: file, Detail: beginning(err.Error())}
}

// CheckMember says whether etcd can use a member's data directory: all pages of the
// database can be followed, all keys be read, and the write-ahead log reaches to where the
// database is at least; after [NoteSums], that both are as they were then. etcd
// must not run on it. What is wrong with the data is a [*DamageError].
func CheckMember(dataDir string) error {
	got, err := inspectMember(dataDir)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dataDir, sumsFile))
	var want sums
	if errors.Is(err, fs.ErrNotExist) || err == nil && json.Unmarshal(b, &want) != nil {
		return nil // it did not stop in good order, or nobody can say any more
	}
	if err != nil {
		return err
	}
	switch {
	case got.Pages != want.Pages:
		return &DamageError{"member/snap/db", "it is not what it was when etcd was stopped"}
	case got.LastIndex < want.LastIndex:
		return &DamageError{walDir, fmt.Sprintf("it ends at entry %d, and ended at %d when etcd was stopped", got.LastIndex, want.LastIndex)}
	}
	return nil
}

// NoteSums notes what a member's data is, for the next [CheckMember]. Call it when
// etcd has stopped in good order, and [ForgetSums] before it starts.
func NoteSums(dataDir string) error {
	got, err := inspectMember(dataDir)
	if err != nil {
		return err
	}
	b, err := json.Marshal(got)
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dataDir, sumsFile), b, false)
}

// ForgetSums says that a member's data is about to change.
func ForgetSums(dataDir string) error {
	if err := os.Remove(filepath.Join(dataDir, sumsFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func inspectMember(dataDir string) (got sums, err error) {
	p := pages{live: true, sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	if err := walk(Database(dataDir), 0, &p); err != nil {
		return got, damaged("member/snap/db", err)
	}
	got.Pages = p.sum.Sum32()
	var applied uint64
	if err := guarded(nil, func(*zap.Logger) (err error) { applied, err = checkKeys(Database(dataDir)); return err }); err != nil {
		return got, damaged("member/snap/db", err)
	}
	err = guarded(nil, func(log *zap.Logger) (err error) {
		got.LastIndex, err = checkLog(log, filepath.Join(dataDir, walDir), applied)
		return err
	})
	if err != nil {
		return got, damaged(walDir, err)
	}
	return got, nil
}

// PeerURLs are where the members of a cluster find each other, by their names, as
// the data of one of them has it. etcd must not run on it.
func PeerURLs(dataDir string) (urls map[string]string, err error) {
	if err := walk(Database(dataDir), 0, &pages{live: true}); err != nil {
		return nil, damaged("member/snap/db", err)
	}
	urls = map[string]string{}
	return urls, guarded(nil, func(*zap.Logger) error {
		db, err := bolt.Open(Database(dataDir), 0o600, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bolt.Tx) error {
			members := tx.Bucket([]byte("members"))
			if members == nil {
				return nil
			}
			return members.ForEach(func(_, v []byte) error {
				var m struct {
					Name     string   `json:"name"`
					PeerURLs []string `json:"peerURLs"`
				}
				if err := json.Unmarshal(v, &m); err == nil && len(m.PeerURLs) > 0 {
					urls[m.Name] = m.PeerURLs[0]
				}
				return nil
			})
		})
	})
}

// checkKeys reads every key as etcd does when it starts, and returns the index
// of the last entry of the log that is in the database. Its pages are sound.
func checkKeys(path string) (applied uint64, err error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return applied, db.View(func(tx *bolt.Tx) error {
		keys, meta := tx.Bucket([]byte("key")), tx.Bucket([]byte("meta"))
		if keys == nil || meta == nil {
			return errors.New("it has no keys, or no meta data")
		}
		index := meta.Get([]byte("consistent_index"))
		if index == nil { // it has never been written to
			return nil
		}
		if len(index) != 8 {
			return errors.New("its consistent index cannot be read")
		}
		applied = binary.BigEndian.Uint64(index)
		return keys.ForEach(checkKey)
	})
}

// revision is the length of a key of the database: two numbers of 8 bytes with _
// between. One more byte, t, says that what is there was deleted.
const revision = 17

// checkKey checks one revision of one key: mvccpb.KeyValue in the form of
// Protocol Buffers.
func checkKey(k, v []byte) error {
	if len(k) != revision && len(k) != revision+1 || k[8] != '_' || len(k) > revision && k[revision] != 't' {
		return fmt.Errorf("%x is not a revision", k)
	}
	var key []byte
	var modified uint64
	for rest := v; len(rest) > 0; {
		field, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return fmt.Errorf("revision %x cannot be read", k)
		}
		rest = rest[n:]
		switch {
		case field == 1 && kind == protowire.BytesType:
			key, _ = protowire.ConsumeBytes(rest)
		case field == 3 && kind == protowire.VarintType:
			modified, _ = protowire.ConsumeVarint(rest)
		}
		if n = protowire.ConsumeFieldValue(field, kind, rest); n < 0 {
			return fmt.Errorf("revision %x cannot be read", k)
		}
		rest = rest[n:]
	}
	if len(key) == 0 || len(k) == revision && modified != binary.BigEndian.Uint64(k) {
		return fmt.Errorf("revision %x is not of a key, or is of another time", k)
	}
	return nil
}

// checkLog reads the write-ahead log from its last snapshot on, and returns the
// index of its last entry. That the last record is torn is no damage: a crash
// does that, and etcd cuts it off.
func checkLog(log *zap.Logger, dir string, applied uint64) (last uint64, err error) {
	snapshots, err := wal.ValidSnapshotEntries(log, dir)
	if err != nil {
		return 0, err
	}
	start := &walpb.Snapshot{}
	if len(snapshots) > 0 {
		start = snapshots[len(snapshots)-1]
	}
	w, err := wal.OpenForRead(log, dir, start)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	_, state, entries, err := w.ReadAll()
	if err != nil {
		return 0, err
	}
	last = start.GetIndex()
	if len(entries) > 0 {
		last = entries[len(entries)-1].GetIndex()
	}
	switch {
	case applied < start.GetIndex() && applied != 0:
		return 0, fmt.Errorf("it has a snapshot at entry %d, and the database ends at entry %d", start.GetIndex(), applied)
	case last < max(applied, state.GetCommit()):
		return 0, fmt.Errorf("it ends at entry %d, and entry %d was committed", last, max(applied, state.GetCommit()))
	}
	return last, nil
}
