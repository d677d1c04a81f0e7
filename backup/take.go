package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"demarc/sim/api"

	"github.com/klauspost/compress/zstd"
)

// Take takes a backup of what source gives. It is returned once it is whole in
// the store, read back and its database checked; then it is to be put into the
// catalogue. Whatever fails, ctx included, leaves the store as it was.
//
// A file of the same ID is an error that is [fs.ErrExist], unless
// [Meta.Replace] is set. If the disk is full the error is [syscall.ENOSPC].
func (s *Store) Take(ctx context.Context, source Source, m Meta) (api.Backup, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	if err := s.free(m); err != nil {
		return api.Backup{}, err
	}
	b, err := s.take(ctx, source, m)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever etcd's client made of it
	}
	if err != nil {
		return api.Backup{}, fmt.Errorf("take backup %s: %w", m.ID, err)
	}
	return b, nil
}

// free says whether the name of a new backup may be used.
func (s *Store) free(m Meta) error {
	if err := checkID(m.ID); err != nil {
		return err
	}
	_, err := os.Lstat(s.Path(m.ID))
	if err == nil && !m.Replace {
		return fmt.Errorf("take backup %s: the store has a file of that name, which is never overwritten: %w", m.ID, fs.ErrExist)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take backup %s: %w", m.ID, err)
	}
	return nil
}

func (s *Store) take(ctx context.Context, source Source, m Meta) (api.Backup, error) {
	at := time.Now()
	ctx, cancel := context.WithCancel(ctx) // whatever ends this ends the stream
	defer cancel()
	stream, version, err := source.Snapshot(ctx)
	if err != nil {
		return api.Backup{}, err
	}
	defer stream.Close()
	sealed, err := s.temp(ctx, m.ID)
	if err != nil {
		return api.Backup{}, err
	}
	defer sealed.discard()
	plain, err := s.temp(ctx, m.ID)
	if err != nil {
		return api.Backup{}, err
	}
	defer plain.discard()

	b := api.Backup{
		ID: m.ID, Slot: m.Slot.UTC(), At: at.UTC().Round(0), Member: source.Member(),
		KubernetesVersion: m.KubernetesVersion, EtcdVersion: version, ClusterID: s.cluster,
	}
	sum, err := s.write(stream, sealed, plain, &b)
	if err != nil {
		return api.Backup{}, err
	}
	if err := s.settle(ctx, sealed, plain, sum, &b); err != nil {
		return api.Backup{}, err
	}
	b.Verified, b.VerifiedAt = true, time.Now().UTC().Round(0)
	b.DurationSeconds = time.Since(at).Seconds()
	return b, nil
}

// write is the one pass over the snapshot: into the sealed file, into a plain
// one, and through both hashes. It returns that of the database.
func (s *Store) write(stream io.Reader, sealed, plain io.Writer, b *api.Backup) ([]byte, error) {
	nonce := make([]byte, noncePrefix)
	rand.Read(nonce)
	file := &digest{w: sealed, hash: sha256.New()}
	seal, err := newSealer(file, Header{
		Format: FormatVersion, ID: b.ID, ClusterID: b.ClusterID, KeyID: s.keyID, Slot: b.Slot, At: b.At,
		Member: b.Member, EtcdVersion: b.EtcdVersion, KubernetesVersion: b.KubernetesVersion, Nonce: nonce,
	}, s.key)
	if err != nil {
		return nil, err
	}
	// One thread, and no checksum, since the encryption has a better one: the
	// cluster's own work goes on beside this.
	packer, err := zstd.NewWriter(seal, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	database := newTrailer()
	if err := s.pump(stream, maxSnapshot, database, plain, packer); err != nil {
		return nil, err
	}
	if err := packer.Close(); err != nil {
		return nil, err
	}
	if err := seal.Close(); err != nil {
		return nil, err
	}
	sum, err := database.check()
	b.Bytes, b.SHA256, b.DatabaseBytes = file.n, hex.EncodeToString(file.hash.Sum(nil)), database.n
	return sum, err
}

// settle checks what was written, and gives the sealed file its name.
func (s *Store) settle(ctx context.Context, sealed, plain *tempFile, sum []byte, b *api.Backup) error {
	state, err := checkDatabase(plain.Name())
	if err != nil {
		return fmt.Errorf("the snapshot of etcd member %s is damaged: %w", b.Member, err)
	}
	plain.discard()
	b.Revision, b.Keys = state.Revision, int64(state.TotalKey)
	if s.Sync {
		if err := sealed.Sync(); err != nil {
			return s.disk.full(err)
		}
	}
	if err := sealed.Close(); err != nil {
		return s.disk.full(err)
	}
	again := newTrailer()
	if _, err := s.read(ctx, sealed.Name(), b, again); isBad(err) {
		return errors.New("the disk does not give back what was written to it")
	} else if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	if got, err := again.check(); err != nil || !bytes.Equal(got, sum) {
		return errors.New("the disk does not give back what was written to it")
	}
	if err := os.Rename(sealed.Name(), s.Path(b.ID)); err != nil {
		return s.disk.full(err)
	}
	return s.syncDir()
}

// portion is how much is worked on between two rests, in bytes.
const portion = 256 << 10

// pump copies a stream to writers, limit bytes at most.
func (s *Store) pump(stream io.Reader, limit int64, to ...io.Writer) error {
	buf := make([]byte, portion)
	for {
		n, err := io.ReadFull(stream, buf)
		if limit -= int64(n); limit < 0 {
			return fmt.Errorf("etcd's snapshot has more than %d bytes", maxSnapshot)
		}
		for _, w := range to {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read etcd's snapshot: %w", err)
		}
		if s.Rest != nil {
			s.Rest()
		}
	}
}

// digest is a writer that counts and hashes what it passes on.
type digest struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (d *digest) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.hash.Write(p[:n])
	d.n += int64(n)
	return n, err
}

// trailer hashes a snapshot, which ends in the hash of all that is before.
type trailer struct {
	hash hash.Hash
	n    int64  // of the database
	tail []byte // the last bytes so far
}

func newTrailer() *trailer { return &trailer{hash: sha256.New()} }

func (t *trailer) Write(p []byte) (int, error) {
	body := max(0, len(p)-sha256.Size)
	t.tail = append(t.tail, p[body:]...)
	excess := max(0, len(t.tail)-sha256.Size)
	t.hash.Write(t.tail[:excess])
	t.hash.Write(p[:body])
	t.n += int64(excess + body)
	t.tail = append(t.tail[:0], t.tail[excess:]...)
	return len(p), nil
}

// check returns the hash of the database, if it is the one at the end.
func (t *trailer) check() ([]byte, error) {
	sum := t.hash.Sum(nil)
	if !bytes.Equal(t.tail, sum) {
		return nil, fmt.Errorf("etcd's snapshot is damaged or was cut short: the SHA-256 at its end is not that of the %d bytes before", t.n)
	}
	return sum, nil
}
