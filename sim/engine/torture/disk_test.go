package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// diskBytes is the size of the small file system.
const diskBytes = 400 << 20

// fillDisk fills the file system that a cluster is on for some seconds, while
// customers write, frees it and kills the engine. It needs a mount.
func fillDisk(l *lane) {
	dir := filepath.Join(l.dir, "disk")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var out []byte
		out, err = exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=700", diskBytes), "tmpfs", dir).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		l.tally.skip("a full disk: mount a small file system: %s", oneLine(err))
		return
	}
	defer func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			l.t.Errorf("unmount %s: %v: %s", dir, err, out)
		}
	}()
	c := l.newCluster("disk/data", 1)
	defer func() {
		if c.p != nil {
			c.p.Kill()
		}
	}()
	alive := false
	l.turn(func() { alive = c.resume(l.t.Context(), "a full disk", "new") })
	for n := 0; alive && !l.over(func() bool { return n >= 10 }); n++ {
		l.turn(func() { alive = c.strikeFull(dir) })
	}
}

// strikeFull fills the disk for some seconds, frees it, and kills the engine while
// customers write.
func (c *cluster) strikeFull(disk string) bool {
	const name = "a full disk"
	began := time.Now()
	defer func() { c.tally.kill(name, func(k *killed) { k.took += time.Since(began) }) }()
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.written.write(ctx, c.kubeconfig())
	}()
	c.written.await(ctx, goodMany)
	c.look(ctx)
	ballast := filepath.Join(disk, "ballast")
	err := fill(ballast)
	for full := time.Now(); time.Since(full) < 2*time.Second+c.within(2*time.Second); {
		c.look(ctx)
		sleep(ctx, 100*time.Millisecond)
	}
	if err := errors.Join(err, os.Remove(ballast)); err != nil {
		c.wrong(name, "fill and free the disk: %s", oneLine(err))
	}
	sleep(ctx, c.within(time.Second))
	c.look(ctx)
	c.p.Kill()
	stop()
	<-ended
	c.tally.mu.Lock()
	c.tally.disks++
	c.tally.mu.Unlock()
	return c.resume(c.t.Context(), name, "filled, freed and killed")
}

// fill writes a file until nothing more fits.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2] // the last bytes as well
		}
	}
	return nil
}
