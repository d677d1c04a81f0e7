// Package backup is the provider's backups of a managed cluster's etcd: when
// one is due, the store that keeps them, whether they are whole, which may go,
// and a restore onto disk.
//
// From outside, open a [Store] with a key of [LoadKey]. [Store.Take]
// makes a backup, [Store.Verify] looks whether it is still one, [Store.Restore]
// makes new data directories of it. [Due], [Late], [Expired] and [Choose] are the
// decisions: pure functions of the catalogue and a time. Nothing here runs on a timer and nothing keeps the
// catalogue; both are the caller's, who may call a store's methods from any
// goroutine.
//
// How it works: a backup is one file, sealed. Behind a header in clear (whose,
// of when, sealed with which key) come chunks of XChaCha20-Poly1305 over the
// compressed snapshot, exactly as etcd streamed it. Each chunk carries its
// number, whether it is the last and the whole header in what it authenticates,
// so that nothing can be changed, moved, cut off or added unnoticed. A snapshot
// goes through hash, compression, encryption and file in one pass; a plain copy
// beside it is checked as a database and thrown away; what was written is read
// back; and only then does the file get its name. So a file that has a name is
// a whole backup, and whatever fails leaves the store as it was.
package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/disk"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	extension = ".backup"
	workDir   = "work" // in the store: files that are not backups yet
)

// Store is a directory of one cluster's backups, each a file named after its
// ID. Its methods may be called from any goroutine.
type Store struct {
	// Sync says that a backup must survive a crash of the machine: files and
	// directories are synced to disk. Set it before the store is used.
	Sync bool
	// Rest is called, if not nil, again and again while a backup is taken, so
	// that others get a turn. Set it before the store is used.
	Rest func()

	dir     string
	cluster string
	key     []byte
	keyID   string
	disk    Disk
	taking  sync.Mutex // one backup at a time
}

// Meta is what a new backup is called.
type Meta struct {
	// ID names the backup: [ID] or [ManualID].
	ID string
	// Slot is the moment of the schedule that it is taken for.
	Slot time.Time
	// KubernetesVersion is kept with it for whoever restores it.
	KubernetesVersion string
	// Replace says that the catalogue does not know ID. A file of that name is
	// then what a crash left between its last step and the catalogue, and the
	// new backup takes its place once it is whole.
	Replace bool
}

// OpenStore opens the store in the directory dir, which is made if there is
// none, for backups of the cluster given. The key is one of [LoadKey]. It
// removes what a crash left half written, and never a backup.
func OpenStore(dir string, cluster string, key []byte) (*Store, error) {
	if len(key) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("open the backup store: the key has %d bytes, want %d", len(key), chacha20poly1305.KeySize)
	}
	if cluster == "" {
		return nil, errors.New("open the backup store: the cluster has no ID")
	}
	s := &Store{dir: dir, cluster: cluster, key: slices.Clone(key), keyID: keyID(key)}
	s.disk.dir = dir
	err := os.RemoveAll(s.work())
	if err == nil {
		err = os.MkdirAll(s.work(), 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("open the backup store: %w", err)
	}
	return s, nil
}

func (s *Store) work() string { return filepath.Join(s.dir, workDir) }

// Disk is the disk that the store writes to, for drills.
func (s *Store) Disk() *Disk { return &s.disk }

// Path is where the file of a backup is, or would be.
func (s *Store) Path(id string) string { return filepath.Join(s.dir, id+extension) }

// IDs are the backups whose files are in the store, sorted, known to a
// catalogue or not. None, if the store cannot be read.
func (s *Store) IDs() []string { return idsIn(s.dir) }

func idsIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), extension)
		if ok && e.Type().IsRegular() && checkID(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Remove removes the file of a backup. One that is not there is a [*BadError]
// of kind [Missing].
func (s *Store) Remove(id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	err := os.Remove(s.Path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return &BadError{ID: id, Kind: Missing, Detail: "there is no such file in the store"}
	}
	if err != nil {
		return fmt.Errorf("remove backup %s: %w", id, err)
	}
	return s.syncDir()
}

// syncDir makes names in the store survive a crash of the machine.
func (s *Store) syncDir() error {
	if !s.Sync {
		return nil
	}
	return disk.SyncDir(s.dir)
}

// checkID refuses an ID that cannot be the name of a file in the store.
func checkID(id string) error {
	strange := strings.Trim(id, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	if id == "" || strange != "" || len(id) > 128 {
		return fmt.Errorf("%q is not the ID of a backup: want one like %s", id, ID(time.Date(2026, 1, 5, 8, 30, 0, 0, time.UTC)))
	}
	return nil
}
