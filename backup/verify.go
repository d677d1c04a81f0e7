package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
)

// Verify says whether a backup of the catalogue is whole: its file is there, has
// the catalogue's size and digest and can be unsealed, and its database is sound
// and has the catalogue's revision and keys. One that is not is a [*BadError].
// Any other error, such as a full disk, says nothing about the backup. It writes
// a plain copy into the store for as long as it takes, and never changes the file.
func (s *Store) Verify(ctx context.Context, want api.Backup) error {
	if err := checkID(want.ID); err != nil {
		return err
	}
	_, err := s.check(ctx, s.Path(want.ID), want.ID, &want)
	return describe(err, want.ID)
}

// Extract verifies a backup and leaves its snapshot, the database and its
// SHA-256, at path, for [Restore]. It does not walk the database as Verify does:
// this was done when the backup was taken, and the digest and the seal say that
// nothing has changed since. Nothing is at path if it fails.
func (s *Store) Extract(ctx context.Context, want api.Backup, path string) error {
	if err := checkID(want.ID); err != nil {
		return err
	}
	err := disk.ReplaceBy(path, s.Sync, func(w io.Writer) error {
		_, err := s.read(ctx, s.Path(want.ID), &want, w)
		return err
	})
	return describe(err, want.ID)
}

// Inspect reads what a file says about itself, without its content. The error
// is a [*BadError] if the store could not use it: another cluster's, another
// key's, a newer format's. The header is then what could be read of it.
func (s *Store) Inspect(path string) (Header, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Header{}, &BadError{ID: filepath.Base(path), Kind: Missing, Detail: "there is no such file"}
	}
	if err != nil {
		return Header{}, fmt.Errorf("inspect a backup: %w", err)
	}
	defer f.Close()
	h, _, err := readHeader(f)
	if err == nil {
		err = s.accept(h)
	}
	return h, describe(err, filepath.Base(path))
}

// KubernetesVersion is what the newest backup in the store was taken of, by its
// header; empty if there is none.
func (s *Store) KubernetesVersion() string {
	var newest Header
	for _, id := range s.IDs() {
		if h, err := s.Inspect(s.Path(id)); err == nil && h.At.After(newest.At) {
			newest = h
		}
	}
	return newest.KubernetesVersion
}

// Check reads a file that no catalogue knows, in the store or not, as Verify
// does, and returns the entry that a catalogue would have. One that is not a
// whole backup of this cluster is a [*BadError].
func (s *Store) Check(ctx context.Context, path string) (api.Backup, error) {
	b, err := s.check(ctx, path, "", nil)
	return b, describe(err, filepath.Base(path))
}

// Adopt returns the entry for a backup whose file is in the store but that the
// catalogue does not know, such as after a crash between Take and the catalogue.
// How long it took to take is not known.
func (s *Store) Adopt(ctx context.Context, id string) (api.Backup, error) {
	if err := checkID(id); err != nil {
		return api.Backup{}, err
	}
	b, err := s.check(ctx, s.Path(id), id, nil)
	return b, describe(err, id)
}

// describe gives an error the backup's ID, if it is about the backup.
func describe(err error, id string) error {
	if b, ok := errors.AsType[*BadError](err); ok {
		b.ID = id
		return b
	}
	if err != nil {
		return fmt.Errorf("read backup %s: %w", id, err)
	}
	return nil
}

// check reads a file and its database. The ID and the entry are what is known
// of it, if anything.
func (s *Store) check(ctx context.Context, path, id string, want *api.Backup) (api.Backup, error) {
	plain, err := s.temp(ctx, "verify")
	if err != nil {
		return api.Backup{}, err
	}
	defer plain.discard()
	b, err := s.read(ctx, path, want, plain)
	if err != nil {
		return api.Backup{}, err
	}
	if id != "" && b.ID != id {
		return api.Backup{}, bad(Corrupt, "the file is that of backup %s", b.ID)
	}
	state, err := checkDatabase(plain.Name())
	if err != nil {
		return api.Backup{}, bad(Corrupt, "its database is damaged: %v", err)
	}
	b.Revision, b.Keys = state.Revision, int64(state.TotalKey)
	if want != nil && (b.Revision != want.Revision || b.Keys != want.Keys) {
		return api.Backup{}, bad(Corrupt, "its database has revision %d and %d keys, and the catalogue has revision %d and %d keys",
			b.Revision, b.Keys, want.Revision, want.Keys)
	}
	b.Verified, b.VerifiedAt = true, time.Now().UTC().Round(0)
	return b, nil
}

