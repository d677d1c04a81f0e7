package sshd

import (
	"bytes"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/disk/disktest"

	"golang.org/x/crypto/ssh"
)

// signs says whether what a key signs is of its public key.
func signs(t testing.TB, key ssh.Signer) bool {
	t.Helper()
	signature, err := key.Sign(rand.Reader, []byte("hello"))
	return err == nil && key.PublicKey().Verify([]byte("hello"), signature) == nil
}

// Whatever happens to a key: there is one that works, the public one beside it is its
// own, and it is said if it is another.
func TestDamagedKey(t *testing.T) {
	damages := append(disktest.All(mathrand.New(mathrand.NewPCG(5, 0)), 60), disktest.Changed("nothing", bytes.Clone))
	for _, damage := range damages {
		for _, which := range []string{"", ".pub"} {
			t.Run(damage.Name+" "+which, func(t *testing.T) {
				dir := t.TempDir()
				var said []api.Mended
				cfg := Config{Dir: dir, ProviderDir: filepath.Join(dir, "provider"), Mended: func(m api.Mended) { said = append(said, m) }}
				before, err := makeKeys(cfg)
				if err != nil || len(said) > 0 {
					t.Fatalf("the first time: %v, said %v", err, said)
				}
				path := CustomerKey(dir)
				disktest.Harm(t, path+which, damage)
				after, err := makeKeys(cfg)
				if err != nil {
					t.Fatal(err)
				}
				renewed := !bytes.Equal(before.customer.Marshal(), after.customer.Marshal())
				if renewed != (len(said) == 1) || renewed && which == ".pub" {
					t.Errorf("the key is another: %t; said: %v", renewed, said)
				}
				if len(said) == 1 && (said[0].Subject != "ssh/id_ed25519" || strings.Contains(said[0].Found, dir)) {
					t.Errorf("said: %v", said)
				}
				if _, err := os.Stat(path + disk.Damaged); (err == nil) != (renewed && damage.Name != "deleted") {
					t.Errorf("what was damaged was set aside: %v", err)
				}
				key, err := ReadKey(path)
				if err != nil || !signs(t, key) {
					t.Fatalf("the key does not work: %v", err)
				}
				line, err := os.ReadFile(path + ".pub")
				if err != nil {
					t.Fatal(err)
				}
				if public, _, _, _, err := ssh.ParseAuthorizedKey(line); err != nil || !bytes.Equal(public.Marshal(), key.PublicKey().Marshal()) {
					t.Errorf("the public key is another: %v", err)
				}
			})
		}
	}
}

// FuzzReadKey reads private keys, as they are and damaged: what is taken for a key works.
func FuzzReadKey(f *testing.F) {
	path := filepath.Join(f.TempDir(), "key")
	if _, err := newKey(path, "fuzz", false); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseKey(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || key != nil {
				t.Errorf("got %v, %v, want an ErrDamaged", key, err)
			}
			return
		}
		if !signs(t, key) {
			t.Error("what it signs is not its own")
		}
	})
}

// FuzzReadAddress reads addresses of servers.
func FuzzReadAddress(f *testing.F) {
	for _, text := range []string{`{"port":2222,"config":"/tmp/config"}`, `{"port":22`, `{"port":0}`, `{"port":65536}`, `{"port":-1,"config":""}`, `null`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseAddress(text)
		if err == nil && (a.Port < 1 || a.Port > 65535) || err != nil && a != (Address{}) {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

// FuzzConfig writes configurations for OpenSSH: a path is one word of it, with nothing to
// expand.
func FuzzConfig(f *testing.F) {
	for _, path := range []string{"/home/me/.local/state/demarc/demarc/ssh", `/tmp/a "b" \c %d`, "/tmp/%%/\\", `/\"`} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if got, ok := openSSHWord(quote(path)); !ok || got != path {
			t.Errorf("%q is written as %s, and read as %q", path, quote(path), got)
		}
	})
}

// openSSHWord is what OpenSSH makes of a word in quotes: argv_split, then
// percent_expand.
func openSSHWord(word string) (text string, ok bool) {
	rest, ok := strings.CutPrefix(word, `"`)
	var b strings.Builder
	for ok {
		switch {
		case rest == `"`:
			return expandPercent(b.String())
		case rest == "" || rest[0] == '"':
			return "", false
		case rest[0] == '\\' && len(rest) > 1 && strings.ContainsRune(`'"\`, rune(rest[1])):
			rest = rest[1:]
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	return "", false
}

func expandPercent(text string) (string, bool) {
	if strings.Contains(strings.ReplaceAll(text, "%%", ""), "%") {
		return "", false
	}
	return strings.ReplaceAll(text, "%%", "%"), true
}
