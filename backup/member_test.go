package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/wal"

	"demarc/sim/disk/disktest"
)

const memberKeys = 60

// stoppedMember is the data directory of a member that was stopped in good order,
// with small segments of the log.
func stoppedMember(t *testing.T, clean bool) string {
	t.Helper()
	before := wal.SegmentSizeBytes
	wal.SegmentSizeBytes = 256 << 10
	t.Cleanup(func() { wal.SegmentSizeBytes = before })
	dir := filepath.Join(t.TempDir(), "0")
	client, stop := startEtcd(t, dir, testPeer)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range memberKeys {
		put(t, client, fmt.Sprintf("/registry/pods/p%d", i), halfRandom(rng, 2<<10))
	}
	put(t, client, "/registry/secrets/large", halfRandom(rng, 30<<10))
	put(t, client, "/registry/pods/p0", []byte("again"))
	if _, err := client.Delete(t.Context(), "/registry/pods/p1"); err != nil {
		t.Fatal(err)
	}
	stop()
	if clean {
		if err := NoteSums(dir); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// memberContent is all keys that a member serves.
func memberContent(t *testing.T, dir string) string {
	t.Helper()
	client, stop := startEtcd(t, dir, testPeer)
	defer stop()
	resp, err := client.Get(t.Context(), "\x00", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, kv := range resp.Kvs {
		fmt.Fprintf(&all, "%s@%d=%s\n", kv.Key, kv.ModRevision, kv.Value)
	}
	return all.String()
}

// Whatever happens to a file of a stopped member: either it is found, or etcd
// serves all that it had.
func TestDamagedMember(t *testing.T) {
	sound := stoppedMember(t, true)
	if err := CheckMember(sound); err != nil {
		t.Fatal(err)
	}
	copyOf := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "0")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	want := memberContent(t, copyOf(t))
	found, harmless := 0, 0
	err := filepath.WalkDir(sound, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(sound, path)
		for _, damage := range disktest.All(rand.New(rand.NewPCG(3, 0)), 15) {
			t.Run(name+" "+damage.Name, func(t *testing.T) {
				dir := copyOf(t)
				disktest.Harm(t, filepath.Join(dir, name), damage)
				var damage *DamageError
				if err := CheckMember(dir); errors.As(err, &damage) {
					found++
					if strings.Contains(err.Error(), "\n") {
						t.Errorf("more than a line: %v", err)
					}
					return
				} else if err != nil {
					t.Fatalf("not a DamageError: %v", err)
				}
				harmless++
				if got := memberContent(t, dir); got != want {
					t.Errorf("the damage was not found, and the member serves something else (%d bytes of %d)", len(got), len(want))
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d damages found, %d did not matter", found, harmless)
}

// A member that was killed has no sums. What is damaged and cannot be read is
// found all the same.
func TestDamagedMemberAfterKill(t *testing.T) {
	dir := stoppedMember(t, false)
	if err := CheckMember(dir); err != nil {
		t.Fatal(err)
	}
	disktest.Harm(t, Database(dir), disktest.Changed("pages", func(b []byte) []byte {
		for page := 2; page < len(b)/4096; page++ {
			b[page*4096+9] ^= 1 // no page has such a type
		}
		return b
	}))
	var damage *DamageError
	if err := CheckMember(dir); !errors.As(err, &damage) {
		t.Errorf("got %v, want a DamageError", err)
	}
}

// What a restore makes is whole, before etcd has run on it and after.
func TestRestoredMemberIsWhole(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := take(t, s, testMeta())
	dir := filepath.Join(t.TempDir(), "0")
	if err := s.Restore(t.Context(), b, []Member{{Name: "etcd", DataDir: dir, PeerURL: testPeer}}, RestoreOptions{ClusterToken: "again"}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := CheckMember(dir); err != nil {
			t.Fatalf("after %d starts: %v", i, err)
		}
		client, stop := startEtcd(t, dir, testPeer)
		put(t, client, "/registry/pods/p0", []byte("again"))
		if _, err := client.Compact(t.Context(), put(t, client, "/registry/pods/p1", []byte("again"))); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

// An earlier version of demarc, or etcd itself, leaves the sums of an earlier stop.
func TestSumsOfAnEarlierStop(t *testing.T) {
	dir := stoppedMember(t, true)
	client, stop := startEtcd(t, dir, testPeer)
	put(t, client, "/registry/pods/later", []byte("acknowledged"))
	stop()
	if err := CheckMember(dir); err != nil {
		t.Errorf("data that is whole: %v", err)
	}
}

// What the machine refuses says nothing about the data: a cluster is not restored for
// want of memory.
func TestDamageIsNotTheMachines(t *testing.T) {
	for _, tt := range []struct {
		err    error
		damage bool
	}{
		{syscall.ENOMEM, false}, // of mmap
		{&fs.PathError{Op: "open", Path: "db", Err: syscall.EMFILE}, false},
		{fs.ErrNotExist, true},
		{&fs.PathError{Op: "readat", Path: "db", Err: errors.New("negative offset")}, true},
		{errors.New("page 7 is used twice"), true},
	} {
		var d *DamageError
		if got := errors.As(damaged("member/snap/db", tt.err), &d); got != tt.damage {
			t.Errorf("%v: damage is %t, want %t", tt.err, got, tt.damage)
		}
	}
}
