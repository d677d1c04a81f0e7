package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A log stays within its limit while it is written, over restarts too, and has what
// was written last.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sshd.log")
	record := append(bytes.Repeat([]byte("x"), 100<<10), '\n')
	for range 3 {
		l, err := OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		for range LogLimit / len(record) {
			if n, err := l.Write(record); err != nil || n != len(record) {
				t.Fatal(n, err)
			}
			if got := size(t, path); got > LogLimit {
				t.Fatalf("it has %d bytes, want at most %d", got, LogLimit)
			}
		}
		if _, err := l.Write([]byte("the end\n")); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := size(t, path+Previous); got > LogLimit || got == 0 {
		t.Errorf("the one before has %d bytes, want up to %d", got, LogLimit)
	}
	if b := read(t, path); !bytes.HasSuffix([]byte(b), []byte("the end\n")) {
		t.Error("what was written last is not in it")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("got %v, %v, want two files", left, err)
	}
}

// A disk that is full for a while ends no log, and lets none grow beyond its limit.
func TestLogGoesOnAfterAFullDisk(t *testing.T) {
	for _, op := range []Operation{Create, Write, Rename} {
		t.Run(string(op), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sshd.log")
			if err := os.WriteFile(path, make([]byte, LogLimit-1), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := OpenLog(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			end := Interpose(func(o Operation, _ string, n int) (int, error) {
				if o != op {
					return n, nil
				}
				return 0, syscall.ENOSPC
			})
			defer end()
			for range 3 {
				if _, err := l.Write([]byte("lost\n")); err == nil {
					t.Error("written to a full disk")
				}
			}
			end()
			if _, err := l.Write([]byte("kept\n")); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != "kept\n" {
				t.Errorf("got %d bytes, want what was written last", len(got))
			}
		})
	}
}
