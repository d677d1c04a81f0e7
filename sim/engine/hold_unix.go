//go:build unix

package engine

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// holdLock takes a lock that ends with this process, if nobody has it.
func holdLock(f *os.File) (bool, error) {
	err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// lockHolder is the process that has the lock, 0 if nobody has. Asking takes no
// lock, so it is in nobody's way.
func lockHolder(f *os.File) (pid int, known bool) {
	l := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &l); err != nil {
		return 0, false
	}
	if l.Type == unix.F_UNLCK {
		return 0, true
	}
	return int(l.Pid), true
}

// ours says whether a file belongs to this process's user.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(s.Uid) == os.Geteuid()
}
