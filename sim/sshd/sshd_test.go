package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

const (
	node0 = "aks-nodepool1-12345678-vmss000000"
	node1 = "aks-nodepool1-12345678-vmss000001"
)

// fakeShell is a shell of a few words.
type fakeShell struct {
	ctx    context.Context
	exited bool
}

func (f *fakeShell) Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(script), " ")
	switch word {
	case "echo":
		fmt.Fprintln(stdout, rest)
	case "printf":
		fmt.Fprint(stdout, rest)
	case "cat":
		_, err := io.Copy(stdout, stdin)
		if err != nil {
			return 1, nil
		}
	case "stray": // reads on when it is over, as a goroutine of a careless program
		reading := make(chan struct{})
		go func() {
			close(reading)
			_, _ = stdin.Read(make([]byte, 100))
		}()
		<-reading
	case "hang":
		fmt.Fprintln(stdout, "hanging")
		<-ctx.Done()
	case "size":
		columns, ok := Terminal(f.ctx)
		fmt.Fprintln(stdout, columns, ok)
	case "reboot":
		return 0, errors.New("the machine has gone away")
	case "panic":
		panic("a mistake")
	case "exit":
		f.exited = true
		n, _ := strconv.Atoi(rest)
		return n, nil
	default:
		fmt.Fprintf(stderr, "%s: command not found\n", word)
		return 127, nil
	}
	return 0, nil
}

func (f *fakeShell) Exited() bool   { return f.exited }
func (f *fakeShell) Prompt() string { return "node$ " }
func (f *fakeShell) Banner() string { return "Welcome\n" }
func (f *fakeShell) Complete(line string) []string {
	switch line {
	case "ec":
		return []string{"echo"}
	case "si":
		return []string{"size"}
	case "s":
		return []string{"size", "stray"}
	}
	return nil
}

// opened is what a server was asked to open.
type opened struct {
	node string
	role api.Role
}

// fixture is a server and what was opened in it.
type fixture struct {
	*Server
	dir string
	log *lockedBuffer

	mu     sync.Mutex
	opened []opened
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts a server, and checks at the end of the test that nothing of it stays.
func start(t *testing.T) *fixture {
	t.Helper()
	before := runtime.NumGoroutine()
	f := &fixture{dir: t.TempDir(), log: &lockedBuffer{}}
	s, err := Start(f.config(0))
	if err != nil {
		t.Fatal(err)
	}
	f.Server = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range 500 { // those of the SSH library end a moment later
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines stay:\n%s", stacks[:runtime.Stack(stacks, true)])
	})
	return f
}

func (f *fixture) config(port int) Config {
	return Config{
		Dir: filepath.Join(f.dir, "ssh"), ProviderDir: filepath.Join(f.dir, "provider"), Port: port, Log: f.log,
		Nodes: func() []string { return []string{node0, node1} },
		Open: func(ctx context.Context, node string, role api.Role, from string) (Session, error) {
			f.mu.Lock()
			f.opened = append(f.opened, opened{node, role})
			f.mu.Unlock()
			if host, _, err := net.SplitHostPort(from); err != nil || host != "127.0.0.1" {
				return nil, fmt.Errorf("from %q", from)
			}
			if role == api.RoleProvider && node == "vmss000001" {
				return nil, errors.New("the customer has not consented")
			}
			return &fakeShell{ctx: ctx}, nil
		},
		Incomplete: func(s string) bool { return strings.Count(s, `"`)%2 == 1 },
	}
}

// dial logs in with a key file; none without one.
func (f *fixture) dial(t *testing.T, node, key string) (*ssh.Client, error) {
	t.Helper()
	known, err := knownhosts.New(KnownHosts(f.cfg.Dir))
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ssh.ClientConfig{User: node, HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}}
	if key != "" {
		b, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.ParsePrivateKey(b)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	}
	return ssh.Dial("tcp", f.listener.Addr().String(), cfg)
}

