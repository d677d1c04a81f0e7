package backup

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"demarc/sim/disk"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeyError says that the key of backups is lost. It is never replaced without a
// word: nothing else can read them.
type KeyError struct {
	// Path is the key's file, Problem what is wrong with it, as the end of a sentence.
	Path, Problem string
	// Store has the backups, so many.
	Store   string
	Backups int
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("the backup key %s %s, and the %d backups in %s can be read with no other: put the file back from a copy of it, "+
		"or have a new key made with demarc up --new-backup-key, with which these backups stay unreadable", e.Path, e.Problem, e.Backups, e.Store)
}

// keyFile is the size of a key's file: the key, and its CRC-32C. Earlier versions
// wrote the key alone.
const keyFile = chacha20poly1305.KeySize + crc32.Size

// ReadKey returns the key in the file at path, of the backups in the directory
// store. One that is lost is a [*KeyError].
func ReadKey(path, store string) ([]byte, error) {
	lost := func(problem string) error {
		return &KeyError{Path: path, Problem: problem, Store: store, Backups: len(idsIn(store))}
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lost("is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("read the backup key: %w", err)
	}
	key := b[:min(len(b), chacha20poly1305.KeySize)]
	switch {
	case len(b) == keyFile && bytes.Equal(b, withSum(key)):
	case len(b) == keyFile:
		return nil, lost("is damaged: it is not what was written")
	case len(b) != chacha20poly1305.KeySize:
		return nil, lost(fmt.Sprintf("is damaged: it has %d bytes of %d", len(b), keyFile))
	case !Fits(key, store):
		return nil, lost("is damaged, or another cluster's")
	}
	return key, nil
}

// LoadKey is [ReadKey] for whoever takes backups. A key that is not there is made,
// if there is no backup yet or renew says so: 32 random bytes, in a file that only
// its owner can read. What was there is kept beside it, under a name of its own.
func LoadKey(path, store string, renew bool) ([]byte, error) {
	key, err := ReadKey(path, store)
	if lost, ok := errors.AsType[*KeyError](err); ok && (renew || lost.Backups == 0) {
		if _, err := disk.SetAside(path); err != nil {
			return nil, fmt.Errorf("make the backup key: %w", err)
		}
		key = make([]byte, chacha20poly1305.KeySize)
		rand.Read(key)
	} else if err != nil {
		return nil, err
	}
	if err := disk.Replace(path, withSum(key), true); err != nil {
		return nil, fmt.Errorf("make the backup key: %w", err)
	}
	return key, nil
}

func withSum(key []byte) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(key), crc32.Checksum(key, crc32.MakeTable(crc32.Castagnoli)))
}

// Fits says whether a backup in the directory store was sealed with a key, if there are any.
func Fits(key []byte, store string) bool {
	ids := idsIn(store)
	for _, id := range ids {
		if h, err := headerOf(filepath.Join(store, id+extension)); err == nil && h.KeyID == keyID(key) {
			return true
		}
	}
	return len(ids) == 0
}
