package host

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"time"
)

// Volume is a file system of its own, such as that of a managed disk, with the methods
// for files that a [Host] has. Like those, a caller serialises them.
type Volume struct{ disk }

// blank is what a file system has that was just made: its root, and the directory in
// which a check of it would put what it finds.
var blank = &Image{
	files: map[string]*imageFile{
		"/":           {dir: true, mode: fs.ModeDir | 0o755},
		"/lost+found": {dir: true, mode: fs.ModeDir | 0o700},
	},
	children: map[string][]string{"/": {"lost+found"}},
}

// bare is what a file share has from the start: its root, which anybody may write to.
var bare = &Image{files: map[string]*imageFile{"/": {dir: true, mode: fs.ModeDir | 0o777}}}

// NewVolume makes an empty file system with room for so many bytes.
func NewVolume(name string, bytes int64) *Volume { return newVolume(name, blank, bytes) }

// NewShare makes the empty file system of a file share, which has nothing of its own.
func NewShare(name string, bytes int64) *Volume { return newVolume(name, bare, bytes) }

func newVolume(name string, image *Image, bytes int64) *Volume {
	v := &Volume{}
	v.name, v.image, v.d, v.room = name, image, made(&delta{}), bytes
	v.after = func(time.Time) {}
	return v
}

// Grow gives the file system room for so many bytes in all.
func (v *Volume) Grow(bytes int64) { v.room = max(v.room, bytes) }

// Used is how many bytes its files take, and Size how many there is room for.
func (v *Volume) Used() int64 { return v.d.used }
func (v *Volume) Size() int64 { return v.room }

// Clone is another file system with the same files.
func (v *Volume) Clone(name string, bytes int64) *Volume {
	c := newVolume(name, v.image, max(bytes, v.room))
	maps.Copy(c.d.Files, v.d.Files) // a node is replaced and never changed
	c.recountFiles()
	return c
}

// Save returns its files, for [Volume.Load]; nil if there are none.
func (v *Volume) Save() ([]byte, error) {
	if len(v.d.Files) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(v.d.Files)
	if err != nil {
		return nil, fmt.Errorf("save the files of %s: %w", v.name, err)
	}
	return b, nil
}

// Load puts back the files that Save returned. On an error it stays as it was.
func (v *Volume) Load(data []byte) error {
	files := map[string]*node{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &files); err != nil {
			return fmt.Errorf("read the saved files of %s: %w", v.name, err)
		}
	}
	v.d.Files = files
	v.soundFiles()
	v.recountFiles()
	return nil
}
