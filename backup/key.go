package backup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"demarc/sim/disk"

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
	if err := disk.Replace(path, key, true); err != nil {
		return nil, fmt.Errorf("make the backup key: %w", err)
	}
	return key, nil
}
