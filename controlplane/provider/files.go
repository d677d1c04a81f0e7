package provider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"demarc/backup"
)

// Names in a replica's directory, and in the one above.
const (
	logFile       = "raft.db"   // log, term and vote
	snapshotsDir  = "snapshots" // raft's
	learningFile  = "learning"  // is there until an emptied replica has caught up
	formedFile    = "formed"    // is there once all replicas have been set up
	keepSnapshots = 2           // an older one helps if the newest is damaged
	lockTimeout   = time.Second // for another process to let go of the files
	// raft's keys
	currentTerm       = "CurrentTerm"
	lastVoteTerm      = "LastVoteTerm"
	lastVoteCandidate = "LastVoteCand"
)

// damage is what is wrong with a replica's files. Any other error is about the
// machine (permissions, a full disk, another process) and no reason to set them
// aside.
type damage struct{ cause error }

func (d *damage) Error() string { return "its files are damaged: " + d.cause.Error() }
func (d *damage) Unwrap() error { return d.cause }

// files are the open files of a replica.
type files struct {
	store     *store
	snapshots *raft.FileSnapshotStore
	// lastTerm and lastIndex are of the newest entry that it has.
	lastTerm, lastIndex uint64
	// empty says that it knows nothing; learning that it once lost its memory
	// and has not caught up since.
	empty, learning bool
}

// openFiles opens a replica's files and reads all that raft will need of them.
// Files that cannot be read are a [damage].
func openFiles(dir string, sync bool, log hclog.Logger) (f *files, err error) {
	// A database that is cut short faults when it is read; see that as a panic,
	// and a panic as damage.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &damage{fmt.Errorf("%v", p)}
		}
		if err != nil && f != nil {
			f.close()
			f = nil
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeUnfinished(filepath.Join(dir, snapshotsDir)); err != nil {
		return nil, err
	}
	f = &files{}
	if _, err := os.Stat(filepath.Join(dir, learningFile)); err == nil {
		f.learning = true
	}
	if f.store, err = openStore(filepath.Join(dir, logFile), sync); err != nil {
		return f, err
	}
	if err := f.store.seal(); err != nil {
		if failed := (*notSaved)(nil); errors.As(err, &failed) {
			return f, err
		}
		return f, &damage{fmt.Errorf("%s: %w", logFile, err)}
	}
	if f.snapshots, err = raft.NewFileSnapshotStoreWithLogger(dir, keepSnapshots, log); err != nil {
		return f, err
	}
	return f, f.inspect(filepath.Join(dir, snapshotsDir))
}

func (f *files) close() error {
	if f.store == nil {
		return nil
	}
	return f.store.Close()
}

// removeUnfinished removes the snapshots that a crash left half-written.
func removeUnfinished(dir string) error {
	unfinished, err := fs.Glob(os.DirFS(dir), "*.tmp")
	if err != nil {
		return err
	}
	for _, name := range unfinished {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func openStore(path string, sync bool) (*store, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		if err := backup.CheckDatabase(path); err != nil {
			return nil, &damage{fmt.Errorf("%s: %w", logFile, err)}
		}
	}
	db, err := raftboltdb.New(raftboltdb.Options{
		Path:        path,
		BoltOptions: &bbolt.Options{Timeout: lockTimeout, NoGrowSync: !sync, NoSync: !sync},
		NoSync:      !sync,
	})
	var onPath *fs.PathError
	var errno syscall.Errno
	switch {
	case err == nil:
		return &store{BoltStore: db}, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by another process: stop it first", path)
	case errors.As(err, &onPath), errors.As(err, &errno):
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return nil, &damage{fmt.Errorf("open %s: %w", logFile, err)}
}

// inspect reads the newest snapshot that is whole and every entry of the log
// after it: raft needs them without a gap.
func (f *files) inspect(snapshots string) error {
	term, err := f.store.GetUint64([]byte(currentTerm))
	if err != nil && err.Error() != raftboltdb.ErrKeyNotFound.Error() {
		return &damage{fmt.Errorf("read its term: %w", err)}
	}
	for _, key := range []string{lastVoteTerm, lastVoteCandidate} {
		if _, err := f.store.Get([]byte(key)); err != nil && err.Error() != raftboltdb.ErrKeyNotFound.Error() {
			return &damage{fmt.Errorf("read its vote: %w", err)}
		}
	}
	if err := f.inspectSnapshots(snapshots); err != nil {
		return err
	}
	last, err := f.store.LastIndex()
	if err != nil {
		return &damage{fmt.Errorf("read the log's end: %w", err)}
	}
	for i := f.lastIndex + 1; i <= last; i++ {
		var entry raft.Log
		if err := f.store.GetLog(i, &entry); err != nil {
			return &damage{fmt.Errorf("read entry %d of the log: %w", i, err)}
		}
		if entry.Term < f.lastTerm {
			return &damage{fmt.Errorf("entry %d of the log is of term %d, and the one before of term %d", i, entry.Term, f.lastTerm)}
		}
		f.lastTerm, f.lastIndex = entry.Term, i
	}
	f.empty = term == 0 && f.lastIndex == 0
	if term < f.lastTerm {
		return &damage{fmt.Errorf("its term is %d, but it has entries of term %d", term, f.lastTerm)}
	}
	return nil
}

// inspectSnapshots finds the newest snapshot that is whole.
func (f *files) inspectSnapshots(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	metas, err := f.snapshots.List()
	if err != nil {
		return err
	}
	for _, meta := range metas {
		if err = f.inspectSnapshot(meta); err == nil {
			f.lastTerm, f.lastIndex = meta.Term, meta.Index
			return nil
		}
	}
	if len(entries) > 0 {
		if err == nil {
			err = errors.New("their descriptions cannot be read")
		}
		return &damage{fmt.Errorf("no snapshot can be read: %w", err)}
	}
	return nil
}

// inspectSnapshot reads a snapshot, and what its description says of it: raft
// believes that.
func (f *files) inspectSnapshot(meta *raft.SnapshotMeta) error {
	name := fmt.Sprintf("%d-%d-", meta.Term, meta.Index)
	if !strings.HasPrefix(meta.ID, name) || meta.Version != raft.SnapshotVersionMax || meta.ConfigurationIndex > meta.Index {
		return errors.New("its description contradicts itself")
	}
	if !ofAll(meta.Configuration.Servers) {
		return errors.New("its description has other replicas")
	}
	_, r, err := f.snapshots.Open(meta.ID)
	if err != nil {
		return err
	}
	state := &fsm{memory: newMemory()}
	if err := state.Restore(r); err != nil {
		return err
	}
	if state.image.Index > meta.Index {
		return fmt.Errorf("it is of entry %d, and is said to be of entry %d", state.image.Index, meta.Index)
	}
	return nil
}

// ofAll says whether servers are the replicas of the plane.
func ofAll(servers []raft.Server) bool {
	for i, x := range servers {
		if name := strconv.Itoa(i); x.Suffrage != raft.Voter || string(x.ID) != name || string(x.Address) != name {
			return false
		}
	}
	return len(servers) == Count
}
