//go:build unix && !linux

package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect lets a file that is open be another one from now on.
func redirect(from, to *os.File) error { return unix.Dup2(int(to.Fd()), int(from.Fd())) }
