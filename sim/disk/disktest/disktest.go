// Package disktest damages files as crashes and bad disks do, for tests.
//
// [All] is every kind of [Damage]; what is random in one is drawn when it is made, so
// that it does the same to the same file each time.
package disktest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// Damage is what becomes of a file.
type Damage struct {
	Name   string
	change func(content []byte) []byte // nil if the file goes
}

// Kinds of damage that leave nothing to chance.
var (
	Deleted = Damage{Name: "deleted"}
	Emptied = Damage{"emptied", func([]byte) []byte { return nil }}
	Halved  = Damage{"halved", func(b []byte) []byte { return b[:used(b)/2] }}
)

// Garbled is a file of the same size with something else in it.
func Garbled(rng *rand.Rand) Damage {
	seed := rng.Uint64()
	return Damage{"garbled", func(b []byte) []byte {
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range used(b) {
			b[i] = byte(rng.Uint32())
		}
		return b
	}}
}

// Flipped is a file with one bit flipped.
func Flipped(rng *rand.Rand) Damage {
	place := rng.Uint64()
	return Damage{"flipped", func(b []byte) []byte {
		if n := uint64(used(b)); n > 0 {
			b[place/8%n] ^= 1 << (place % 8)
		}
		return b
	}}
}

// Changed is a damage of one's own.
func Changed(name string, change func(content []byte) []byte) Damage { return Damage{name, change} }

// All is one damage of each kind, and as many flipped bits as wanted.
func All(rng *rand.Rand, flips int) []Damage {
	all := []Damage{Deleted, Emptied, Halved, Garbled(rng)}
	for range flips {
		all = append(all, Flipped(rng))
	}
	return all
}

// Do damages the file at path.
func (d Damage) Do(path string) error {
	if d.change == nil {
		return os.Remove(path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, d.change(b), 0o600)
}

// Harm damages the file at path, or fails the test.
func Harm(t testing.TB, path string, d Damage) {
	t.Helper()
	if err := d.Do(path); err != nil {
		t.Fatal(err)
	}
}

// used is how much of a file is not the zeros that etcd and bbolt reserve.
func used(content []byte) int { return len(bytes.TrimRight(content, "\x00")) }