// read unseals a file into w, and compares it with its entry if it has one. It
// returns the entry that the file speaks for, without what only the database
// knows.
func (s *Store) read(ctx context.Context, path string, want *api.Backup, w io.Writer) (api.Backup, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return api.Backup{}, bad(Missing, "there is no such file in the store")
	}
	if err != nil {
		return api.Backup{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return api.Backup{}, err
	}
	limit := int64(maxSnapshot)
	if want != nil {
		if err := checkSize(info.Size(), want.Bytes); err != nil {
			return api.Backup{}, err
		}
		limit = want.DatabaseBytes + sha256.Size
	}
	sum := sha256.New()
	raw := io.TeeReader(&reader{ctx: ctx, r: f, rest: s.Rest}, sum)
	h, n, err := unseal(raw, s.accept, s.key, limit, w)
	if err != nil && !isBad(err) {
		return api.Backup{}, err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil { // the rest, for the digest
		return api.Backup{}, err
	}
	b := api.Backup{
		ID: h.ID, Slot: h.Slot, At: h.At, Member: h.Member, ClusterID: h.ClusterID,
		KubernetesVersion: h.KubernetesVersion, EtcdVersion: h.EtcdVersion,
		Bytes: info.Size(), SHA256: hex.EncodeToString(sum.Sum(nil)), DatabaseBytes: n - sha256.Size,
	}
	if want == nil || err != nil && b.SHA256 == want.SHA256 {
		return b, err
	}
	return b, compare(b, *want, err)
}

// checkSize compares a file's size with the catalogue's.
func checkSize(got, want int64) error {
	switch {
	case got < want:
		return bad(Truncated, "its file has %d bytes of %d", got, want)
	case got > want:
		return bad(Corrupt, "its file has %d bytes, %d more than were written", got, got-want)
	}
	return nil
}

// compare compares what was read with the catalogue's entry. What the reader
// complained about is the consequence of a changed file, not the cause.
func compare(got, want api.Backup, complaint error) error {
	if got.SHA256 != want.SHA256 {
		because := ""
		if b, ok := errors.AsType[*BadError](complaint); ok {
			because = " (" + b.Detail + ")"
		}
		return bad(Corrupt, "the SHA-256 of its file is %s, and the catalogue has %s%s", got.SHA256, want.SHA256, because)
	}
	if got.ID != want.ID {
		return bad(Corrupt, "the file is that of backup %s", got.ID)
	}
	if got.DatabaseBytes != want.DatabaseBytes {
		return bad(Corrupt, "its database has %d bytes, and the catalogue has %d", got.DatabaseBytes, want.DatabaseBytes)
	}
	return nil
}

// accept refuses a header of another cluster or another key.
func (s *Store) accept(h Header) error {
	if h.ClusterID != s.cluster {
		return bad(WrongCluster, "it belongs to the cluster %q, and this is %q", h.ClusterID, s.cluster)
	}
	if h.KeyID != s.keyID {
		return bad(WrongKey, "it was sealed with the key %s, and the key here is %s", h.KeyID, s.keyID)
	}
	return nil
}

func isBad(err error) bool {
	_, ok := errors.AsType[*BadError](err)
	return ok
}

// reader is a reader that ends with a context, and rests after each portion.
type reader struct {
	ctx  context.Context
	r    io.Reader
	rest func() // nil for none
	n    int
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if r.n += n; r.n >= portion && r.rest != nil {
		r.n = 0
		r.rest()
	}
	return n, err
}
