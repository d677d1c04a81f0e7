//go:build !unix

package engine

import (
	"errors"
	"os"
	"os/exec"
)

func ownSession(*exec.Cmd) {}

// alive says whether a process exists.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}

func dumpToLog(*os.Process) error { return errors.New("not on this platform") }

func redirect(*os.File, *os.File) error { return errors.New("not on this platform") }
