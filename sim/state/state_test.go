package state

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/disk/disktest"
)

var (
	began = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	spec  = api.ClusterSpec{Name: "demarc", Nodes: 5, Start: began, EtcdMembers: 3}
	// asked is what `demarc up` says by default, at another time.
	asked = api.ClusterSpec{Name: "demarc", Nodes: 3, Start: began.Add(24 * time.Hour)}
)

// lived makes the records of a cluster that has lived for a while, and has data.
func lived(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Create(dir, spec, true)
	if err != nil {
		t.Fatal(err)
	}
	s.Starting, s.Port = false, 6443
	must(t, s.SaveOrigin(dir, true))
	for n := range int64(2) {
		s.Now, s.LastEvent = began.Add(time.Duration(n+1)*time.Hour), n
		must(t, s.Save(dir, true))
	}
	must(t, os.MkdirAll(filepath.Join(dir, "etcd", "0", "member"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "etcd.json"), []byte(`{"token": "x", "formed": [true, true, true]}`), 0o600))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever happens to a record, the cluster is known, and what was lost is said.
func TestDamagedRecords(t *testing.T) {
	damages := append(disktest.All(rand.New(rand.NewPCG(1, 0)), 10),
		disktest.Changed("in the year 2826", func(text []byte) []byte { // still JSON
			return bytes.Replace(text, []byte(`"now":"2026`), []byte(`"now":"2826`), 1)
		}))
	for _, damage := range damages {
		for _, tt := range []struct {
			files []string
			now   time.Time
			nodes int
		}{
			{nil, began.Add(2 * time.Hour), 5},
			{[]string{file}, began.Add(time.Hour), 5},
			{[]string{file, previous}, began, 5},
			{[]string{file, previous, origin}, asked.Start, 3},
		} {
			t.Run(damage.Name+" "+strings.Join(tt.files, " "), func(t *testing.T) {
				dir := lived(t)
				for _, f := range tt.files {
					disktest.Harm(t, filepath.Join(dir, f), damage)
				}
				if !Exists(dir) {
					t.Error("the cluster is taken for a new one")
				}
				l, err := Load(dir, asked)
				must(t, err)
				if l.State == nil || !l.Now.Equal(tt.now) || l.Cluster.Nodes != tt.nodes || l.Cluster.EtcdMembers != 3 || l.Starting {
					t.Errorf("got %+v, want a cluster of %d nodes and 3 etcd members at %v", l.State, tt.nodes, tt.now)
				}
				if (len(l.Mended) > 0) != (len(tt.files) > 0) {
					t.Errorf("said: %v", l.Mended)
				}
			})
		}
	}
}

func TestNoCluster(t *testing.T) {
	dir := t.TempDir()
	if l, err := Load(dir, asked); err != nil || l.State != nil || Exists(dir) {
		t.Errorf("got %+v, %v", l, err)
	}
}

// A cluster that was killed before its first start had come to its end goes on
// with it.
func TestFirstStartInterrupted(t *testing.T) {
	dir := t.TempDir()
	_, err := Create(dir, spec, true)
	must(t, err)
	l, err := Load(dir, asked)
	must(t, err)
	if l.State == nil || !l.Starting || l.Cluster.Nodes != 5 || len(l.Mended) > 0 {
		t.Errorf("got %+v and %v", l.State, l.Mended)
	}
}

func TestStateOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, file), []byte(`{
  "cluster": {"name": "demarc", "nodes": 4, "edition": "2019-04", "start": "2026-01-05T08:00:00Z", "seed": 1},
  "now": "2026-01-05T09:00:00Z",
  "port": 6443
}`), 0o600))
	l, err := Load(dir, asked)
	must(t, err)
	if l.State == nil || l.Port != 6443 || l.Cluster.Nodes != 4 || l.Starting || len(l.Mended) > 0 {
		t.Errorf("got %+v and %v", l.State, l.Mended)
	}
}

// While the disk is full the last state stays, and the next try succeeds.
func TestSaveOnAFullDisk(t *testing.T) {
	dir := lived(t)
	s := &State{Cluster: spec, Now: began.Add(3 * time.Hour)}
	end := disk.Interpose(func(_ disk.Operation, _ string, n int) (int, error) { return n / 2, syscall.ENOSPC })
	defer end()
	for range 3 {
		if s.Save(dir, true) == nil {
			t.Fatal("it was saved")
		}
	}
	if l, err := Load(dir, asked); err != nil || !l.Now.Equal(began.Add(2*time.Hour)) || len(l.Mended) > 0 {
		t.Errorf("while it is full: got %+v, %v", l, err)
	}
	end()
	must(t, s.Save(dir, true))
	if l, err := Load(dir, asked); err != nil || !l.Now.Equal(s.Now) {
		t.Errorf("afterwards: got %+v, %v", l, err)
	}
}

// A clock resumes behind everything that any record knows of.
func TestResume(t *testing.T) {
	s := &State{Now: began}
	for _, tt := range []struct {
		others []time.Time
		want   time.Time
	}{
		{nil, began.Add(Interval)},
		{[]time.Time{{}, began.Add(-time.Hour)}, began.Add(Interval)},
		{[]time.Time{began.Add(time.Hour), began.Add(2 * time.Hour)}, began.Add(2*time.Hour + time.Second)},
	} {
		if got := s.Resume(tt.others...); !got.Equal(tt.want) {
			t.Errorf("with %v: got %v, want %v", tt.others, got, tt.want)
		}
	}
}

func TestLook(t *testing.T) {
	for path, any := range map[string]bool{
		"logs/engine.log": false, "pki/ca.key": false, "backups/work/x": false,
		"etcd/0/member/snap/db": true, "etcd.lost/0/member/snap/db": true, "etcd.lost/20260105T083000Z/0/member/snap/db": true, "backups/20260105T083000Z.backup": true,
		"provider/replicas/formed": true, "provider/replicas/replica-0/raft.db": true,
	} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, path), []byte("12345"), 0o600))
		d, err := Look(dir)
		if err != nil || d.Any() != any || d.Bytes != 5 || (d.Backups > 0) != (d.Newest != time.Time{}) {
			t.Errorf("%s: got %+v, %v, want any %t", path, d, err, any)
		}
	}
}

// A cluster is found also where its path looks like a pattern, and behind links.
func TestLookBehindLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work [1]*", "data")
	for _, path := range []string{"etcd/0/member/snap/db", "store/20260105T083000Z.backup"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, path), []byte("12345"), 0o600))
	}
	must(t, os.Symlink("store", filepath.Join(dir, "backups")))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	for _, at := range []string{dir, link} {
		if d, err := Look(at); err != nil || !d.Etcd || d.Backups != 1 || d.Newest.IsZero() || d.Bytes != 10 {
			t.Errorf("%s: got %+v, %v", at, d, err)
		}
	}
}
