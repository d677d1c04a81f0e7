package backup

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"demarc/sim/disk/disktest"
)

func TestLoadKey(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "backup.key")
	made, err := LoadKey(path, store, false)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	loaded, err := LoadKey(path, store, false)
	if err != nil || !bytes.Equal(made, loaded) || len(made) != 32 || bytes.Equal(made, make([]byte, 32)) {
		t.Errorf("made %x, loaded %x, %v", made, loaded, err)
	}
	if again, err := LoadKey(path, store, true); err != nil || !bytes.Equal(made, again) {
		t.Errorf("a key that is whole was replaced: %x by %x, %v", made, again, err)
	}
	other, err := LoadKey(filepath.Join(dir, "other.key"), store, false)
	if err != nil || bytes.Equal(made, other) {
		t.Errorf("made %x twice, %v", made, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
	if _, err := LoadKey(filepath.Join(path, "below-a-file"), store, false); err == nil {
		t.Error("made a key below a file")
	}
}

// A key that backups need is never replaced without a word.
func TestLostKey(t *testing.T) {
	for _, old := range []bool{false, true} {
		for _, damage := range disktest.All(rand.New(rand.NewPCG(3, 0)), 15) {
			t.Run(damage.Name, func(t *testing.T) {
				store := t.TempDir()
				path := filepath.Join(t.TempDir(), "backup.key")
				key, err := LoadKey(path, store, false)
				if err != nil {
					t.Fatal(err)
				}
				if old { // as an earlier version wrote it
					if err := os.WriteFile(path, key, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				s, err := OpenStore(store, testCluster, key)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Take(t.Context(), fakeSource{stream: takeSample(t).stream}, testMeta()); err != nil {
					t.Fatal(err)
				}
				disktest.Harm(t, path, damage)
				var lost *KeyError
				if _, err := LoadKey(path, store, false); !errors.As(err, &lost) || lost.Backups != 1 {
					t.Fatalf("got %v, want a KeyError about 1 backup", err)
				}
				renewed, err := LoadKey(path, store, true)
				if err != nil || bytes.Equal(renewed, key) {
					t.Fatalf("renewed: %x, %v", renewed, err)
				}
				// It stays, though no backup has been taken with it yet.
				if again, err := LoadKey(path, store, false); err != nil || !bytes.Equal(again, renewed) {
					t.Errorf("again: %x, %v", again, err)
				}
				if ids := s.IDs(); len(ids) != 1 {
					t.Errorf("backups: %v", ids)
				}
			})
		}
	}
}

// A damaged key that no backup needs is replaced.
func TestUnusedKey(t *testing.T) {
	store, path := t.TempDir(), filepath.Join(t.TempDir(), "backup.key")
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := LoadKey(path, store, false); err != nil || len(key) != 32 {
		t.Errorf("%x, %v", key, err)
	}
}
