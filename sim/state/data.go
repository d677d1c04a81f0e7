package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Data is what a data directory holds that cannot be made anew.
type Data struct {
	// Etcd says that there is data of an etcd member, Replicas that there is memory
	// of the provider's plane.
	Etcd, Replicas bool
	// Backups is the number of backups, Newest when the newest was written, by the
	// machine's own clock.
	Backups int
	Newest  time.Time
	// Bytes is the size of all files.
	Bytes int64
}

// Any says whether there is something that only its owner may remove.
func (d Data) Any() bool { return d.Etcd || d.Replicas || d.Backups > 0 }

// Look finds out what a directory holds. It and what is in it may be links to another
// disk, and its path may have characters of patterns in it.
func Look(dir string) (d Data, err error) {
	files := os.DirFS(dir)
	has := func(patterns ...string) bool {
		for _, p := range patterns {
			if found, _ := fs.Glob(files, p); len(found) > 0 { // the patterns are good
				return true
			}
		}
		return false
	}
	d.Etcd = has("etcd/*/member", "etcd.*/*/member", "etcd.lost/*/*/member") // of a restore, too
	d.Replicas = has("provider/replicas/formed", "provider/replicas/*/raft.db")
	backups, _ := fs.Glob(files, "backups/*.backup") // the pattern is good
	for _, name := range backups {
		if info, err := fs.Stat(files, name); err == nil { // else it has just been removed
			d.Backups++
			if info.ModTime().After(d.Newest) {
				d.Newest = info.ModTime()
			}
		}
	}
	err = fs.WalkDir(files, ".", func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has just been removed, or there is no directory
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if info, err := e.Info(); err == nil { // else it has just been removed
			d.Bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("look at the data directory: %w", err)
	}
	return d, nil
}

// Exists says whether there is a cluster in dir that can be resumed.
func Exists(dir string) bool {
	for _, name := range []string{file, previous, origin} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	d, err := Look(dir)
	return err == nil && d.Any()
}

// CrashLog is the file in which the runtime tells of an engine's crash. While there was
// none it is empty.
func CrashLog(dir string) string { return filepath.Join(dir, "logs", "crash.log") }

// Crashed says whether the last engine has crashed.
func Crashed(dir string) bool {
	info, err := os.Stat(CrashLog(dir))
	return err == nil && info.Size() > 0
}
