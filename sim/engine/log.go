package engine

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"
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

// Limits of what is shown of a log.
const (
	tailBytes = 256 << 10
	tailLines = 15
)

// logSize is the size of the log, to know later what is new in it.
func logSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// lastWords is what a dead engine said last: its own error, the first lines of
// a panic, or else the last lines of what it has written since offset.
func lastWords(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return "it left no log"
	}
	defer f.Close()
	if _, err := f.Seek(max(offset, logSize(path)-tailBytes), io.SeekStart); err != nil {
		return "its log cannot be read"
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return "its log cannot be read"
	}
	text := strings.TrimSpace(string(Deframe(b)))
	if text == "" {
		return "it ended without a word"
	}
	return gist(strings.Split(text, "\n"))
}

// gist finds the lines that matter.
func gist(lines []string) string {
	last := lines[len(lines)-1]
	if said, ok := strings.CutPrefix(last, "demarc-engine: "); ok {
		return said
	}
	for i, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") || strings.HasPrefix(l, "runtime: out of memory") {
			return strings.Join(lines[i:min(i+3, len(lines))], "\n")
		}
	}
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
