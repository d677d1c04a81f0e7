package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/sim/api"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// extracted is the plain snapshot of the sample, and its backup.
func extracted(tb testing.TB) (string, api.Backup) {
	tb.Helper()
	s := openStore(tb, tb.TempDir())
	b := take(tb, s, testMeta())
	path := filepath.Join(tb.TempDir(), "snapshot.db")
	if err := s.Extract(tb.Context(), b, path); err != nil {
		tb.Fatal(err)
	}
	return path, b
}

// From one etcd into another: every byte is there, what came after the backup
// is not, and no revision is given out twice.
func TestBackupAndRestore(t *testing.T) {
	old, stop := startEtcd(t, filepath.Join(t.TempDir(), "etcd"), testPeer)
	rng := rand.New(rand.NewPCG(1, 1))
	values := map[string][]byte{}
	for i := range 50 {
		key := fmt.Sprintf("/registry/configmaps/c%d", i)
		values[key] = halfRandom(rng, 1+rng.IntN(8<<10))
		put(t, old, key, values[key])
	}
	deleted, err := old.Delete(t.Context(), "/registry/configmaps/c7")
	if err != nil {
		t.Fatal(err)
	}
	delete(values, "/registry/configmaps/c7")

	s := openStore(t, t.TempDir())
	b, err := s.Take(t.Context(), ClientSource(old, "etcd"), testMeta())
	if err != nil {
		t.Fatal(err)
	}
	if b.Revision != deleted.Header.Revision || b.Keys != int64(len(values)) || !strings.HasPrefix(b.EtcdVersion, "3.7.") {
		t.Errorf("backup: %+v", b)
	}
	last := put(t, old, "/registry/configmaps/c1", []byte("after the backup"))
	oldID := deleted.Header.ClusterId
	stop()

	data := filepath.Join(t.TempDir(), "deep", "etcd")
	members := []Member{{Name: "etcd", DataDir: data, PeerURL: testPeer}}
	if err := s.Restore(t.Context(), b, members, RestoreOptions{ClusterToken: "restore-1"}); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(data)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	client, _ := startEtcd(t, data, testPeer)
	all, err := client.Get(t.Context(), "/registry/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if int(all.Count) != len(values) {
		t.Errorf("%d keys, want %d", all.Count, len(values))
	}
	for _, kv := range all.Kvs {
		if !bytes.Equal(kv.Value, values[string(kv.Key)]) {
			t.Errorf("%s has another value", kv.Key)
		}
	}
	if all.Header.ClusterId == oldID {
		t.Error("the new cluster has the old one's ID")
	}
	if got, want := all.Header.Revision, b.Revision+DefaultRevisionBump; got != want {
		t.Errorf("revision %d, want %d", got, want)
	}
	watchFails(t, client, last)
	if rev := put(t, client, "/new", nil); rev != b.Revision+DefaultRevisionBump+1 {
		t.Errorf("the next revision is %d", rev)
	}
	// The new cluster can be backed up and restored in its turn.
	second, err := s.Take(t.Context(), ClientSource(client, "etcd"), Meta{ID: "20260105T090000Z"})
	if err != nil {
		t.Fatal(err)
	}
	if second.Revision <= DefaultRevisionBump {
		t.Errorf("revision %d", second.Revision)
	}
}

// watchFails says that a watch from a revision is told that it is compacted.
func watchFails(t *testing.T, client *clientv3.Client, rev int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp := <-client.Watch(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(rev))
	if !errors.Is(resp.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a watch from revision %d: %v, want %v", rev, resp.Err(), rpctypes.ErrCompacted)
	}
}