// client is a customer who has logged in.
func (f *fixture) client(t *testing.T, node string) *ssh.Client {
	t.Helper()
	c, err := f.dial(t, node, CustomerKey(f.cfg.Dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// newSession is a channel, and what comes out of it.
func newSession(t *testing.T, c *ssh.Client) (s *ssh.Session, out, errs *lockedBuffer) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, errs = &lockedBuffer{}, &lockedBuffer{}
	s.Stdout, s.Stderr = out, errs
	return s, out, errs
}

// status is the exit status in what a session ended with; -1 if there was none.
func status(err error) int {
	var exit *ssh.ExitError
	switch {
	case err == nil, errors.Is(err, io.EOF): // it ended well, and input was left
		return 0
	case errors.As(err, &exit):
		return exit.ExitStatus()
	}
	return -1
}

func TestExec(t *testing.T) {
	f := start(t)
	c := f.client(t, "0")
	for _, x := range []struct {
		command, stdin string
		exit           int
		out, errs      string
	}{
		{"echo hello", "", 0, "hello\n", ""},
		{"nonsense", "", 127, "", "nonsense: command not found\n"},
		{"exit 3", "", 3, "", ""},
		{"cat", "one\ntwo", 0, "one\ntwo", ""},
		{"cat", string([]byte{0, 255, 3, 4, 27, 13, 10}), 0, string([]byte{0, 255, 3, 4, 27, 13, 10}), ""},
		{"cat", strings.Repeat("0123456789abcdef", 20_000), 0, strings.Repeat("0123456789abcdef", 20_000), ""},
		{"stray", "one", 0, "", ""},
		{"size", "", 0, "0 false\n", ""},
	} {
		s, out, errs := newSession(t, c)
		s.Stdin = strings.NewReader(x.stdin)
		if err := s.Setenv("LANG", "C"); err != nil {
			t.Errorf("env: %v", err)
		}
		err := s.Run(x.command)
		if status(err) != x.exit || out.String() != x.out || errs.String() != x.errs {
			t.Errorf("%s: got %v, %.50q, %q, want %d, %.50q, %q", x.command, err, out.String(), errs.String(), x.exit, x.out, x.errs)
		}
	}
	if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); !ok || err != nil {
		t.Errorf("keepalive: got %t, %v", ok, err)
	}
	s, _, errs := newSession(t, c)
	if err := s.Run("echo " + strings.Repeat("x", maxCommand)); err == nil || !strings.Contains(errs.String(), "too long") {
		t.Errorf("a long command: got %v, %q", err, errs.String())
	}
}

func TestScript(t *testing.T) {
	f := start(t)
	for _, x := range []struct {
		script    string
		exit      int
		out, errs string
	}{
		{"", 0, "", ""},
		{"echo one\n\necho two", 0, "one\ntwo\n", ""},
		{"echo \"one\ntwo\"\n", 0, "\"one\ntwo\"\n", ""},
		{"nonsense\n", 127, "", "nonsense: command not found\n"},
		{"exit 4\necho late\n", 4, "", ""},
		{"cat\necho is not run\n", 0, "echo is not run\n", ""},
		{"echo \"open", 0, "\"open\n", ""},
		{"echo " + strings.Repeat("x", maxCommand), 2, "", "demarc: a command is too long: at most 65536 bytes in 1000 lines\n"},
		{"echo \"" + strings.Repeat("\n", 2*maxLines), 2, "", "demarc: a command is too long: at most 65536 bytes in 1000 lines\n"},
		{"\x00\xff\x03\x04\r\n", 127, "", "\x00\xff\x03\x04: command not found\n"},
	} {
		s, out, errs := newSession(t, f.client(t, node0))
		s.Stdin = strings.NewReader(x.script)
		err := s.Shell()
		if err == nil {
			err = s.Wait()
		}
		if status(err) != x.exit || out.String() != x.out || errs.String() != x.errs {
			t.Errorf("%.30q: got %v, %q, %q, want %d, %q, %q", x.script, err, out.String(), errs.String(), x.exit, x.out, x.errs)
		}
	}
}

// TestStrayReader checks that nothing is lost to a command that is over and still
// reads.
func TestStrayReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		command := newStdin(in, in.Read, in.unread)
		var n int
		var err error
		go func() { n, err = command.Read(make([]byte, 10)) }()
		synctest.Wait()
		command.end()
		in.put([]byte("next"))
		synctest.Wait()
		if n != 0 || err != io.EOF {
			t.Errorf("the command: got %d, %v, want the end", n, err)
		}
		buf := make([]byte, 10)
		if n, err := in.Read(buf); string(buf[:n]) != "next" || err != nil {
			t.Errorf("the next: got %q, %v", buf[:n], err)
		}
	})
}

