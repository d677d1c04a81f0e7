package provider

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/disk"
	"demarc/sim/disk/disktest"
)

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
		name, _ := filepath.Rel(sound, path)
		for _, damage := range disktest.All(rand.New(rand.NewPCG(7, 0)), 25) {
			t.Run(name+" "+damage.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dir := filepath.Join(t.TempDir(), "replicas")
					must(t, copyDir(dir, sound))
					disktest.Harm(t, filepath.Join(dir, name), damage)
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
		if _, err := os.Stat(filepath.Join(dir, "replica-2"+disk.Damaged, logFile)); err != nil {
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
			disktest.Harm(t, filepath.Join(dir, fmt.Sprintf("replica-%d", i), logFile), disktest.Halved)
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
			if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("replica-%d%s", i, disk.Damaged))); err != nil {
				t.Errorf("the evidence is gone: %v", err)
			}
		}
	})
}
