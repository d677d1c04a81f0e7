package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"demarc/sim/clock"
)

// block is how much is written between two times that a slow disk makes the
// store wait, in bytes.
const block = 1 << 20

// Disk is what the store writes to: the machine's, with faults for drills. What
// [Store.Extract] writes is not in the store and not subject to them. Its
// methods may be called from any goroutine.
type Disk struct {
	dir string

	mu       sync.Mutex
	capacity int64
	latency  time.Duration
}

// SetCapacity makes the disk hold so many bytes, files that are being written
// included; 0 is as many as the machine's disk does. It takes nothing away.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// SetLatency makes each block of 1 MiB of a file take so long to write.
func (d *Disk) SetLatency(perBlock time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latency = perBlock
}

// Fill makes the disk's capacity what is in use now.
func (d *Disk) Fill() { d.SetCapacity(max(d.InUse(), 1)) } // 0 would be no limit

// InUse is how many bytes the store's files have.
func (d *Disk) InUse() int64 {
	var n int64
	_ = filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil { // else it has just been removed
			n += info.Size()
		}
		return nil
	})
	return n
}

// admit says whether n more bytes fit.
func (d *Disk) admit(n int) error {
	d.mu.Lock()
	capacity := d.capacity
	d.mu.Unlock()
	if capacity == 0 {
		return nil
	}
	if d.InUse()+int64(n) > capacity {
		return syscall.ENOSPC
	}
	return nil
}

// full adds to a disk's error how full it is, if that is what the error says.
func (d *Disk) full(err error) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	of := ""
	if d.capacity > 0 {
		of = fmt.Sprintf(" of %d", d.capacity)
	}
	return fmt.Errorf("the disk of the backup store is full: %d bytes%s are in use, and no backup was removed to make room: %w", d.InUse(), of, err)
}

// wait is what n bytes more at an offset of a file cost on a slow disk.
func (d *Disk) wait(ctx context.Context, offset int64, n int) error {
	d.mu.Lock()
	latency := d.latency
	d.mu.Unlock()
	begun := blocks(offset+int64(n)) - blocks(offset)
	if latency <= 0 || begun == 0 {
		return ctx.Err()
	}
	clock.Sleep(ctx, latency*time.Duration(begun))
	return ctx.Err()
}

func blocks(bytes int64) int64 { return (bytes + block - 1) / block }

// tempFile is a file in the store's work directory.
type tempFile struct {
	*os.File
	ctx     context.Context
	disk    *Disk
	written int64
}

// temp makes a file in the store's work directory. Its writes end with ctx.
func (s *Store) temp(ctx context.Context, name string) (*tempFile, error) {
	err := os.MkdirAll(s.work(), 0o700)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(s.work(), name+"-*")
	}
	if err != nil {
		return nil, s.disk.full(err)
	}
	return &tempFile{File: f, ctx: ctx, disk: &s.disk}, nil
}

func (f *tempFile) Write(p []byte) (int, error) {
	if err := f.disk.wait(f.ctx, f.written, len(p)); err != nil {
		return 0, err
	}
	if err := f.disk.admit(len(p)); err != nil {
		return 0, f.disk.full(err)
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, f.disk.full(err)
}

// discard closes the file and removes it, if it still has its name.
func (f *tempFile) discard() {
	f.Close()
	os.Remove(f.Name())
}
