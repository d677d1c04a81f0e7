package backup

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"

	"demarc/sim/disk"
)

// Names in the data directory of an etcd member; the first is ours.
const (
	sumsFile     = "sums.json"
	walDir       = "member/wal"
	databaseFile = "member/snap/db"
)

// lockTimeout is how long a database that somebody has open is waited for.
const lockTimeout = time.Second

// Database is where a member has its database.
func Database(dataDir string) string { return filepath.Join(dataDir, databaseFile) }

// sums is what a member's data was when it stopped in good order. Without, a value
// that was changed on the disk would pass: bbolt has no checksums.
type sums struct {
	// Files are the CRC-32C of the database and of each file of the log, whole.
	Files map[string]uint32 `json:"files"`
	// Pages is that of the database's pages that are in use.
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
	var machine syscall.Errno // says nothing about the data
	if errors.As(err, &machine) || errors.Is(err, bolterrors.ErrTimeout) {
		return err
	}
	return &DamageError{File: file, Detail: beginning(err.Error())}
}

// CheckMember says whether etcd can use a member's data directory: all pages of the
// database can be followed, all keys be read, and the write-ahead log reaches to where the
// database is at least; after [NoteSums], that all in use is as it was then. etcd
// must not run on it. What is wrong with the data is a [*DamageError].
func CheckMember(dataDir string) error {
	b, err := os.ReadFile(filepath.Join(dataDir, sumsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var want sums
	if err != nil || json.Unmarshal(b, &want) != nil { // it did not stop in good order, or nobody can say any more
		_, err := inspectMember(dataDir, nil)
		return err
	}
	if files, err := fileSums(dataDir); err == nil && maps.Equal(files, want.Files) {
		return nil
	}
	sum := crc32.New(castagnoli)
	last, err := inspectMember(dataDir, sum)
	switch {
	case err != nil:
		return err
	case last > want.LastIndex: // etcd has run since, of a version that knew of no sums
		return nil
	case sum.Sum32() != want.Pages:
		return &DamageError{databaseFile, "it is not what it was when etcd was stopped"}
	case last < want.LastIndex:
		return &DamageError{walDir, fmt.Sprintf("it ends at entry %d, and ended at %d when etcd was stopped", last, want.LastIndex)}
	}
	return nil
}

// NoteSums notes what a member's data is, for the next [CheckMember]. Call it when
// etcd has stopped in good order, and [ForgetSums] before it starts.
func NoteSums(dataDir string) error {
	sum := crc32.New(castagnoli)
	last, err := inspectMember(dataDir, sum)
	if err != nil {
		return err
	}
	files, err := fileSums(dataDir)
	if err != nil {
		return err
	}
	b, err := json.Marshal(sums{Files: files, Pages: sum.Sum32(), LastIndex: last})
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

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func fileSums(dataDir string) (map[string]uint32, error) {
	files, err := walFiles(filepath.Join(dataDir, walDir))
	if err != nil {
		return nil, err
	}
	all := map[string]uint32{}
	for _, path := range append(files, Database(dataDir)) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		sum := crc32.New(castagnoli)
		_, err = io.CopyBuffer(sum, struct{ io.Reader }{f}, make([]byte, 1<<20))
		f.Close()
		if err != nil {
			return nil, err
		}
		all[filepath.Base(path)] = sum.Sum32()
	}
	return all, nil
}

// inspectMember reads a member's data, and returns the index of the last entry of
// its log. The sum is of the pages of the database, if not nil.
func inspectMember(dataDir string, sum hash.Hash32) (last uint64, err error) {
	if err := walk(Database(dataDir), 0, &pages{live: true, sum: sum}); err != nil {
		return 0, damaged(databaseFile, err)
	}
	var applied uint64
	if err := guarded(nil, func(*zap.Logger) (err error) { applied, err = checkKeys(Database(dataDir)); return err }); err != nil {
		return 0, damaged(databaseFile, err)
	}
	err = guarded(nil, func(*zap.Logger) (err error) {
		last, err = checkLog(filepath.Join(dataDir, walDir), applied)
		return err
	})
	if err != nil {
		return 0, damaged(walDir, err)
	}
	return last, nil
}

// Peer is a member of a cluster, as another remembers it.
type Peer struct {
	ID uint64 `json:"id"`
	// Name is empty if it has not told it yet.
	Name string `json:"name"`
	// URLs are where it can be found.
	URLs []string `json:"peerURLs"`
	// Learner says that it has no vote.
	Learner bool `json:"isLearner"`
}

// Peers are the members of a cluster, as the data of one of them has them. etcd must
// not run on it.
func Peers(dataDir string) (list []Peer, err error) {
	if err := walk(Database(dataDir), 0, &pages{live: true}); err != nil {
		return nil, damaged(databaseFile, err)
	}
	return list, guarded(nil, func(*zap.Logger) error {
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
				var p Peer
				if err := json.Unmarshal(v, &p); err == nil && len(p.URLs) > 0 {
					list = append(list, p)
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
// Protocol Buffers. A restore leaves one that is empty, where it raised the revision
// to.
func checkKey(k, v []byte) error {
	if len(v) == 0 && len(k) == revision {
		return nil
	}
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
