package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/command/commandtest"
	"demarc/sim/api"
	"demarc/sim/sshd"
)

const (
	sshNode0 = "aks-nodepool1-12345678-vmss000000"
	sshNode1 = "aks-nodepool1-12345678-vmss000001"
)

// echoShell is a shell that says what it was asked.
type echoShell struct{ who string }

func (e echoShell) Run(_ context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	script = strings.TrimSpace(script)
	code := 0
	switch {
	case script == "reboot":
		return 0, errors.New("gone")
	case script == "cat":
		_, err := io.Copy(stdout, stdin)
		return 0, err
	case strings.HasPrefix(script, "exit "):
		fmt.Sscan(script, new(string), &code)
		fmt.Fprintln(stderr, "leaving")
	default:
		fmt.Fprintf(stdout, "%s: %s\n", e.who, script)
	}
	return code, nil
}

func (echoShell) Exited() bool             { return false }
func (echoShell) Prompt() string           { return "$ " }
func (echoShell) Banner() string           { return "" }
func (echoShell) Complete(string) []string { return nil }

// nodesEngine plays an engine with two nodes and an SSH server.
func nodesEngine(t *testing.T, more commandtest.Answers) (home string) {
	t.Helper()
	answers := commandtest.Answers{
		"Status": api.Status{Machines: []api.Machine{{Name: sshNode0}, {Name: sshNode1}}},
		"Clock":  api.Clock{Now: commandtest.Eight, Virtual: true},
	}
	for k, v := range more {
		answers[k] = v
	}
	home = commandtest.Engine(t, answers)
	s, err := sshd.Start(sshd.Config{
		Dir: filepath.Join(home, "demarc", "ssh"), ProviderDir: filepath.Join(home, "demarc", "provider"),
		Nodes:      func() []string { return []string{sshNode0, sshNode1} },
		Incomplete: func(string) bool { return false },
		Open: func(_ context.Context, node string, role api.Role, _ string) (sshd.Session, error) {
			if role == api.RoleProvider && node == sshNode1 {
				return nil, errors.New("the customer has not consented")
			}
			return echoShell{string(role) + "@" + node}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return home
}

func TestSSH(t *testing.T) {
	home := nodesEngine(t, nil)
	for _, c := range []struct {
		args, stdin string
		code        int
		out, error  string
	}{
		{"ssh 0 -- uname -a", "", command.Held, "customer@" + sshNode0 + ": uname -a\n", ""},
		{"ssh vmss000001 -- uname", "", command.Held, "customer@" + sshNode1 + ": uname\n", ""},
		{"--as provider ssh " + sshNode0 + " -- uname", "", command.Held, "provider@" + sshNode0 + ": uname\n", ""},
		{"ssh 1 --as provider -- uname", "", command.BadRequest, "", "the customer has not consented\n"},
		{"ssh 1 --as provider -o json -- uname", "", command.BadRequest, "", "the customer has not consented\n"},
		{"ssh 0 -- cat", "data", command.Held, "data", ""},
		{"ssh 0", "one\ntwo\n", command.Held, "customer@" + sshNode0 + ": one\ncustomer@" + sshNode0 + ": two\n", ""},
		{"ssh 0 -- true", strings.Repeat("x", 1<<20), command.Held, "true", ""},
		{"ssh 0 -- exit 7", "", 7, "", "leaving\n"},
		{"ssh 0 -- exit 255", "", command.BadEngine, "", "leaving\n"},
		{"ssh 0 -- reboot", "", command.BadEngine, "", "Connection to " + sshNode0 + " closed by remote host.\n"},
		{"ssh 0 -o json -- exit 7", "", 7, `"exit": 7`, ""},
		{"ssh 0 -o json -- uname", "", command.Held, `"stdout": "customer@`, ""},
		{"ssh 0 -o json", "", command.BadRequest, "", "-o json needs a command"},
		{"ssh 2", "", command.BadRequest, "", "there is no node 2: there is " + sshNode0 + ", " + sshNode1 + ", also by its index"},
		{"ssh vmss00001", "", command.BadRequest, "", "did you mean \"vmss000001\"?"},
		{"ssh", "", command.BadRequest, "", "which node?"},
		{"ssh 0 uname", "", command.BadRequest, "", "demarc ssh 0 -- uname"},
		{"__complete ssh ", "", command.Held, "vmss000000\t" + sshNode0 + "\nvmss000001\t" + sshNode1 + "\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errout := demarc.RunWith(t.Context(), t, home, c.stdin, strings.Split(c.args, " ")...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errout, c.error) {
				t.Errorf("got %d\n%q\n%q\nwant %d\n%q\n%q", code, out, errout, c.code, c.out, c.error)
			}
			if c.error == "" && errout != "" && c.code == command.Held && !strings.HasPrefix(c.args, "__") {
				t.Errorf("standard error: got %q, want none", errout)
			}
		})
	}
}

// TestSSHOfAnother checks that a server with another key is not trusted, and what is
// said where there is no server.
func TestSSHOfAnother(t *testing.T) {
	home, other := nodesEngine(t, nil), nodesEngine(t, nil)
	dir := filepath.Join(home, "demarc", "ssh")
	b, err := os.ReadFile(filepath.Join(other, "demarc", "ssh", "server.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "server.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errout := demarc.Run(t, home, "ssh", "0", "--", "uname"); code != command.BadEngine || !strings.Contains(errout, "knownhosts") {
		t.Errorf("another server: got %d, %q", code, errout)
	}
	if err := os.Remove(filepath.Join(dir, "server.json")); err != nil {
		t.Fatal(err)
	}
	if code, _, errout := demarc.Run(t, home, "ssh", "0"); code != command.BadRequest || !strings.Contains(errout, "no SSH server yet") {
		t.Errorf("no server: got %d, %q", code, errout)
	}
}
