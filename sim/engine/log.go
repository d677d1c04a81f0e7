package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

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

const (
	// saidLimit is how much of a log is looked at to find out how an engine ended:
	// the beginning of what is new in it, where a crash says what it is before it
	// lists all goroutines, and the end.
	saidLimit = 256 << 10
	// logLimit is the size from which a log is set aside when an engine starts. The
	// one before it goes then.
	logLimit = 4 << 20
)

// logFile is where an engine's standard error goes.
func logFile(dir string) string { return filepath.Join(dir, "logs", "engine.log") }

// rotate sets a log aside that has become too long.
func rotate(path string) error {
	if logSize(path) < logLimit {
		return nil
	}
	if err := os.Rename(path, path+disk.Previous); err != nil {
		return fmt.Errorf("set the engine's log aside: %w", err)
	}
	return nil
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
// died of, or else the last line of what it has written since offset.
func lastWords(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return "it left no log"
	}
	defer f.Close()
	size := logSize(path)
	if offset > size {
		offset = 0 // it was cut meanwhile
	}
	var text []byte
	for _, from := range []int64{offset, max(size-saidLimit, offset+saidLimit)} {
		b, err := io.ReadAll(io.NewSectionReader(f, from, saidLimit))
		if err != nil {
			return "its log cannot be read"
		}
		text = append(text, b...)
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
