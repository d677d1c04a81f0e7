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

// TestAttachAs checks that only the provider's client has the provider's token.
func TestAttachAs(t *testing.T) {
	dir := t.TempDir()
	if _, err := AttachAs(dir, api.RoleProvider); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nothing runs: got %v, want %v", err, ErrNotRunning)
	}
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := writeJSON(handleFile(dir), api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: "customer's"}); err != nil {
		t.Fatal(err)
	}
	var input *InputError
	if _, err := AttachAs(dir, api.RoleProvider); !errors.As(err, &input) || !strings.Contains(err.Error(), "demarc up") {
		t.Errorf("no token: got %v, want an InputError that says what to do", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "provider.token"), []byte("provider's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for role, want := range map[api.Role]string{api.RoleCustomer: "customer's", api.RoleProvider: "provider's"} {
		c, err := AttachAs(dir, role)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Handle().Token; got != want {
			t.Errorf("token of the %s: got %q, want %q", role, got, want)
		}
	}
}