func TestKeys(t *testing.T) {
	f := start(t)
	if _, err := f.dial(t, node0, ""); err == nil || !strings.Contains(err.Error(), "no supported methods remain") {
		t.Errorf("without a key: got %v", err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if _, err := makeKey(Config{}, other, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.dial(t, node0, other); err == nil {
		t.Error("another key was let in")
	}
	for _, x := range []struct {
		node, key string
		want      opened
	}{
		{"vmss000001", CustomerKey(f.cfg.Dir), opened{"vmss000001", api.RoleCustomer}},
		{node1, ProviderKey(f.cfg.ProviderDir), opened{node1, api.RoleProvider}},
	} {
		c, err := f.dial(t, x.node, x.key)
		if err != nil {
			t.Fatal(err)
		}
		s, _, _ := newSession(t, c)
		if err := s.Run("echo"); err != nil {
			t.Error(err)
		}
		c.Close()
		if got := f.opened[len(f.opened)-1]; got != x.want {
			t.Errorf("got %v, want %v", got, x.want)
		}
	}
}

// TestRefused checks that the reason arrives, and that the connection ends.
func TestRefused(t *testing.T) {
	f := start(t)
	for range 20 {
		c, err := f.dial(t, "vmss000001", ProviderKey(f.cfg.ProviderDir))
		if err != nil {
			t.Fatal(err)
		}
		s, _, errs := newSession(t, c)
		s.Stdin = strings.NewReader(strings.Repeat("echo\n", 100))
		err = s.Shell()
		if err == nil {
			err = s.Wait()
		}
		var exit *ssh.ExitError
		if !errors.As(err, &exit) || exit.Signal() != SignalRefused || exit.Msg() != "the customer has not consented" || errs.String() != "the customer has not consented\n" {
			t.Fatalf("got %v, %q", err, errs.String())
		}
		_ = c.Wait() // it ends by itself
		c.Close()
	}
}

func TestMachineGoesAway(t *testing.T) {
	f := start(t)
	for range 20 {
		c := f.client(t, "1")
		s, _, errs := newSession(t, c)
		err := s.Run("reboot")
		if exit := (*ssh.ExitError)(nil); !errors.As(err, &exit) || exit.Signal() != SignalGone || errs.String() != "Connection to "+node1+" closed by remote host.\n" {
			t.Fatalf("got %v, %q", err, errs.String())
		}
		_ = c.Wait() // it ends by itself
	}
}

func TestSignals(t *testing.T) {
	f := start(t)
	c := f.client(t, node0)
	for signal, want := range map[ssh.Signal]int{ssh.SIGINT: 130, ssh.SIGTERM: 143} {
		s, out, _ := newSession(t, c)
		if err := s.Start("hang"); err != nil {
			t.Fatal(err)
		}
		await(t, out, "hanging")
		if err := s.Signal(signal); err != nil {
			t.Error(err)
		}
		if err := s.Wait(); status(err) != want {
			t.Errorf("%s: got %v, want %d", signal, err, want)
		}
	}
	s, out, _ := newSession(t, c)
	if err := s.Start("hang"); err != nil {
		t.Fatal(err)
	}
	await(t, out, "hanging")
	c.Close() // and the command ends, or the server could not close
}

// TestRefusesTheRest checks what there is not.
func TestRefusesTheRest(t *testing.T) {
	f := start(t)
	c := f.client(t, node0)
	if _, err := c.Dial("tcp", "127.0.0.1:80"); err == nil || !strings.Contains(err.Error(), "forward nothing") {
		t.Errorf("forwarding: got %v", err)
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded back")
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := s.StderrPipe()
	if err == nil {
		err = s.RequestSubsystem("sftp")
	}
	if err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(errs); err != nil || string(said) != noSubsystem {
		t.Errorf("sftp: got %q, %v", said, err)
	}
	for _, request := range []string{"auth-agent-req@openssh.com", "x11-req", "break", "nonsense", "exec", "pty-req", "window-change", "signal"} {
		s, _, _ := newSession(t, c)
		if ok, err := s.SendRequest(request, true, []byte{1}); ok || err != nil {
			t.Errorf("%s: got %t, %v, want a refusal", request, ok, err)
		}
		s.Close()
	}
}

// await waits until something has been written.
func await(t *testing.T, b *lockedBuffer, want string) {
	t.Helper()
	for range 1000 {
		if strings.Contains(b.String(), want) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no %q in %q", want, b.String())
}

func TestPanicOfASession(t *testing.T) {
	f := start(t)
	c := f.client(t, node0)
	s, _, _ := newSession(t, c)
	if err := s.Run("panic"); status(err) != -1 {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(f.log.String(), "a mistake") {
		t.Errorf("log: got %q", f.log.String())
	}
	s, out, _ := newSession(t, c)
	if err := s.Run("echo on"); err != nil || out.String() != "on\n" {
		t.Errorf("the next session: got %v, %q", err, out.String())
	}
}
