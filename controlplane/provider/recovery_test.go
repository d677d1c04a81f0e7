package provider

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/disk"
	"demarc/sim/disk/disktest"
)

// spoilings are ways in which a replica's files go wrong.
var spoilings = map[string]struct {
	spoil func(t *testing.T, dir string)
	aside bool // the damaged files are kept
}{
	"directory missing": {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, false},
	"log missing":       {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, logFile))) }, true},
	"log garbage": {func(t *testing.T, dir string) {
		must(t, os.WriteFile(filepath.Join(dir, logFile), []byte(strings.Repeat("garbage ", 9000)), 0o600))
	}, true},
	"log cut short": {func(t *testing.T, dir string) {
		must(t, os.Truncate(filepath.Join(dir, logFile), 3*int64(os.Getpagesize())))
	}, true},
	"log overwritten in the middle": {func(t *testing.T, dir string) {
		f, err := os.OpenFile(filepath.Join(dir, logFile), os.O_WRONLY, 0)
		must(t, err)
		page := int64(os.Getpagesize())
		_, err = f.WriteAt([]byte(strings.Repeat("\xff", int(30*page))), 2*page)
		must(t, err)
		must(t, f.Close())
	}, true},
	// It can still be decoded, and is another command than the others have.
	"number in an entry changed": {func(t *testing.T, dir string) {
		disktest.Harm(t, filepath.Join(dir, logFile), disktest.Changed("number", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"revision":0`), []byte(`"revision":1`)) // also in pages that are free
		}))
	}, true},
	"snapshot's description changed": {func(t *testing.T, dir string) {
		metas, err := filepath.Glob(filepath.Join(dir, snapshotsDir, "*", "meta.json"))
		must(t, err)
		for _, meta := range metas {
			disktest.Harm(t, meta, disktest.Changed("index", func(b []byte) []byte { return bytes.Replace(b, []byte(`"Index":`), []byte(`"Index":1`), 1) }))
		}
	}, true},
	"snapshots garbage": {func(t *testing.T, dir string) {
		states, err := filepath.Glob(filepath.Join(dir, snapshotsDir, "*", "state.bin"))
		must(t, err)
		if len(states) == 0 {
			t.Fatal("no snapshot to spoil")
		}
		for _, s := range states {
			must(t, os.WriteFile(s, []byte("{}"), 0o600))
		}
	}, true},
}

// filled is a directory with a plane's files: snapshots, and entries after them.
func filled(t *testing.T) string {
	dir := t.TempDir()
	p := openPlane(t, dir)
	p.waitLeader(time.Second)
	for i := range snapshotEvery + keepEntries {
		must(t, p.Apply(t.Context(), SetCluster(Cluster{EtcdMembers: i})))
	}
	time.Sleep(2*snapshotInterval + time.Second)
	p.put("a")
	p.settled()
	p.close()
	return dir
}

func TestOneDamagedReplica(t *testing.T) {
	for name, s := range spoilings {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, running=%t", name, running), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dir := filled(t)
					victim := filepath.Join(dir, "replica-1")
					if !running {
						s.spoil(t, victim)
					}
					p := openPlane(t, dir)
					defer p.close()
					p.waitLeader(30 * time.Second)
					if running {
						must(t, p.Crash(1))
						<-p.replicas[1].gone
						s.spoil(t, victim)
						must(t, p.Start(1))
						p.waitLeader(30 * time.Second)
					}
					p.put("b")
					p.settled()
					p.has("a", "b")
					within(t, time.Minute, "the replica is noted", func() bool {
						return p.noted("1 damaged") && p.noted("1 recovered")
					})
					if _, err := os.Stat(victim + disk.Damaged); s.aside != (err == nil) {
						t.Errorf("files set aside: %v, want %t", err, s.aside)
					}
					must(t, p.Crash(0)) // it counts again
					p.waitLeader(time.Minute)
					p.put("c")
				})
			})
		}
	}
}

// Two replicas know something that the third never heard; one of the two loses
// its memory. The other must lead, whoever is first to stand for election.
func TestEmptyReplicaHasNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := openPlane(t, dir)
		leader := p.waitLeader(time.Second)
		lagging, lost := (leader+1)%Count, (leader+2)%Count
		must(t, p.Crash(lagging))
		p.put("a")
		p.close()
		must(t, os.RemoveAll(p.replicas[lost].dir))

		p = openPlane(t, dir)
		p.waitLeader(time.Second)
		must(t, p.Crash(leader)) // before anything is repeated, perhaps
		time.Sleep(10 * time.Minute)
		must(t, p.Start(leader))
		p.waitLeader(time.Minute)
		p.has("a")
		p.close()

		// The same, and the one that knows is not even there: no leader then.
		p = openPlane(t, dir)
		defer p.close()
		p.waitLeader(time.Second)
		must(t, p.Crash(lagging))
		must(t, p.Cut(lost)) // it will not learn
		must(t, p.Crash(lost))
		<-p.replicas[lost].gone
		must(t, os.RemoveAll(p.replicas[lost].dir))
		must(t, p.Crash(leader))
		must(t, p.Start(lost))
		must(t, p.Start(lagging))
		must(t, p.Rejoin(lost))
		time.Sleep(time.Hour)
		if i, ok := p.Leader(); ok {
			t.Fatalf("replica %d leads by the vote of one that lost its memory", i)
		}
		if err := p.Crash(lagging); err != nil {
			t.Fatal(err)
		}
		<-p.replicas[lagging].gone
		must(t, os.RemoveAll(p.replicas[lagging].dir))
		if err := p.Start(lagging); err == nil {
			t.Error("a second replica without memory was started")
		}
	})
}

func TestFilesInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := openPlane(t, dir)
		defer p.close()
		start := time.Now()
		_, err := Open(Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("second Open: %v", err)
		}
		if d := time.Since(start); d > 2*lockTimeout {
			t.Errorf("it took %s", d)
		}
	})
}

// A crash while the plane is set up leaves some replicas without files.
func TestSetUpResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "replica-0"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "replica-0", logFile), []byte("half"), 0o600))
		p := openPlane(t, dir)
		defer p.close()
		p.waitLeader(time.Second)
		p.put("a")
		p.settled()
		if p.noted("0 damaged") {
			t.Error("a replica that was never set up is said to have lost its memory")
		}
	})
}

func TestModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := openPlane(t, dir)
		p.waitLeader(time.Second)
		p.close()
		modes := map[string]string{}
		for i := range Count {
			for _, f := range []string{"", logFile} {
				path := filepath.Join(fmt.Sprintf("replica-%d", i), f)
				info, err := os.Stat(filepath.Join(dir, path))
				must(t, err)
				modes[path] = info.Mode().String()
			}
		}
		want := map[string]string{
			"replica-0": "drwx------", "replica-0/raft.db": "-rw-------",
			"replica-1": "drwx------", "replica-1/raft.db": "-rw-------",
			"replica-2": "drwx------", "replica-2/raft.db": "-rw-------",
		}
		if d := cmp.Diff(want, modes); d != "" {
			t.Errorf("modes (-want +got):\n%s", d)
		}
	})
}
