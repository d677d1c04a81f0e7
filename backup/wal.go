package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// walFiles are the files of a write-ahead log, oldest first.
func walFiles(dir string) ([]string, error) {
	files, err := fs.Glob(os.DirFS(dir), "*.wal")
	if err == nil && len(files) == 0 {
		err = errors.New("it has no file")
	}
	for i, name := range files {
		files[i] = filepath.Join(dir, name)
	}
	return files, err
}

// logReader reads a write-ahead log once, and keeps none of its entries: etcd's own
// functions would read it twice, and hold all of it in memory.
type logReader struct {
	crc       uint32
	metadata  []byte
	state     raftpb.HardState
	snapshots []uint64 // their indices
	first     uint64   // entry
	last      uint64   // entry, or snapshot
}

// checkLog reads the write-ahead log in a directory, and returns the index of its
// last entry. That the last record is torn is no damage: a crash does that, and etcd
// cuts it off.
func checkLog(dir string, applied uint64) (last uint64, err error) {
	files, err := walFiles(dir)
	if err != nil {
		return 0, err
	}
	r := &logReader{}
	for i, path := range files {
		err := r.file(path)
		if errors.Is(err, io.ErrUnexpectedEOF) && i == len(files)-1 {
			err = nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	var start uint64
	for _, index := range r.snapshots {
		if index <= r.state.GetCommit() {
			start = index
		}
	}
	switch {
	case len(r.snapshots) == 0: // the first is of entry 0
		return 0, errors.New("it has no beginning")
	case r.first > start+1:
		return 0, fmt.Errorf("it has a snapshot at entry %d, and begins at entry %d", start, r.first)
	case applied < start && applied != 0:
		return 0, fmt.Errorf("it has a snapshot at entry %d, and the database ends at entry %d", start, applied)
	case r.last < max(applied, r.state.GetCommit()):
		return 0, fmt.Errorf("it ends at entry %d, and entry %d was committed", r.last, max(applied, r.state.GetCommit()))
	}
	return r.last, nil
}

func (r *logReader) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := wal.NewDecoder(fileutil.NewFileReader(f))
	for {
		record := &walpb.Record{}
		err := decoder.Decode(record)
		if errors.Is(err, io.EOF) {
			r.crc = decoder.LastCRC()
			return nil
		}
		if err == nil && record.GetType() == wal.CrcType {
			// Each file begins with the sum of all before it.
			if r.crc != 0 && record.GetCrc() != r.crc {
				return wal.ErrCRCMismatch
			}
			decoder.UpdateCRC(record.GetCrc())
			continue
		}
		if err == nil {
			err = r.record(record)
		}
		if err != nil {
			return err
		}
	}
}

func (r *logReader) record(record *walpb.Record) error {
	switch record.GetType() {
	case wal.MetadataType:
		if r.metadata != nil && !bytes.Equal(r.metadata, record.Data) {
			return wal.ErrMetadataConflict
		}
		r.metadata = record.Data
	case wal.EntryType:
		index, err := entryIndex(record.Data)
		if err != nil {
			return err
		}
		if r.last != 0 && index > r.last+1 {
			return fmt.Errorf("entry %d follows entry %d", index, r.last)
		}
		if r.last = index; r.first == 0 {
			r.first = index
		}
	case wal.StateType:
		r.state.Reset()
		return proto.Unmarshal(record.Data, &r.state)
	case wal.SnapshotType:
		var s walpb.Snapshot
		if err := proto.Unmarshal(record.Data, &s); err != nil {
			return err
		}
		r.snapshots = append(r.snapshots, s.GetIndex())
		r.last = max(r.last, s.GetIndex())
	default:
		return fmt.Errorf("it has a record of type %d", record.GetType())
	}
	return nil
}

// entryIndex is the index of a raftpb.Entry in the form of Protocol Buffers. To
// decode it whole would copy what is in it.
func entryIndex(b []byte) (uint64, error) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			break
		}
		if b = b[n:]; field == 3 && kind == protowire.VarintType {
			index, n := protowire.ConsumeVarint(b)
			return index, protowire.ParseError(min(n, 0))
		}
		if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			break
		}
		b = b[n:]
	}
	return 0, errors.New("an entry cannot be read")
}
