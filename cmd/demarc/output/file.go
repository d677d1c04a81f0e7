package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"demarc/sim/terminal"
)

// File is a file that appears under its name whole or not at all.
type File struct {
	tmp  *os.File
	path string
}

// CreateFile prepares a file; a file of that name is replaced when it is
// Published. The error says why that path cannot be written.
func CreateFile(path string) (*File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file that can be replaced", path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return &File{tmp: tmp, path: path}, nil
}

// Publish writes the file and gives it its name.
func (f *File) Publish(write func(io.Writer) error) error {
	err := write(terminal.Writer{Writer: f.tmp})
	if err == nil {
		err = f.tmp.Chmod(0o644)
	}
	if err = errors.Join(err, f.tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return os.Rename(f.tmp.Name(), f.path)
}

// Discard removes what was not published. A nil file has nothing to remove.
func (f *File) Discard() {
	if f == nil {
		return
	}
	f.tmp.Close()
	os.Remove(f.tmp.Name())
}
