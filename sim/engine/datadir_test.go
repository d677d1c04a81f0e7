package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/sim/disk"
	"demarc/sim/state"
)

// files makes files with content in a directory.
func files(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A start that fails takes nothing away that was there, or that it has made, once
// there is data in it, whatever records of the cluster are left.
func TestFailedStartKeepsData(t *testing.T) {
	for _, tt := range []struct {
		name, made string
		before     []string
		kept       bool
	}{
		{"nothing yet", "pki/ca.key", nil, false},
		{"etcd has data", "etcd/0/member/snap/db", nil, true},
		{"the replicas were formed", "provider/replicas/formed", nil, true},
		{"there is a backup", "backups/20260105T083000Z.backup", nil, true},
		{"it was there before, without any record", "pki/ca.key", []string{"etcd/0/member/snap/db", "backups/20260105T083000Z.backup"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, dir := useFake(t, "makes "+tt.made), filepath.Join(t.TempDir(), "data")
			files(t, dir, tt.before...)
			var failed *FailedError
			if _, err := Start(t.Context(), Options{Path: path, DataDir: dir}); !errors.As(err, &failed) || !strings.Contains(err.Error(), "it failed") {
				t.Fatalf("got %v, want the engine's failure", err)
			}
			for _, name := range append(tt.before, tt.made) {
				if got := isThere(filepath.Join(dir, name)); got != tt.kept {
					t.Errorf("%s is there: %t, want %t", name, got, tt.kept)
				}
			}
			if Exists(dir) != tt.kept {
				t.Errorf("the cluster is known: %t, want %t", Exists(dir), tt.kept)
			}
		})
	}
}

// A data directory whose mark is gone or damaged is still one.
func TestMarkOfFormatLost(t *testing.T) {
	for name, content := range map[string]string{"emptied": "", "garbled": "\xa5\xa5", "deleted": "-"} {
		dir := t.TempDir()
		files(t, dir, "etcd/0/member/snap/db", "etcd.json")
		if content != "-" {
			if err := os.WriteFile(versionFile(dir), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := makeDir(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No advice costs data.
func TestNoAdviceToRemoveADirectory(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, "thesis.txt")
	for _, content := range []string{"", "{", `{"format": 1}`} {
		if content != "" {
			if err := os.WriteFile(versionFile(dir), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := makeDir(dir); err == nil || strings.Contains(err.Error(), "remove") {
			t.Errorf("%q: got %v", content, err)
		}
	}
}

// An engine that has crashed is not waited for until it has told of all its goroutines.
func TestStartRightAfterACrash(t *testing.T) {
	path, dir := useFake(t, "scenario"), filepath.Join(t.TempDir(), "data")
	p, err := Start(t.Context(), Options{Path: path, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if Dying(t.Context(), dir, p.Client) {
		t.Error("an engine that answers is taken for one that ends")
	}
	if err := os.WriteFile(state.CrashLog(dir), []byte("fatal error: stack overflow"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !Dying(t.Context(), dir, p.Client) {
		t.Error("an engine that has crashed is taken for one that runs")
	}
	if err := awaitRelease(t.Context(), dir); err != nil {
		t.Errorf("it still has the directory: %v", err)
	}
}

// A program that is no engine is said to be none.
func TestProgramThatIsNoEngine(t *testing.T) {
	path, dir := useFake(t, "true"), filepath.Join(t.TempDir(), "data")
	var failed *FailedError
	if _, err := Start(t.Context(), Options{Path: path, DataDir: dir}); !errors.As(err, &failed) || !strings.Contains(err.Error(), "is it demarc's engine?") {
		t.Errorf("got %v", err)
	}
}

// Up right after a kill finds neither a dead engine nor its files in use.
func TestStartRightAfterAKill(t *testing.T) {
	path, dir := useFake(t, "scenario"), filepath.Join(t.TempDir(), "data")
	for range 5 {
		p, err := Start(t.Context(), Options{Path: path, DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if pid, known := holder(dir); !known || pid != p.Client.Handle().PID {
			t.Fatalf("process %d has the directory (known %t), want %d", pid, known, p.Client.Handle().PID)
		}
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := awaitRelease(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	// Its number is another process's by now, and its port answers.
	h, err := readHandle(dir)
	if err != nil {
		t.Fatal(err)
	}
	h.PID = os.Getpid()
	if err := writeJSON(handleFile(dir), h); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v, want %v", err, ErrNotRunning)
	}
	if err := os.WriteFile(handleFile(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with a damaged handle: got %v, want %v", err, ErrNotRunning)
	}
}

// What a dead engine said is one line without a trace, however long that is.
func TestLastWords(t *testing.T) {
	trace := strings.Repeat("goroutine 7 [select]:\nmain.work()\n\t/src/main.go:7 +0x1d\n", 20_000)
	for name, tt := range map[string]struct{ log, want string }{
		"its own error": {"I starting\ndemarc-engine: no space left on device\n", "no space left on device"},
		"a panic":       {"I starting\npanic: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n", "it ended unexpectedly: index out of range"},
		"a long trace":  {"fatal error: stack overflow\n\n" + trace, "it ended unexpectedly: fatal error: stack overflow"},
		"escapes":       {"demarc-engine: \x1b[2Jgone\n", "[2Jgone"},
		"nothing":       {"\n", "it ended without a word"},
	} {
		path := filepath.Join(t.TempDir(), "engine.log")
		if err := os.WriteFile(path, []byte("of an engine before\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		log, err := openLog(path)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		for _, aside := range []bool{false, true} {
			if aside {
				if _, err := log.Write(bytes.Repeat([]byte("what it did all day\n"), disk.LogLimit/20+1)); err != nil {
					t.Fatal(err)
				}
				if err := boundLog(path, log); err != nil {
					t.Fatal(err)
				}
				if !isThere(path+disk.Previous) || logSize(path) != 0 {
					t.Fatal("the log was not set aside")
				}
				// More than it had before that engine.
				if _, err := log.Write(bytes.Repeat([]byte("what it did at night\n"), 20_000)); err != nil {
					t.Fatal(err)
				}
				tt.log = strings.TrimPrefix(tt.log, "\n")
				if tt.log == "" {
					tt.want = "its last words: what it did at night"
				}
			}
			if _, err := log.WriteString(tt.log); err != nil {
				t.Fatal(err)
			}
			if got := lastWords(path, before); got != tt.want {
				t.Errorf("%s, set aside: %t: got %q, want %q", name, aside, got, tt.want)
			}
		}
	}
}

// A log that cannot be set aside goes on.
func TestLogThatCannotBeSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.log")
	log, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Write(make([]byte, disk.LogLimit)); err != nil {
		t.Fatal(err)
	}
	end := disk.Interpose(func(disk.Operation, string, int) (int, error) { return 0, syscall.ENOSPC })
	defer end()
	if err := boundLog(path, log); err == nil {
		t.Error("it was set aside on a disk that fails")
	}
	end()
	if _, err := log.WriteString("went on\n"); err != nil || logSize(path) != disk.LogLimit+8 {
		t.Errorf("got %v, and a log of %d bytes", err, logSize(path))
	}
}

func TestDeleteSaysWhatItDeletes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	prepare(t, dir)
	files(t, dir, "backups/20260105T083000Z.backup", "backups/20260105T090000Z.backup")
	d, err := Delete(t.Context(), dir)
	if err != nil || d.Backups != 2 || d.Bytes < 16 || time.Since(d.Newest) > time.Hour || isThere(dir) {
		t.Errorf("got %+v, %v", d, err)
	}
}

// A data directory may be a link to a disk with room: what is deleted is the data,
// not the link alone.
func TestDeleteFollowsALink(t *testing.T) {
	elsewhere, link := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	prepare(t, elsewhere)
	files(t, elsewhere, "backups/20260105T083000Z.backup")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Delete(t.Context(), link); err != nil || isThere(elsewhere) || isThere(link) {
		t.Errorf("got %v; the data are there: %t", err, isThere(elsewhere))
	}
	if _, err := os.Lstat(link); err == nil {
		t.Error("the link is still there")
	}
}
