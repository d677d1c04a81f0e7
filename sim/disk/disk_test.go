package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// failing fails one kind of operation, and tears writes in the middle.
func failing(t *testing.T, op Operation) (end func()) {
	t.Helper()
	end = Interpose(func(o Operation, _ string, n int) (int, error) {
		if o != op {
			return n, nil
		}
		return n / 2, syscall.ENOSPC
	})
	t.Cleanup(end)
	return end
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReplaceThatFailsLeavesTheOldContent(t *testing.T) {
	for _, op := range []Operation{Create, Write, Sync, Rename} {
		t.Run(string(op), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "state.json")
			if err := Replace(path, []byte("old"), true); err != nil {
				t.Fatal(err)
			}
			end := failing(t, op)
			if err := Replace(path, []byte("new"), true); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("got %v, want the fault's error", err)
			}
			if got := read(t, path); got != "old" {
				t.Errorf("got %q, want the old content", got)
			}
			end()
			if err := Replace(path, []byte("new"), true); err != nil || read(t, path) != "new" {
				t.Errorf("tried again: got %q, %v", read(t, path), err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("got %v, %v, want nothing beside the file", left, err)
			}
		})
	}
}

// What somebody else has put where the file is written first decides neither its
// mode nor where it goes.
func TestReplaceDoesNotFollowLinks(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "token"), filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+temporary); err != nil {
		t.Skip(err)
	}
	if err := Replace(path, []byte("secret"), false); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, %v, want a file of mode 0600", info.Mode(), err)
	}
	if read(t, victim) != "theirs" || read(t, path) != "secret" {
		t.Error("the secret was written through the link")
	}
}

func TestAppenderWritesWholeRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "timeline.jsonl")
	if err := os.WriteFile(path, []byte("one\ntw"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenAppender(path, int64(len("one\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Append([]byte("two\n")); err != nil {
		t.Fatal(err)
	}
	end := failing(t, Write)
	for range 3 {
		if err := a.Append([]byte("three\n")); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("got %v, want the fault's error", err)
		}
	}
	if got := read(t, path); !strings.HasSuffix(got, "thr") {
		t.Fatalf("got %q: nothing was torn, so this test shows nothing", got)
	}
	end()
	if err := a.Append([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, path), "one\ntwo\nthree\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	failing(t, Write)
	_ = a.Append([]byte("four\n"))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, path), "one\ntwo\nthree\n"; got != want {
		t.Errorf("closed: got %q, want %q", got, want)
	}
}

// What is set aside is kept, however often that happens.
func TestSetAsideKeepsEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.key")
	for i, want := range []string{path + ".damaged", path + ".damaged-2", path + ".damaged-3"} {
		content := strconv.Itoa(i)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if to, err := SetAside(path); err != nil || to != want {
			t.Errorf("got %s, %v, want %s", to, err, want)
		}
		if got := read(t, want); got != content {
			t.Errorf("%s: got %q, want %q", want, got, content)
		}
	}
	if to, err := SetAside(path); err != nil || to != "" {
		t.Errorf("of nothing: got %q, %v", to, err)
	}
}
