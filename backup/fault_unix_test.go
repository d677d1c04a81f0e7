//go:build unix

package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// A fault of memory comes back as an error too.
func TestGuardedFault(t *testing.T) {
	err := guarded(nil, func(*zap.Logger) error { return touchUnmapped(t) })
	if err == nil || !strings.Contains(err.Error(), "etcd cannot use the database") {
		t.Error(err)
	}
}

// touchUnmapped reads a mapped file behind its end, as bbolt does with a file
// that was cut off behind its back.
func touchUnmapped(t *testing.T) error {
	f, err := os.Create(filepath.Join(t.TempDir(), "empty"))
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(b)
	return fmt.Errorf("it could be read: %d", b[0])
}
