//go:build !unix

package engine

import (
	"io/fs"
	"os"
)

// holdLock does not lock: an engine is found by its handle there.
func holdLock(*os.File) (bool, error) { return true, nil }

func lockHolder(*os.File) (pid int, known bool) { return 0, false }

func ours(fs.FileInfo) bool { return true }
