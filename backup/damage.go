package backup

import (
	"fmt"
	"os"
)

// Ways to damage a backup, for [Store.Damage].
const (
	DamageFlip     = "bit-flip" // one bit in the middle is another
	DamageTruncate = "truncate" // the second half is gone
	DamageDelete   = "delete"   // the file is gone
)

// Damage harms the file of a backup, for drills: how is [DamageFlip],
// [DamageTruncate] or [DamageDelete].
func (s *Store) Damage(id, how string) error {
	if err := checkID(id); err != nil {
		return err
	}
	var err error
	switch how {
	case DamageFlip:
		err = flipBit(s.Path(id))
	case DamageTruncate:
		var info os.FileInfo
		if info, err = os.Stat(s.Path(id)); err == nil {
			err = os.Truncate(s.Path(id), info.Size()/2)
		}
	case DamageDelete:
		return s.Remove(id)
	default:
		return fmt.Errorf("a backup cannot be damaged by %q: want %s, %s or %s", how, DamageFlip, DamageTruncate, DamageDelete)
	}
	if err != nil {
		return fmt.Errorf("damage backup %s: %w", id, err)
	}
	return nil
}

func flipBit(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], info.Size()/2); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b[:], info.Size()/2)
	return err
}
