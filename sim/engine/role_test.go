package engine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/api"
)

// TestAttachAs checks that each role has a token of its own.
func TestAttachAs(t *testing.T) {
	dir := t.TempDir()
	if _, err := AttachAs(dir, api.RoleProvider); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nothing runs: got %v, want %v", err, ErrNotRunning)
	}
	prepare(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := writeJSON(handleFile(dir), api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: "customer's"}); err != nil {
		t.Fatal(err)
	}
	var input *InputError
	for _, role := range []api.Role{api.RoleProvider, api.RoleDirector} {
		if _, err := AttachAs(dir, role); !errors.As(err, &input) || !strings.Contains(err.Error(), "demarc up") {
			t.Errorf("no token of the %s: got %v, want an InputError that says what to do", role, err)
		}
		if err := os.WriteFile(filepath.Join(dir, string(role)+".token"), []byte(role+"'s\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range api.Roles {
		want := string(role) + "'s"
		c, err := AttachAs(dir, role)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Handle().Token; got != want {
			t.Errorf("token of the %s: got %q, want %q", role, got, want)
		}
	}
}
