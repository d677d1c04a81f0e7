package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"demarc/sim/clock"
	"demarc/sim/disk"
)

// A program built with the faketime tag puts a header before each write to its
// standard output and error: four bytes of magic, the virtual time in
// nanoseconds and the length of what follows, both big-endian. (Go's source,
// runtime/time_fake.go.)
const (
	frameMagic  = "\x00\x00PB"
	frameHeader = len(frameMagic) + 8 + 4
)

// Deframe takes the headers out of the output of a faketime program. What has
// no header is kept as it is: the output of a plain build, or the rest of a
// frame of which the beginning is missing.
func Deframe(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:i]...), b[i:]
		if len(b) < frameHeader {
			return out
		}
		n := int64(binary.BigEndian.Uint32(b[frameHeader-4 : frameHeader]))
		b = b[frameHeader:]
		n = min(n, int64(len(b)))
		out, b = append(out, b[:n]...), b[n:]
	}
	return out
}

// saidLimit is how much of a log is looked at to find out how an engine ended: of
// what is new in it, the end. A crash says what it is before it lists all goroutines.
const saidLimit = 64 << 20

// logPatrol is how often an engine looks, in real time, whether its log has become too
// long.
const logPatrol = 10 * time.Second

// logFile is where an engine's standard error goes.
func logFile(dir string) string { return filepath.Join(dir, "logs", "engine.log") }

// rotate sets a log aside that has become too long, and says whether it has.
func rotate(path string) (bool, error) {
	if logSize(path) < disk.LogLimit {
		return false, nil
	}
	if err := disk.Retire(path); err != nil {
		return false, fmt.Errorf("set the engine's log aside: %w", err)
	}
	return true, nil
}

// BoundLog keeps the log of this engine, which is its standard error, from growing
// without end: what the runtime writes of a crash is in the newest.
func BoundLog(dir string) {
	clock.EveryReal(logPatrol, func() { _ = boundLog(logFile(dir), os.Stderr) }) // it is tried again
}

// boundLog sets a log aside that has become too long, and lets out write to a new one.
func boundLog(path string, out *os.File) error {
	if aside, err := rotate(path); err != nil || !aside {
		return err
	}
	f, err := openLog(path)
	if err == nil {
		err = errors.Join(redirect(out, f), f.Close())
	}
	if err != nil { // out goes on in what was set aside
		return errors.Join(err, os.Rename(path+disk.Previous, path))
	}
	return nil
}

func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// logSize is the size of the log, to know later what is new in it.
func logSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// lastWords is what a dead engine said last, in one line: its own error, what it
// died of, or else the last line of what it has written to the log since that was as
// before.
func lastWords(path string, before os.FileInfo) string {
	f, err := os.Open(path)
	if err != nil {
		return "it left no log"
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "its log cannot be read"
	}
	offset := max(0, info.Size()-saidLimit)
	if before != nil && os.SameFile(before, info) && before.Size() <= info.Size() { // else it was set aside meanwhile
		offset = max(offset, before.Size())
	}
	text, err := io.ReadAll(io.NewSectionReader(f, offset, saidLimit))
	if err != nil {
		return "its log cannot be read"
	}
	said := strings.TrimSpace(string(Deframe(text)))
	if said == "" {
		return "it ended without a word"
	}
	return gist(strings.Split(said, "\n"))
}

// gist finds the line that matters, without what would move a terminal's cursor.
func gist(lines []string) string {
	for i, l := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, l)
	}
	last := lines[len(lines)-1]
	if said, ok := strings.CutPrefix(last, "demarc-engine: "); ok {
		return said
	}
	for _, l := range lines {
		for _, beginning := range []string{"panic: ", "fatal error: ", "runtime: out of memory", "runtime: goroutine stack exceeds"} {
			if strings.HasPrefix(l, beginning) {
				return "it ended unexpectedly: " + strings.TrimPrefix(strings.TrimSpace(l), "panic: ")
			}
		}
	}
	return "its last words: " + strings.TrimSpace(last)
}
