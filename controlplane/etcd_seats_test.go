package controlplane

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"demarc/sim/api"
)

// TestUnfinishedFirstStart: what an engine that was killed before any member had served
// has left is removed; data of which one member has served is not.
func TestUnfinishedFirstStart(t *testing.T) {
	dir := t.TempDir()
	open := func() *seats {
		t.Helper()
		a, err := newSeats(dir, 3, func(m api.Mended) { t.Errorf("mended: %+v", m) }, false)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	left := func() bool {
		t.Helper()
		_, err := os.Stat(filepath.Join(memberDir(dir, 0), "member", "wal"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	begin := func() {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(memberDir(dir, 0), "member", "wal"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open()
	begin()
	if a := open(); left() {
		t.Error("the rest of a first start is still there")
	} else if begin(); a.list[1].form() != nil {
		t.Fatal("the members' file cannot be written")
	}
	if open(); !left() {
		t.Error("a member's data is gone")
	}
}
