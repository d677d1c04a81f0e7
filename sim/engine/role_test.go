package engine

import (
	"errors"
	"net"
	"os"
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
	tokens := map[api.Role]string{}
	for _, role := range api.Roles {
		tokens[role] = api.NewToken()
	}
	if err := writeJSON(handleFile(dir), api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: tokens[api.RoleCustomer]}); err != nil {
		t.Fatal(err)
	}
	var input *InputError
	for _, role := range []api.Role{api.RoleProvider, api.RoleDirector} {
		if _, err := AttachAs(dir, role); !errors.As(err, &input) || !strings.Contains(err.Error(), "demarc up") {
			t.Errorf("no token of the %s: got %v, want an InputError that says what to do", role, err)
		}
		for _, text := range []string{tokens[role][:16], ""} { // halved and emptied
			if err := os.WriteFile(tokenFile(dir, role), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := AttachAs(dir, role); !errors.As(err, &input) || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "demarc up") {
				t.Errorf("the token of the %s is %q: got %v, want an InputError that says what to do", role, text, err)
			}
		}
		if err := os.WriteFile(tokenFile(dir, role), []byte(tokens[role]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range api.Roles {
		c, err := AttachAs(dir, role)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Handle().Token; got != tokens[role] {
			t.Errorf("token of the %s: got %q, want %q", role, got, tokens[role])
		}
	}
}
