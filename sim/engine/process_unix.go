//go:build unix

package engine

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// ownSession puts the engine into a session of its own: a terminal's signals do
// not reach it.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true} }

// alive says whether a process exists.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}

// dumpToLog makes a Go program write its stacks to its standard error and end.
func dumpToLog(p *os.Process) error { return p.Signal(unix.SIGQUIT) }
