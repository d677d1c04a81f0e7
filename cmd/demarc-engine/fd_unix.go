//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// unframed is a copy of an output's descriptor. A faketime program's writes to
// the first two descriptors carry a header with the virtual time.
func unframed(f *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// pollable is an input whose reads do not block a thread: one blocked thread
// stops the virtual clock.
func pollable(f *os.File) (*os.File, error) {
	fd := int(f.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
