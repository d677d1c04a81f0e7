package api

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/disk/disktest"
)

func TestDamagedToken(t *testing.T) {
	token := NewToken()
	if got, err := ReadToken([]byte(token + "\n")); err != nil || got != token {
		t.Fatalf("got %q, %v, want %q", got, err, token)
	}
	path := filepath.Join(t.TempDir(), "provider.token")
	for _, damage := range disktest.All(rand.New(rand.NewPCG(1, 0)), 0) {
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		disktest.Harm(t, path, damage)
		text, err := os.ReadFile(path)
		if err != nil { // deleted
			continue
		}
		if got, err := ReadToken(text); err == nil {
			t.Errorf("%s: %q was believed: %q", damage.Name, text, got)
		}
	}
}

// FuzzReadToken reads tokens: none is shorter than it should be, and none is believed
// that could not have been written.
func FuzzReadToken(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef\n"))
	f.Add([]byte("0123456789abcdef"))
	f.Add([]byte("0123456789ABCDEF0123456789ABCDEF"))
	f.Add([]byte(" 123456789abcdef0123456789abcdef\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		token, err := ReadToken(text)
		if err != nil {
			return
		}
		if token != string(text) && token+"\n" != string(text) {
			t.Errorf("%q is read as %q", text, token)
		}
		if len(token) != tokenSize || strings.ContainsFunc(token, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }) {
			t.Errorf("%q was believed", token)
		}
	})
}

// FuzzReadHandle reads handles: whoever is asked is on this machine.
func FuzzReadHandle(f *testing.F) {
	whole := Handle{PID: 42, Address: "127.0.0.1:4000", Token: "0123456789abcdef0123456789abcdef"}
	text, err := json.Marshal(whole)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(strings.Replace(string(text), "127.0.0.1", "10.0.0.1", 1)))
	f.Add([]byte(strings.Replace(string(text), "4000", "0", 1)))
	f.Add([]byte(strings.Replace(string(text), "42", "-42", 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ReadHandle(text)
		if err != nil {
			if h != (Handle{}) {
				t.Errorf("refused (%v), and %+v came back", err, h)
			}
			return
		}
		if h.PID <= 0 || len(h.Token) != tokenSize || !strings.HasPrefix(h.Address, "127.") && !strings.HasPrefix(h.Address, "[::1") && !strings.HasPrefix(h.Address, "[::ffff:127.") && !strings.HasPrefix(h.Address, "[::ffff:7f") {
			t.Errorf("%+v was believed", h)
		}
		written, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ReadHandle(written); err != nil || again != h {
			t.Errorf("%+v again: %+v, %v", h, again, err)
		}
	})
}
