package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// withHash is the snapshot of the database at path.
func withHash(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// varied is the snapshot of a small database that has everything that bbolt
// knows: branches, large values, buckets within pages and of their own, free
// pages and their list.
func varied(tb testing.TB) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: 4096, NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	fill := func(n, size int) {
		err := db.Update(func(tx *bolt.Tx) error {
			for _, name := range []string{"key", "meta", "alarm"} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil || name == "alarm" {
					return err
				}
				for i := range n {
					rev := make([]byte, 17)
					binary.BigEndian.PutUint64(rev, uint64(i+1))
					rev[8] = '_'
					if err := b.Put(rev, make([]byte, size)); err != nil {
						return err
					}
				}
				n, size = 2, 20
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	fill(100, 100)
	fill(100, 0)
	fill(3, 10<<10)
	fill(600, 5)
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	return withHash(tb, path)
}

func TestPagesOfSoundDatabases(t *testing.T) {
	for name, b := range map[string][]byte{"etcd's": takeSample(t).stream, "varied": varied(t), "empty": emptyDatabase(t)} {
		path := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkPages(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// change is a number in a page that is set to another.
type change struct {
	page, offset int
	size         int // bytes
	value        uint64
}

// Each of these would make bbolt run out of the file, or round in circles.
func TestPagesOfDamagedDatabases(t *testing.T) {
	sound := varied(t)
	root, leaf, branch, free := landmarks(t, sound)
	count := uint64(len(sound) / 4096)
	tests := []struct {
		name   string
		change change
		want   string
	}{
		{"identity", change{leaf, 0, 8, 99}, "says that it is page 99"},
		{"type", change{leaf, 8, 2, 7}, "is of the type 0x7"},
		{"no type", change{branch, 8, 2, 0}, "is of the type 0x0"},
		{"too many elements", change{leaf, 10, 2, 0xffff}, "more than fits"},
		{"an empty branch", change{branch, 10, 2, 0}, "with 0 elements"},
		{"too long", change{leaf, 12, 4, 0xffffffff}, "outside"},
		{"over another", change{leaf, 12, 4, 1}, "used twice"},
		{"the key's position", change{leaf, 16 + 4, 4, 0xffffffff}, "not in the page"},
		{"the key's size", change{leaf, 16 + 8, 4, 5000}, "not in the page"},
		{"an empty key", change{leaf, 16 + 8, 4, 0}, "not in the page"},
		{"the value's size", change{leaf, 16 + 12, 4, 0x7fffffff}, "not in the page"},
		{"a branch's key", change{branch, 16, 4, 4096}, "not in the page"},
		{"a child outside", change{branch, 16 + 8, 8, count}, "outside"},
		{"a child far outside", change{branch, 16 + 8, 8, 1 << 63}, "outside"},
		{"a meta page as a child", change{branch, 16 + 8, 8, 1}, "outside"},
		{"itself as a child", change{branch, 16 + 8, 8, uint64(branch)}, "used twice"},
		{"a leaf twice", change{branch, 16 + 16 + 8, 8, uint64(leaf)}, "used twice"},
		{"a bucket where none is", change{leaf, 16, 4, 1}, "a bucket in page"},
		{"a bucket within", change{root, 16 + 12, 4, 20}, "a bucket in page"},
		{"a leaf's order", change{leaf, 16 + 16 + 4, 4, 0}, "out of order"},
		{"a leaf below its branch's key", change{branch, 16, 4, 0x40}, "out of order"},
		{"the free list's type", change{free, 8, 2, 2}, "not a list of free pages"},
		{"the free list's length", change{free, 10, 2, 0xfffe}, "is not whole"},
		{"the free list's other length", change{free, 10, 2, 0xffff}, "integrity check failed"},
		{"a used page is free", change{free, 16, 8, uint64(leaf)}, "used twice"},
		{"the magic", change{0, 16, 4, 1}, "meta page at byte 0"},
		{"a meta page's sum", change{1, 16 + 40, 8, 5}, "meta page at byte 4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := append([]byte(nil), sound...)
			apply(b, tt.change)
			path := filepath.Join(t.TempDir(), "db")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := checkDatabase(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

func apply(b []byte, c change) {
	at := b[c.page*4096+c.offset:]
	switch c.size {
	case 2:
		binary.NativeEndian.PutUint16(at, uint16(c.value))
	case 4:
		binary.NativeEndian.PutUint32(at, uint32(c.value))
	case 8:
		binary.NativeEndian.PutUint64(at, c.value)
	}
}

// landmarks finds the root page, a leaf with keys below a branch, that branch,
// and the list of free pages.
func landmarks(tb testing.TB, b []byte) (root, leaf, branch, free int) {
	tb.Helper()
	meta := b
	if binary.NativeEndian.Uint64(b[4096+16+48:]) > binary.NativeEndian.Uint64(b[16+48:]) {
		meta = b[4096:]
	}
	root = int(binary.NativeEndian.Uint64(meta[16+16:]))
	free = int(binary.NativeEndian.Uint64(meta[16+32:]))
	// The bucket of the keys is the second of the root's three.
	e := b[root*4096+16+16:]
	value := root*4096 + 32 + int(binary.NativeEndian.Uint32(e[4:])+binary.NativeEndian.Uint32(e[8:]))
	branch = int(binary.NativeEndian.Uint64(b[value:]))
	leaf = int(binary.NativeEndian.Uint64(b[branch*4096+16+8:]))
	if binary.NativeEndian.Uint16(b[branch*4096+8:]) != branchPage || binary.NativeEndian.Uint16(b[leaf*4096+8:]) != leafPage {
		tb.Fatal("the landmarks are not where they were looked for")
	}
	return root, leaf, branch, free
}

// A meta page that is whole but lies about how many pages there are.
func TestPagesAreCutShort(t *testing.T) {
	b := varied(t)
	for page := range 2 {
		apply(b, change{page, 16 + 40, 8, 1 << 40})
		sum := fnv.New64a()
		sum.Write(b[page*4096+16:][:metaSummed])
		apply(b, change{page, 16 + metaSummed, 8, sum.Sum64()})
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkPages(path); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Error(err)
	}
}

// FuzzDatabase changes a database as a bad disk would. Etcd's tools may refuse
// what comes of it, but must not end the process, neither looking at it nor
// restoring it.
func FuzzDatabase(f *testing.F) {
	sound := varied(f)
	root, leaf, branch, free := landmarks(f, sound)
	for _, page := range []int{root, leaf, branch, free, 0, 1} {
		for _, offset := range []int{0, 8, 10, 12, 16, 20, 24, 28, 32, 40} {
			f.Add(uint(page*4096+offset), uint32(0xffff), uint(page*4096+offset+2), uint32(1))
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, at uint, value uint32, at2 uint, value2 uint32) {
		b := append([]byte(nil), sound[:len(sound)-sha256.Size]...)
		binary.NativeEndian.PutUint32(b[at%uint(len(b)-4):], value)
		binary.NativeEndian.PutUint32(b[at2%uint(len(b)-4):], value2)
		sum := sha256.Sum256(b)
		path := filepath.Join(dir, fmt.Sprint("db-", os.Getpid()))
		if err := os.WriteFile(path, append(b, sum[:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		status, err := checkDatabase(path)
		if err == nil && status.TotalSize != int64(len(b)) {
			t.Errorf("status: %+v", status)
		}
		data := filepath.Join(dir, fmt.Sprint("etcd-", os.Getpid()))
		if restore(t.Context(), path, []Member{{Name: "etcd", DataDir: data, PeerURL: testPeer}}, RestoreOptions{ClusterToken: "t"}) == nil {
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
		}
	})
}
