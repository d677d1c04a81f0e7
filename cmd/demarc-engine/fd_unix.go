//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// pollable is an input whose reads do not block a thread: one blocked thread
// stops the virtual clock.
func pollable(f *os.File) (*os.File, error) {
	fd := int(f.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