func TestRestoreThreeMembers(t *testing.T) {
	path, _ := extracted(t)
	dir := t.TempDir()
	var members []Member
	for i := range 3 {
		members = append(members, Member{
			Name: fmt.Sprint("etcd-", i), DataDir: filepath.Join(dir, fmt.Sprint("etcd-", i)), PeerURL: fmt.Sprintf("http://127.0.0.1:%d", 2380+i),
		})
	}
	if err := os.MkdirAll(filepath.Join(members[1].staging(), "leftover"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := restore(t.Context(), path, members, RestoreOptions{ClusterToken: "t"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for path := range files(t, dir) {
		if strings.HasSuffix(path, "member/snap/db") {
			got = append(got, path)
		}
	}
	want := []string{"etcd-0/member/snap/db", "etcd-1/member/snap/db", "etcd-2/member/snap/db"}
	if d := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); d != "" {
		t.Error(d)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

// A restore that fails leaves nothing, and touches nothing that was there.
func TestRestoreFails(t *testing.T) {
	path, _ := extracted(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	one := func(dir string) []Member {
		return []Member{{Name: "a", DataDir: filepath.Join(dir, "a"), PeerURL: testPeer}}
	}
	tests := []struct {
		name    string
		ctx     context.Context
		snap    func([]byte) []byte
		members func(dir string) []Member
		token   string
		want    string
	}{
		{name: "no member", members: func(string) []Member { return nil }, want: "has no member"},
		{name: "no token", token: "none", want: "has no token"},
		{name: "one name twice", members: func(dir string) []Member {
			return append(one(dir), Member{Name: "a", DataDir: filepath.Join(dir, "b"), PeerURL: "http://127.0.0.1:2381"})
		}, want: "another member's"},
		{name: "the second has a bad URL", members: func(dir string) []Member {
			return append(one(dir), Member{Name: "b", DataDir: filepath.Join(dir, "b"), PeerURL: "nowhere"})
		}, want: "member a"},
		{name: "exists", members: func(string) []Member {
			return []Member{{Name: "a", DataDir: filepath.Dir(path), PeerURL: testPeer}}
		}, want: "exists: move it away first"},
		{name: "cancelled", ctx: cancelled, want: "canceled"},
		{name: "cut short", snap: func(b []byte) []byte { return b[:len(b)/2] }, want: "cut short"},
		{name: "text", snap: func([]byte) []byte { return []byte("hello") }, want: "meta page"},
		{name: "no keys", snap: func([]byte) []byte { return emptyDatabase(t) }, want: "bucket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, ctx, snap, members, token := t.TempDir(), tt.ctx, path, tt.members, tt.token
			if ctx == nil {
				ctx = t.Context()
			}
			if tt.snap != nil {
				snap = filepath.Join(t.TempDir(), "bad.db")
				if err := os.WriteFile(snap, tt.snap(bytes.Clone(raw)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if members == nil {
				members = one
			}
			if token == "" {
				token = "t"
			} else {
				token = ""
			}
			err := restore(ctx, snap, members(dir), RestoreOptions{ClusterToken: token})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if left := files(t, dir); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// emptyDatabase is a snapshot of a database that is sound but not etcd's.
func emptyDatabase(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return withHash(t, path)
}

func TestRevisionBump(t *testing.T) {
	tests := []struct {
		backup, seen int64
		want         uint64
	}{
		{100, 0, 1e9},
		{100, 100, 1e9},
		{100, 150, 1e9 + 50},
		{1e9 + 100, 500, 1e9},
		{100, 1e9 + 5000, 2e9 + 4900},
	}
	for _, tt := range tests {
		if got := RevisionBump(api.Backup{Revision: tt.backup}, tt.seen); got != tt.want {
			t.Errorf("RevisionBump(%d, %d) = %d, want %d", tt.backup, tt.seen, got, tt.want)
		}
	}
}

// What would end the process comes back as an error.
func TestGuarded(t *testing.T) {
	cause := errors.New("no space")
	tests := map[string]struct {
		f    func(*zap.Logger) error
		want string
	}{
		"nothing": {func(*zap.Logger) error { return nil }, ""},
		"error":   {func(*zap.Logger) error { return cause }, "no space"},
		"panic":   {func(*zap.Logger) error { panic("at the disk") }, "at the disk"},
		"fatal":   {func(log *zap.Logger) error { log.Fatal("commit", zap.Error(cause)); return nil }, "commit: no space"},
		"logged panic": {func(log *zap.Logger) error {
			log.Panic("open", zap.String("path", "x"), zap.Error(cause))
			return nil
		}, "open: no space"},
		"fatal in the background": {func(log *zap.Logger) error {
			var never chan struct{}
			go log.Fatal("begin")
			<-never
			return nil
		}, "begin"},
	}
	for name, tt := range tests {
		err := guarded(nil, tt.f)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A damaged backup is told as such, and leaves nothing.
func TestRestoreOfADamagedBackup(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := take(t, s, testMeta())
	dir := t.TempDir()
	members := []Member{{Name: "a", DataDir: filepath.Join(dir, "a"), PeerURL: testPeer}}
	for how, want := range map[string]Kind{DamageFlip: Corrupt, DamageTruncate: Truncated, DamageDelete: Missing} {
		s.Remove(b.ID)
		b = take(t, s, testMeta())
		if err := s.Damage(b.ID, how); err != nil {
			t.Fatal(err)
		}
		if got := kindOf(t, s.Restore(t.Context(), b, members, RestoreOptions{ClusterToken: "t"})); got != want {
			t.Errorf("%s: %q, want %q", how, got, want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	}
	if err := s.Restore(t.Context(), b, nil, RestoreOptions{}); err == nil {
		t.Error("restored no member")
	}
}

// A data directory that appears meanwhile is not touched, and the others go.
func TestPublishAllOrNone(t *testing.T) {
	dir := t.TempDir()
	a, b := Member{Name: "a", DataDir: filepath.Join(dir, "a")}, Member{Name: "b", DataDir: filepath.Join(dir, "b")}
	for _, d := range []string{a.staging(), b.staging(), filepath.Join(b.DataDir, "member")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish([]Member{a, b}); err == nil || !strings.Contains(err.Error(), "member b") {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(a.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first data directory: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.DataDir, "member")); err != nil {
		t.Error(err)
	}
}

// A member that nobody hears gives no backup.
func TestSourceIsGone(t *testing.T) {
	client, stop := startEtcd(t, filepath.Join(t.TempDir(), "etcd"), testPeer)
	endpoint := client.Endpoints()
	stop()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoint, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := openStore(t, t.TempDir())
	if _, err := s.Take(ctx, ClientSource(client, "etcd"), testMeta()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want %v", err, context.DeadlineExceeded)
	}
	if left := files(t, s.dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
