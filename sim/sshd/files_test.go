package sshd

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFiles checks that a server that is started again has its port and its keys.
func TestFiles(t *testing.T) {
	f := start(t)
	dir := f.cfg.Dir
	if _, err := ReadAddress(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no server: got %v", err)
	}
	a, err := ReadAddress(dir)
	if want := (Address{Port: f.Port(), Config: f.ConfigFile()}); err != nil || a != want {
		t.Errorf("address: got %v, %v, want %v", a, err, want)
	}
	for _, d := range []string{dir, f.cfg.ProviderDir} {
		err := filepath.WalkDir(d, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	read := func() (all []byte) {
		for _, p := range []string{CustomerKey(dir), ProviderKey(f.cfg.ProviderDir), KnownHosts(dir), f.ConfigFile()} {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Error(err)
			}
			all = append(all, b...)
		}
		return all
	}
	before := read()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Start(f.config(a.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Port() != a.Port || !bytes.Equal(read(), before) {
		t.Errorf("port %d is %d, or the files are others", a.Port, again.Port())
	}
	third, err := Start(f.config(a.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if third.Port() == a.Port {
		t.Error("two have one port")
	}
}

// TestOpenSSH uses the server with the ssh that people have.
func TestOpenSSH(t *testing.T) {
	path, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("there is no ssh on this machine")
	}
	f := start(t)
	config := f.ConfigFile()
	bare := []string{"-F", "none", "-p", strings.Fields(strings.SplitN(sshConfig("", f.Port(), nil), "Port ", 2)[1])[0],
		"-o", "UserKnownHostsFile=" + KnownHosts(f.cfg.Dir), "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o", "IdentityFile=none", node0 + "@127.0.0.1", "echo"}
	for _, x := range []struct {
		args      []string
		stdin     string
		exit      int
		out, errs string
	}{
		{[]string{"-F", config, "vmss000000", "echo", "hello"}, "", 0, "hello\n", ""},
		{[]string{"-F", config, node1, "exit 7"}, "", 7, "", ""},
		{[]string{"-F", config, node1, "cat"}, "data", 0, "data", ""},
		{[]string{"-F", config, "-T", "vmss000001"}, "echo one\necho two\n", 0, "one\ntwo\n", ""},
		{[]string{"-F", config, "-tt", "vmss000001"}, "echo one\r\x04", 0, "Welcome\r\nnode$ echo one\r\none\r\nnode$ logout\r\n", "Connection to 127.0.0.1 closed."},
		{[]string{"-F", config, "vmss000001", "reboot"}, "", 255, "", "Connection to " + node1 + " closed by remote host.\n"},
		{[]string{"-F", config, "-i", ProviderKey(f.cfg.ProviderDir), "-l", "vmss000001", "vmss000001", "echo"}, "", 255, "", "the customer has not consented\n"},
		{[]string{"-F", config, "-s", "vmss000000", "sftp"}, "", 1, "", noSubsystem},
		{[]string{"-F", config, "-o", "SendEnv=*", "-o", "ServerAliveInterval=1", "-R", "0:127.0.0.1:1", "vmss000000", "echo"}, "", 0, "\n", "Warning: remote port forwarding failed"},
		{bare, "", 255, "", node0 + "@127.0.0.1: Permission denied (publickey)."},
	} {
		var out, errs bytes.Buffer
		cmd := exec.Command(path, x.args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(x.stdin), &out, &errs
		_ = cmd.Run() // the exit code says it
		if got := cmd.ProcessState.ExitCode(); got != x.exit || out.String() != x.out || !strings.Contains(errs.String(), x.errs) {
			t.Errorf("ssh %q: got %d, %q, %q, want %d, %q, %q", x.args, got, out.String(), errs.String(), x.exit, x.out, x.errs)
		}
	}
}
