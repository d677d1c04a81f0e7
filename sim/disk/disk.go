// Package disk writes the small files that a cluster cannot do without, so that
// no end of a process, of a machine or of free space leaves half of one.
//
// [Replace] gives a file new content as a whole, and [Mark] makes an empty one;
// an [Appender] adds whole records to the end of a file. What fails may be tried
// again. [Interpose] puts a file system that fails, fills and tears between them
// and the disk, for tests.
package disk

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// temporary ends the name under which a file is written before it gets its own.
const temporary = ".tmp"

// Replace gives the file at path new content. The file is its owner's alone.
// If Replace fails, or the process ends in it, the old content is still there;
// with sync this is also true if the machine ends. One process at a time
// replaces a file.
func Replace(path string, content []byte, sync bool) error {
	return ReplaceBy(path, sync, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Mark makes an empty file whose being there says something.
func Mark(path string, sync bool) error { return Replace(path, nil, sync) }

// Previous ends the name of a file's content of before.
const Previous = ".old"

// ReplaceKeeping is [Replace], and keeps the content of before in a file of its
// own. For a moment there may only be that.
func ReplaceKeeping(path string, content []byte, sync bool) error {
	return replace(path, sync, true, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Damaged ends the name of what was set aside because it cannot be used.
const Damaged = ".damaged"

// SetAside renames a damaged file or directory, if it is there, to NAME.damaged, or
// NAME.damaged-2 and so on if there is one already, and returns the new path.
func SetAside(path string) (to string, err error) {
	to = path + Damaged
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); os.IsNotExist(err) {
			break
		} else if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s%s-%d", path, Damaged, n)
	}
	if err := os.Rename(path, to); !os.IsNotExist(err) {
		return to, err
	}
	return "", nil
}

// ReplaceBy is [Replace] with the content that write writes.
func ReplaceBy(path string, sync bool, write func(io.Writer) error) error {
	return replace(path, sync, false, write)
}

func replace(path string, sync, keep bool, write func(io.Writer) error) (err error) {
	tmp := path + temporary
	f, err := create(tmp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(tmp)
		}
	}()
	if err := write(file{f}); err != nil {
		return err
	}
	if sync {
		if err := syncFile(f); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := ask(Rename, path); err != nil {
		return err
	}
	if keep {
		if err := os.Rename(path, path+Previous); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if err := os.Rename(tmp, path); err != nil || !sync {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// create makes a new file, which nobody else can have prepared: not with another
// mode, and not as a link to somewhere else.
func create(path string) (*os.File, error) {
	if err := ask(Create, path); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// SyncDir makes the names in a directory survive a crash of the machine.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" { // has no such thing, and needs none
		return nil
	}
	if err := ask(Sync, dir); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func syncFile(f *os.File) error {
	if err := ask(Sync, f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

// MakeDir makes a directory, and those above it, that is its owner's alone, also
// if it was there already.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make %s private: %w", dir, err)
	}
	return nil
}
