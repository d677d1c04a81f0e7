package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadOrMakeKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.key")
	made, err := LoadOrMakeKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Error(info, err)
	}
	loaded, err := LoadOrMakeKey(path)
	if err != nil || !bytes.Equal(made, loaded) || len(made) != 32 || bytes.Equal(made, make([]byte, 32)) {
		t.Errorf("made %x, loaded %x, %v", made, loaded, err)
	}
	other, err := LoadOrMakeKey(filepath.Join(dir, "other.key"))
	if err != nil || bytes.Equal(made, other) {
		t.Errorf("made %x twice, %v", made, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

func TestKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.key")
	for _, n := range []int{0, 31, 33, 64} {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrMakeKey(path); err == nil || !strings.Contains(err.Error(), "want 32") {
			t.Errorf("%d bytes: %v", n, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != int64(n) {
			t.Errorf("the file was changed: %v, %v", info, err)
		}
	}
	if _, err := LoadOrMakeKey(filepath.Join(path, "below-a-file")); err == nil {
		t.Error("made a key below a file")
	}
}
