package backup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"
)

// LoadOrMakeKey returns the key in the file at path. If there is none it makes
// one: 32 random bytes, in a file that only its owner can read. Whoever loses
// it loses the backups.
func LoadOrMakeKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the backup key: %w", err)
	}
	if len(key) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("the backup key %s has %d bytes, want %d: put the right file back, or remove it to have a new key made, with which no older backup can be read",
			path, len(key), chacha20poly1305.KeySize)
	}
	return key, nil
}

func makeKey(path string) ([]byte, error) {
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	err := writeAtomically(path, true, func(f *os.File) error {
		_, err := f.Write(key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the backup key: %w", err)
	}
	return key, nil
}

// writeAtomically makes the file at path, mode 0600, of what write writes: all
// of it, or none. With sync it survives a crash of the machine.
func writeAtomically(path string, sync bool, write func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if !sync {
		return nil
	}
	return syncDir(filepath.Dir(path))
}
