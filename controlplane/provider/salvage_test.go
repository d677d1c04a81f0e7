package provider

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// harms are what can happen to a file.
func harms(size int64) map[string]func([]byte) []byte {
	all := map[string]func([]byte) []byte{
		"deleted": nil,
		"emptied": func([]byte) []byte { return []byte{} },
		"halved":  func(b []byte) []byte { return b[:len(b)/2] },
		"garbled": func(b []byte) []byte {
			return bytes.Repeat([]byte("garbage!"), len(b)/8+1)[:len(b)]
		},
	}
	rng := rand.New(rand.NewPCG(uint64(size), 7))
	for range min(25, size) {
		at, bit := rng.Int64N(size), rng.IntN(8)
		all[fmt.Sprintf("bit %d of byte %d flipped", bit, at)] = func(b []byte) []byte {
			b[at] ^= 1 << bit
			return b
		}
	}
	return all
}

func harm(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	if change == nil {
		must(t, os.Remove(path))
		return
	}
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(b), 0o600))
}

// Whatever happens to a file of one replica: the plane opens, knows all that it
// knew, and all replicas come to know the same.
func TestDamagedFileOfOneReplica(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound")
	synctest.Test(t, func(t *testing.T) { must(t, copyDir(sound, filled(t))) })
	victim := filepath.Join(sound, "replica-1")
	err := filepath.WalkDir(victim, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		must(t, err)
		name, _ := filepath.Rel(sound, path)
		for how, change := range harms(info.Size()) {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dir := filepath.Join(t.TempDir(), "replicas")
					must(t, copyDir(dir, sound))
					harm(t, filepath.Join(dir, name), change)
					p := openPlane(t, dir)
					defer p.close()
					p.waitLeader(30 * time.Second)
					p.put("b")
					p.has("a", "b")
					if got := p.State().Cluster.EtcdMembers; got != snapshotEvery+keepEntries-1 {
						t.Errorf("what was in the snapshot: got %d", got)
					}
					p.settled()
				})
			})
		}
		return nil
	})
	must(t, err)
}

// The files of two replicas are damaged: what the third knows is known.
func TestMajorityDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filled(t)
		must(t, os.RemoveAll(filepath.Join(dir, "replica-0")))
		must(t, os.Truncate(filepath.Join(dir, "replica-2", logFile), 100))
		for range 2 { // the second time nothing is damaged
			p := openPlane(t, dir)
			p.waitLeader(time.Second)
			p.put("b")
			p.has("a", "b")
			p.settled()
			p.close()
		}
		if _, err := os.Stat(filepath.Join(dir, "replica-2"+damagedSuffix, logFile)); err != nil {
			t.Errorf("the evidence is gone: %v", err)
		}
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			must(t, err)
			info, err := e.Info()
			must(t, err)
			if path != dir && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, snapshotsDir) {
				t.Errorf("%s: others may read it: %s", path, info.Mode())
			}
			return nil
		})
	})
}

// All memory is lost: the plane begins anew, and says so.
func TestAllDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filled(t)
		for i := range Count {
			harm(t, filepath.Join(dir, fmt.Sprintf("replica-%d", i), logFile), func(b []byte) []byte { return b[:len(b)/2] })
		}
		p := openPlane(t, dir)
		defer p.close()
		p.waitLeader(30 * time.Second)
		p.put("b")
		p.has("b")
		p.settled()
		for i := range Count {
			if !p.noted(fmt.Sprintf("%d %s", i, Forgotten)) {
				t.Errorf("nobody said that replica %d has lost its memory", i)
			}
			if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("replica-%d%s", i, damagedSuffix))); err != nil {
				t.Errorf("the evidence is gone: %v", err)
			}
		}
	})
}
