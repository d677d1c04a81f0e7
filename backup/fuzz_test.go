package backup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// FuzzKeyFile reads what may have become of a key's file: it is the key that was
// written, or lost.
func FuzzKeyFile(f *testing.F) {
	key := bytes.Repeat([]byte("0123456789abcdef"), 2)
	f.Add(withSum(key))
	f.Add(withSum(key)[:20])
	f.Add(append(withSum(key), 0))
	f.Add(append(key[:31:31], withSum(key)[31:]...))
	dir := f.TempDir()
	path, store := filepath.Join(dir, "backup.key"), filepath.Join(dir, "backups")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadKey(path, store)
		if lost := (*KeyError)(nil); err != nil && !errors.As(err, &lost) {
			t.Fatalf("got %v, want a KeyError", err)
		}
		switch {
		case err != nil:
			if got != nil {
				t.Errorf("refused, and %x came back", got)
			}
		case len(text) == len(key): // as an earlier version wrote it, and there is no backup to try it on
		case !bytes.Equal(withSum(got), text):
			t.Errorf("%x was believed: %x", text, got)
		}
	})
}

// FuzzMember changes bytes of one file of a stopped member, and cuts it. Either that is
// found, or all that is in use is as it was.
func FuzzMember(f *testing.F) {
	sound := filepath.Join(f.TempDir(), "0")
	client, stop := startEtcd(f, sound, testPeer)
	for _, key := range []string{"a", "b", "a"} {
		put(f, client, "/registry/pods/"+key, bytes.Repeat([]byte(key), 100))
	}
	if _, err := client.Delete(f.Context(), "/registry/pods/b", clientv3.WithPrefix()); err != nil {
		f.Fatal(err)
	}
	stop()
	last, err := inspectMember(sound, nil)
	if err := errors.Join(err, NoteSums(sound)); err != nil {
		f.Fatal(err)
	}
	var names []string
	whole := map[string][]byte{}
	if err := filepath.WalkDir(sound, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(sound, path)
		if strings.HasSuffix(name, ".tmp") { // etcd's next file of the log, which is empty
			return os.Remove(path)
		}
		names = append(names, name)
		whole[name], err = os.ReadFile(path)
		whole[name] = bytes.TrimRight(whole[name], "\x00")
		return err
	}); err != nil {
		f.Fatal(err)
	}
	for i := range names {
		f.Add(uint(i), uint(20), []byte{0xff}, uint(0))
		f.Add(uint(i), uint(4096+12), []byte{1, 2, 3, 4}, uint(0))
		f.Add(uint(i), uint(0), []byte{}, uint(1000))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, which, at uint, change []byte, cut uint) {
		name := names[which%uint(len(names))]
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(sound))); err != nil {
			t.Fatal(err)
		}
		before := whole[name]
		b := bytes.Clone(before)
		for i, x := range change[:min(len(change), 16)] {
			b[(int(at%uint(len(b)))+i)%len(b)] ^= x
		}
		b = b[:len(b)-int(cut%uint(len(b)+1))]
		changed := !bytes.Equal(b, before)
		if changed {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := CheckMember(dir)
		damage := (*DamageError)(nil)
		switch {
		case err != nil && !errors.As(err, &damage):
			t.Errorf("got %v, want a DamageError", err)
		case err != nil && (!changed || strings.Contains(err.Error(), "\n")):
			t.Errorf("changed: %t; %v", changed, err)
		case err == nil && name != sumsFile:
			if again, err := inspectMember(dir, nil); err != nil || again != last {
				t.Errorf("it was believed, and ends at entry %d, not %d: %v", again, last, err)
			}
		}
	})
}
