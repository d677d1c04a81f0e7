package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"
)

// made is the time of every file in an archive, so that its bytes do not tell when it
// was made.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// adder adds a file to an archive; what is written to it goes there.
type adder func(name string, size int64, mode os.FileMode) (io.Writer, error)

// writeArchive writes an archive with one folder, of its own name: a zip for Windows, a
// tar.gz for the others.
func writeArchive(out, name string, windows bool, files []string) (err error) {
	suffix, open := ".tar.gz", openTar
	if windows {
		suffix, open = ".zip", openZip
	}
	f, err := os.Create(filepath.Join(out, name+suffix))
	if err != nil {
		return err
	}
	add, finish := open(f)
	for _, file := range files {
		err = errors.Join(err, addFile(add, path.Join(name, filepath.Base(file)), file))
	}
	return errors.Join(err, finish(), f.Close())
}

func openTar(w io.Writer) (adder, func() error) {
	zipped := gzip.NewWriter(w)
	t := tar.NewWriter(zipped)
	add := func(name string, size int64, mode os.FileMode) (io.Writer, error) {
		return t, t.WriteHeader(&tar.Header{Name: name, Size: size, Mode: int64(mode.Perm()), ModTime: made, Typeflag: tar.TypeReg})
	}
	return add, func() error { return errors.Join(t.Close(), zipped.Close()) }
}

func openZip(w io.Writer) (adder, func() error) {
	z := zip.NewWriter(w)
	add := func(name string, _ int64, mode os.FileMode) (io.Writer, error) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made}
		h.SetMode(mode)
		return z.CreateHeader(h)
	}
	return add, z.Close
}

// addFile adds a file; a program is one that may be run by everybody.
func addFile(add adder, name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if info.Mode().Perm()&0o100 != 0 {
		mode = 0o755
	}
	to, err := add(name, info.Size(), mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return err
}
