package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// take takes a backup of the sample.
func take(tb testing.TB, s *Store, m Meta) api.Backup {
	tb.Helper()
	b, err := s.Take(tb.Context(), fakeSource{stream: takeSample(tb).stream}, m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// files are the files below a directory and what is in them.
func files(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		sum := sha256.Sum256(content)
		all[filepath.ToSlash(name)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// kindOf is the kind of a bad backup, and "" for no error.
func kindOf(tb testing.TB, err error) Kind {
	tb.Helper()
	if err == nil {
		return ""
	}
	b, ok := errors.AsType[*BadError](err)
	if !ok {
		tb.Fatalf("%v is not a BadError", err)
	}
	if b.ID == "" || b.Detail == "" {
		tb.Errorf("%#v does not say which backup or why", b)
	}
	return b.Kind
}

func TestTakeFillsTheEntry(t *testing.T) {
	for _, sync := range []bool{false, true} {
		s := openStore(t, t.TempDir())
		s.Sync = sync
		before := time.Now()
		got := take(t, s, testMeta())
		content, err := os.ReadFile(s.Path(got.ID))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		sample := takeSample(t)
		want := api.Backup{
			ID: "20260105T083000Z", Slot: testSlot, Revision: sample.revision, Keys: sample.keys,
			Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), DatabaseBytes: int64(len(sample.stream) - sha256.Size),
			Member: "etcd", KubernetesVersion: "v1.37.2", EtcdVersion: "3.7.3", ClusterID: testCluster, Verified: true,
		}
		times := cmpopts.IgnoreFields(api.Backup{}, "At", "VerifiedAt", "DurationSeconds")
		if d := cmp.Diff(want, got, times); d != "" {
			t.Error(d)
		}
		if got.At.Before(before.Add(-time.Second)) || got.VerifiedAt.Before(got.At) || got.DurationSeconds < 0 {
			t.Errorf("times: %v, %v, %v", got.At, got.VerifiedAt, got.DurationSeconds)
		}
		if info, err := os.Stat(s.Path(got.ID)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode: %v, %v", info.Mode(), err)
		}
		if bytes.Contains(content, []byte("/registry/")) {
			t.Error("the file can be read without the key")
		}
		if got := len(files(t, s.dir)); got != 1 {
			t.Errorf("%d files in the store, want the backup only", got)
		}
		if err := s.Verify(t.Context(), got); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff([]string{got.ID}, s.IDs()); d != "" {
			t.Error(d)
		}
	}
}

func TestExtractGivesTheSnapshotBack(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := take(t, s, testMeta())
	path := filepath.Join(t.TempDir(), "snapshot.db")
	if err := s.Extract(t.Context(), b, path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, takeSample(t).stream) {
		t.Error("the snapshot is another one")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Error("mode", info.Mode())
	}
}

func TestTakeNeverOverwrites(t *testing.T) {
	s := openStore(t, t.TempDir())
	take(t, s, testMeta())
	before := files(t, s.dir)
	_, err := s.Take(t.Context(), fakeSource{stream: takeSample(t).stream}, testMeta())
	if !errors.Is(err, fs.ErrExist) {
		t.Fatalf("err = %v, want fs.ErrExist", err)
	}
	if d := cmp.Diff(before, files(t, s.dir)); d != "" {
		t.Error(d)
	}
}

// A crash between the file's name and the catalogue leaves a file that nobody
// knows. It blocks nothing, and can be used.
func TestLeftoverOfACrash(t *testing.T) {
	s := openStore(t, t.TempDir())
	taken := take(t, s, testMeta())
	s = openStore(t, s.dir)
	adopted, err := s.Adopt(t.Context(), taken.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(taken, adopted, cmpopts.IgnoreFields(api.Backup{}, "VerifiedAt", "DurationSeconds")); d != "" {
		t.Error(d)
	}
	if err := s.Verify(t.Context(), adopted); err != nil {
		t.Error(err)
	}

	if err := s.Damage(taken.ID, DamageFlip); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Adopt(t.Context(), taken.ID); kindOf(t, err) != Corrupt {
		t.Errorf("adopted a damaged file: %v", err)
	}
	meta := testMeta()
	meta.Replace = true
	before := files(t, s.dir)
	if _, err := s.Take(t.Context(), fakeSource{stream: takeSample(t).stream[:1<<20]}, meta); err == nil {
		t.Fatal("took a snapshot that was cut short")
	}
	if d := cmp.Diff(before, files(t, s.dir)); d != "" {
		t.Errorf("a backup that failed took the leftover's place: %s", d)
	}
	if err := s.Verify(t.Context(), take(t, s, meta)); err != nil {
		t.Error(err)
	}
}

func TestOpenRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	take(t, s, testMeta())
	before := files(t, dir)
	f, err := s.temp(t.Context(), "20260105T090000Z")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if len(files(t, dir)) != 2 {
		t.Fatal("there is no temporary file")
	}
	openStore(t, dir)
	if d := cmp.Diff(before, files(t, dir)); d != "" {
		t.Error(d)
	}
}

// Whatever goes wrong with the stream, the store stays as it was.
func TestTakeFails(t *testing.T) {
	stream := takeSample(t).stream
	flipped := slices.Clone(stream)
	flipped[len(flipped)/2] ^= 1
	sound := func(database []byte) []byte {
		sum := sha256.Sum256(database)
		return append(database, sum[:]...)
	}
	damaged := slices.Clone(stream[:len(stream)-sha256.Size])
	copy(damaged[3*4096:], make([]byte, 64<<10)) // headers of pages, or the keys of a long one: bbolt lays them out
	broken := errors.New("the connection broke")
	tests := []struct {
		name   string
		source fakeSource
		want   string
		is     error
	}{
		{"empty", fakeSource{}, "cut short", nil},
		{"short", fakeSource{stream: stream[:len(stream)-1]}, "cut short", nil},
		{"shorter than the hash", fakeSource{stream: stream[:31]}, "cut short", nil},
		{"flipped", fakeSource{stream: flipped}, "SHA-256", nil},
		{"not a database", fakeSource{stream: sound(bytes.Repeat([]byte("x"), 8192))}, "damaged", nil},
		{"nothing", fakeSource{stream: sound(nil)}, "damaged", nil},
		{"damaged in etcd", fakeSource{stream: sound(damaged)}, "snapshot of etcd member etcd is damaged: ", nil},
		{"broken", fakeSource{stream: stream, before: func(n int) error {
			if n > 1<<20 {
				return broken
			}
			return nil
		}}, "read etcd's snapshot", broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			take(t, s, testMeta())
			before := files(t, s.dir)
			_, err := s.Take(t.Context(), tt.source, Meta{ID: "20260105T090000Z"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if d := cmp.Diff(before, files(t, s.dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTakeIsCancelled(t *testing.T) {
	stream := takeSample(t).stream
	for _, at := range []int{0, 1, len(stream) / 2, len(stream)} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s := openStore(t, t.TempDir())
			take(t, s, testMeta())
			before := files(t, s.dir)
			ctx, cancel := context.WithCancel(t.Context())
			source := fakeSource{stream: stream, before: func(n int) error {
				if n >= at {
					cancel()
				}
				return nil
			}}
			if _, err := s.Take(ctx, source, Meta{ID: "20260105T090000Z"}); !errors.Is(err, context.Canceled) {
				t.Errorf("err = %v, want %v", err, context.Canceled)
			}
			if d := cmp.Diff(before, files(t, s.dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

// The disk is full at each place at which something is written.
func TestDiskIsFull(t *testing.T) {
	s := openStore(t, t.TempDir())
	first := take(t, s, testMeta())
	before := files(t, s.dir)
	inUse := s.Disk().InUse()
	if inUse != first.Bytes {
		t.Fatalf("in use: %d, want %d", inUse, first.Bytes)
	}
	source := fakeSource{stream: takeSample(t).stream}
	need := int64(len(source.stream)) + first.Bytes
	second := Meta{ID: "20260105T090000Z"}
	full := func(err error, capacity int64) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("err = %v, want ENOSPC", err)
		}
		for _, want := range []string{fmt.Sprintf("bytes of %d are in use", capacity), "no backup was removed"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
		if d := cmp.Diff(before, files(t, s.dir)); d != "" {
			t.Fatal(d)
		}
	}
	s.Disk().Fill()
	_, err := s.Take(t.Context(), source, second)
	full(err, inUse)
	for capacity := inUse + 1; capacity < inUse+need-1024; capacity += need / 20 {
		s.Disk().SetCapacity(capacity)
		_, err := s.Take(t.Context(), source, second)
		full(err, capacity)
	}
	s.Disk().SetCapacity(inUse + need - 1024) // the two headers differ a little
	_, err = s.Take(t.Context(), source, second)
	full(err, inUse+need-1024)

	// A backup cannot be walked on a full disk, which says nothing about it; but
	// it can be had.
	s.Disk().Fill()
	full(s.Verify(t.Context(), first), inUse)
	if err := s.Extract(t.Context(), first, filepath.Join(t.TempDir(), "snapshot.db")); err != nil {
		t.Error(err)
	}
	s.Disk().SetCapacity(inUse + need)
	if _, err := s.Take(t.Context(), source, second); err != nil {
		t.Error(err)
	}
}

func TestEmptyDiskIsFull(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.Disk().Fill()
	_, err := s.Take(t.Context(), fakeSource{stream: takeSample(t).stream}, testMeta())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("err = %v, want ENOSPC", err)
	}
}

func TestSlowDisk(t *testing.T) {
	takeSample(t)
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, t.TempDir())
		s.Disk().SetLatency(time.Minute)
		b := take(t, s, testMeta())
		n := blocks(b.DatabaseBytes+sha256.Size) + blocks(b.Bytes)
		if want := float64(60 * n); b.DurationSeconds != want || n < 3 {
			t.Errorf("it took %v s for %d blocks, want %v s", b.DurationSeconds, n, want)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		began := time.Now()
		_, err := s.Take(ctx, fakeSource{stream: takeSample(t).stream}, Meta{ID: "20260105T090000Z"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 90*time.Second {
			t.Errorf("err = %v after %v", err, time.Since(began))
		}
	})
}

func TestVerifyFindsDamage(t *testing.T) {
	s := openStore(t, t.TempDir())
	good := take(t, s, testMeta())
	raw, err := os.ReadFile(s.Path(good.ID))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		damage func() error
		entry  func(*api.Backup)
		want   Kind
	}{
		{name: "nothing"},
		{name: "deleted", damage: func() error { return s.Damage(good.ID, DamageDelete) }, want: Missing},
		{name: "truncated", damage: func() error { return s.Damage(good.ID, DamageTruncate) }, want: Truncated},
		{name: "flipped", damage: func() error { return s.Damage(good.ID, DamageFlip) }, want: Corrupt},
		{name: "flipped in the format's version", damage: func() error { return s.replaceByte(good.ID, len(magic)+3, 9) }, want: Corrupt},
		{name: "flipped in the magic", damage: func() error { return s.replaceByte(good.ID, 0, 'x') }, want: Corrupt},
		{name: "flipped in the last byte", damage: func() error { return s.replaceByte(good.ID, len(raw)-1, raw[len(raw)-1]^1) }, want: Corrupt},
		{name: "longer", damage: func() error { return os.WriteFile(s.Path(good.ID), append(slices.Clone(raw), 0), 0o600) }, want: Corrupt},
		{name: "other digest", entry: func(b *api.Backup) { b.SHA256 = strings.Repeat("0", 64) }, want: Corrupt},
		{name: "other revision", entry: func(b *api.Backup) { b.Revision++ }, want: Corrupt},
		{name: "other keys", entry: func(b *api.Backup) { b.Keys-- }, want: Corrupt},
		{name: "larger database", entry: func(b *api.Backup) { b.DatabaseBytes += 4096 }, want: Corrupt},
		{name: "smaller database", entry: func(b *api.Backup) { b.DatabaseBytes -= 4096 }, want: Corrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(s.Path(good.ID), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			entry := good
			if tt.damage != nil {
				if err := tt.damage(); err != nil {
					t.Fatal(err)
				}
			}
			if tt.entry != nil {
				tt.entry(&entry)
			}
			before := files(t, s.dir)
			if got := kindOf(t, s.Verify(t.Context(), entry)); got != tt.want {
				t.Errorf("Verify: %q, want %q", got, tt.want)
			}
			path := filepath.Join(t.TempDir(), "snapshot.db")
			err := s.Extract(t.Context(), entry, path)
			if strings.HasPrefix(tt.name, "other re") || strings.HasPrefix(tt.name, "other k") {
				tt.want = "" // which only the database knows
			}
			if got := kindOf(t, err); got != tt.want {
				t.Errorf("Extract: %q, want %q", got, tt.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); (len(left) == 0) != (err != nil) {
				t.Errorf("Extract left %v", left)
			}
			if d := cmp.Diff(before, files(t, s.dir)); d != "" {
				t.Errorf("the store has changed: %s", d)
			}
		})
	}
}

func (s *Store) replaceByte(id string, at int, b byte) error {
	f, err := os.OpenFile(s.Path(id), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte{b}, int64(at))
	return err
}

// A file under another's name, with an entry to match.
func TestVerifyFindsAnotherBackup(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := take(t, s, testMeta())
	other := b
	other.ID = "20260105T090000Z"
	if err := os.Rename(s.Path(b.ID), s.Path(other.ID)); err != nil {
		t.Fatal(err)
	}
	if got := kindOf(t, s.Verify(t.Context(), other)); got != Corrupt {
		t.Errorf("Verify: %q", got)
	}
	if _, err := s.Adopt(t.Context(), other.ID); kindOf(t, err) != Corrupt {
		t.Errorf("Adopt: %v", err)
	}
}

func TestInspectAndCheck(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := take(t, s, testMeta())
	raw, err := os.ReadFile(s.Path(b.ID))
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := OpenStore(t.TempDir(), testCluster, bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	otherCluster, err := OpenStore(t.TempDir(), "ffffff", testKey)
	if err != nil {
		t.Fatal(err)
	}
	newer := slices.Clone(raw)
	newer[len(magic)+3] = 2
	tests := []struct {
		name    string
		store   *Store
		content []byte
		want    Kind
		says    string
	}{
		{"good", s, raw, "", ""},
		{"wrong key", otherKey, raw, WrongKey, "sealed with the key " + s.keyID},
		{"wrong cluster", otherCluster, raw, WrongCluster, `belongs to the cluster "0a1b2c", and this is "ffffff"`},
		{"newer", s, newer, NewerFormat, "written by a newer version of demarc (format 2; this one reads 1)"},
		{"text", s, []byte("hello, this is some text"), NotABackup, "f.backup is not a backup"},
		{"empty", s, nil, Truncated, "ends after 0 bytes"},
		{"no file", s, []byte("none"), Missing, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.backup")
			if string(tt.content) != "none" {
				if err := os.WriteFile(path, tt.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h, err := tt.store.Inspect(path)
			if got := kindOf(t, err); got != tt.want {
				t.Errorf("Inspect: %q, want %q", got, tt.want)
			}
			if tt.want == "" || tt.want == WrongKey || tt.want == WrongCluster {
				if h.ID != b.ID || !h.At.Equal(b.At) || h.ClusterID != testCluster {
					t.Errorf("header: %+v", h)
				}
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			got, err := tt.store.Check(t.Context(), path)
			if kind := kindOf(t, err); kind != tt.want {
				t.Errorf("Check: %q, want %q", kind, tt.want)
			}
			if err == nil && got.SHA256 != b.SHA256 {
				t.Errorf("Check: %+v", got)
			}
		})
	}
}

func TestRemoveAndIDs(t *testing.T) {
	s := openStore(t, t.TempDir())
	take(t, s, Meta{ID: "b"})
	take(t, s, Meta{ID: "a-manual"})
	for _, name := range []string{"readme.txt", ".backup", "x y.backup"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"a-manual", "b"}, s.IDs()); d != "" {
		t.Error(d)
	}
	if err := s.Remove("b"); err != nil {
		t.Error(err)
	}
	if got := kindOf(t, s.Remove("b")); got != Missing {
		t.Errorf("Remove twice: %q", got)
	}
	if d := cmp.Diff([]string{"a-manual"}, s.IDs()); d != "" {
		t.Error(d)
	}
}

// No ID leads out of the store.
func TestStrangeIDs(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, id := range []string{"", ".", "../x", "a/b", `a\b`, "a b", "a\x00", strings.Repeat("a", 129)} {
		_, taken := s.Take(t.Context(), fakeSource{stream: takeSample(t).stream}, Meta{ID: id})
		_, adopted := s.Adopt(t.Context(), id)
		for _, err := range []error{
			taken, adopted, s.Remove(id), s.Damage(id, DamageFlip),
			s.Verify(t.Context(), api.Backup{ID: id}), s.Extract(t.Context(), api.Backup{ID: id}, filepath.Join(t.TempDir(), "x")),
		} {
			if err == nil || !strings.Contains(err.Error(), "is not the ID of a backup") {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

func TestOpenStoreRefuses(t *testing.T) {
	if _, err := OpenStore(t.TempDir(), testCluster, testKey[:31]); err == nil {
		t.Error("a short key")
	}
	if _, err := OpenStore(t.TempDir(), "", testKey); err == nil {
		t.Error("no cluster")
	}
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "deep", "store"))
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info, err)
	}
	if err := s.Damage("20260105T090000Z", "fire"); err == nil || !strings.Contains(err.Error(), DamageTruncate) {
		t.Error(err)
	}
}

func TestTrailer(t *testing.T) {
	stream := takeSample(t).stream[:4096]
	sum := sha256.Sum256(stream)
	stream = append(slices.Clone(stream), sum[:]...)
	for _, step := range []int{1, 7, 31, 32, 33, 64, 100, 4095, 4096, 4128} {
		tr := newTrailer()
		for c := range slices.Chunk(stream, step) {
			if n, err := tr.Write(c); n != len(c) || err != nil {
				t.Fatal(n, err)
			}
		}
		if _, err := tr.check(); err != nil || tr.n != 4096 {
			t.Errorf("in steps of %d: %v, %d bytes", step, err, tr.n)
		}
	}
}

func TestTooLarge(t *testing.T) {
	if err := new(Store).pump(bytes.NewReader(make([]byte, 100)), 100, io.Discard); err != nil {
		t.Error(err)
	}
	if err := new(Store).pump(bytes.NewReader(make([]byte, 101)), 100, io.Discard); err == nil {
		t.Error("took more than the limit")
	}
}
