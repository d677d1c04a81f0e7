package controlplane

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/disk/disktest"
	"demarc/sim/etcdplan"
)

// threeMembers are those of a cluster, as the database of one of them has them.
var threeMembers = map[string]string{
	"a": `{"id":1,"peerURLs":["http://127.0.0.1:4001"],"name":"etcd-0"}`,
	"b": `{"id":2,"peerURLs":["http://127.0.0.1:4002"],"name":"etcd-1"}`,
	"c": `{"id":3,"peerURLs":["http://127.0.0.1:4003"],"name":"etcd-2"}`,
}

// memberData writes a member's database that has some members.
func memberData(t *testing.T, dir string, members map[string]string) {
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
		for id, member := range members {
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
			memberData(t, memberDir(dir, 1), threeMembers) // the others have none any more
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

// Without its file, a member that was being replaced is known by what the others remember:
// somebody must give it its vote, or replace it again.
func TestLearnerOfALostTopology(t *testing.T) {
	with := func(first string) map[string]string {
		m := maps.Clone(threeMembers)
		delete(m, "a")
		m["d"] = first
		return m
	}
	const (
		added    = `{"id":4,"peerURLs":["http://127.0.0.1:4001"],"isLearner":true}`
		started  = `{"id":4,"peerURLs":["http://127.0.0.1:4001"],"isLearner":true,"name":"etcd-0"}`
		promoted = `{"id":4,"peerURLs":["http://127.0.0.1:4001"],"name":"etcd-0"}`
	)
	for _, tt := range []struct {
		how  string
		data []map[string]string
		want []int
	}{
		{"all vote", []map[string]string{threeMembers, threeMembers, threeMembers}, nil},
		{"it was never started", []map[string]string{nil, with(added), with(added)}, []int{0}},
		{"it has started", []map[string]string{with(started), with(started), with(started)}, []int{0}},
		{"one member was away", []map[string]string{with(started), threeMembers, with(started)}, []int{0}},
		{"one member has not heard of its vote", []map[string]string{with(promoted), with(started), with(promoted)}, nil},
	} {
		t.Run(tt.how, func(t *testing.T) {
			dir := t.TempDir()
			for i, members := range tt.data {
				if members != nil {
					memberData(t, memberDir(dir, i), members)
				}
			}
			got, err := loadPlan(filepath.Join(dir, "etcd.json"), dir, 3, func(api.Mended) {})
			if err != nil || !slices.Equal(got.Learning, tt.want) || !slices.Equal(got.Ports, []int{4001, 4002, 4003}) {
				t.Errorf("got %+v, %v; want %v learning", got, err, tt.want)
			}
		})
	}
}
