package controlplane

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"demarc/backup"
	"demarc/controlplane/etcdplan"
	"demarc/sim/api"
	"demarc/sim/disk/disktest"
)

// memberData writes a database like that of the three members of a cluster.
func memberData(t *testing.T, dir string) {
	t.Helper()
	path := backup.Database(dir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("members"))
		for id, member := range map[string]string{
			"a": `{"id":1,"peerURLs":["http://127.0.0.1:4001"],"name":"etcd-0"}`,
			"b": `{"id":2,"peerURLs":["http://127.0.0.1:4002"],"name":"etcd-1"}`,
			"c": `{"id":3,"peerURLs":["http://127.0.0.1:4003"],"name":"etcd-2"}`,
		} {
			if err == nil {
				err = b.Put([]byte(id), []byte(member))
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Without its file, what is known of the members is found in their data: a member
// whose data is gone must not begin an empty cluster.
func TestDamagedPlan(t *testing.T) {
	whole := etcdplan.Plan{Token: "demarc-1", Ports: []int{4001, 4002, 4003}, Formed: []bool{true, true, true}}
	b, err := whole.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range disktest.All(rand.New(rand.NewPCG(7, 0)), 10) {
		t.Run(damage.Name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, etcdplan.File)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			memberData(t, memberDir(dir, 1)) // the others have none any more
			disktest.Harm(t, file, damage)
			var said []api.Mended
			got, err := loadPlan(file, dir, 3, func(m api.Mended) { said = append(said, m) })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Ports, whole.Ports) || !slices.Equal(got.Formed, whole.Formed) || len(said) != 1 {
				t.Errorf("got %+v, said %v", got, said)
			}
		})
	}
	if got, err := loadPlan(filepath.Join(t.TempDir(), etcdplan.File), t.TempDir(), 1, nil); err != nil || got.Formed[0] {
		t.Errorf("a new cluster: got %+v, %v", got, err)
	}
	dir := t.TempDir() // etcd's data is gone too, and only a backup says that it was there
	if err := os.MkdirAll(filepath.Join(dir, "backups"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "backups", "20260105T083000Z.backup"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := loadPlan(filepath.Join(dir, etcdplan.File), dir, 1, func(api.Mended) {}); err != nil || !got.Formed[0] {
		t.Errorf("with a backup: got %+v, %v", got, err)
	}
}
