package sshd

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// typist is a terminal at which a test types.
type typist struct {
	t    *testing.T
	s    *ssh.Session
	keys io.Writer
	out  *lockedBuffer
	seen int // how much of out has been expected
}

func atTerminal(t *testing.T, f *fixture, columns int) *typist {
	t.Helper()
	s, out, _ := newSession(t, f.client(t, node0))
	keys, err := s.StdinPipe()
	if err == nil {
		err = s.RequestPty("xterm", 24, columns, ssh.TerminalModes{ssh.ECHO: 1})
	}
	if err == nil {
		err = s.Shell()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &typist{t: t, s: s, keys: keys, out: out}
}

// types sends keys and waits for what follows.
func (y *typist) types(keys, want string) {
	y.t.Helper()
	fmt.Fprint(y.keys, keys)
	seen := y.seen
	for range 2000 {
		text := y.out.String()[seen:]
		if i := strings.Index(text, want); i >= 0 {
			y.seen = seen + i + len(want)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	y.t.Fatalf("after %q: no %q in %q", keys, want, y.out.String()[seen:])
}

func TestTerminal(t *testing.T) {
	f := start(t)
	y := atTerminal(t, f, 80)
	y.types("", "Welcome\r\n")
	y.types("", "node$ ")
	y.types("echo one\r", "echo one\r\none\r\nnode$ ")
	y.types("echo two\n", "two\r\nnode$ ")
	y.types("\x1b[A\x1b[A\r", "\r\none\r\nnode$ ") // the last but one
	y.types("\x1bOA\r", "\r\none\r\nnode$ ")
	y.types("ec\t", "echo ")
	y.types("hé\x7fi\r", "\r\nhi\r\nnode$ ")
	y.types("s\t", "size   stray  \r\nnode$ s")
	y.types("i\t\r", "\r\n80 true\r\nnode$ ")
	y.types("echo abc", "abc")
	y.types("\x03", "abc^C\r\nnode$ ")
	y.types("echo \"a\r", "> ")
	y.types("b\"\r", "\r\n\"a\r\nb\"\r\nnode$ ")
	y.types("echo \"a\r", "> ")
	y.types("b", "b")
	y.types("\x03", "b^C\r\nnode$ ")
	y.types("echo abc\x01\x1b[3~\x04\x1b[F!\r", "\r\nho: command not found\r\nnode$ ")
	y.types("cat\r", "cat\r\n")
	y.types("line\r", "line\r\nline\r\n")
	y.types("\x04", "node$ ") // ends the input of cat, not the session
	y.types("cat\r", "cat\r\n")
	y.types("half", "half")
	y.types("\x03", "half^C\r\nnode$ ")
	y.types("hang\r", "hanging\r\n")
	y.types("typed before\x03", "^C\r\nnode$ ")
	y.types("stray\r", "stray\r\nnode$ ")
	y.types("echo after\r", "\r\nafter\r\nnode$ ")
	y.types("\r\n\r", "\r\nnode$ \r\nnode$ ")
	y.types("\x04", "logout\r\n")
	if err := y.s.Wait(); err != nil {
		t.Errorf("after cat: got %v", err)
	}
}

// TestTerminalEnds checks the ways out of a session and their exit status.
func TestTerminalEnds(t *testing.T) {
	f := start(t)
	for keys, want := range map[string]int{"exit 5\r": 5, "nonsense\r\x04": 127, "\x04": 0, "x\x03\x04": 130, "reboot\r": 128} {
		y := atTerminal(t, f, 80)
		y.types("", "node$ ")
		fmt.Fprint(y.keys, keys)
		if err := y.s.Wait(); status(err) != want {
			t.Errorf("%q: got %v, want %d", keys, err, want)
		}
		if gone := strings.Contains(y.out.String(), "Connection to "+node0+" closed by remote host.\r\n"); gone != (want == 128) {
			t.Errorf("%q: got %q", keys, y.out.String())
		}
	}
}

// TestCommandAtTerminal checks ssh -t NODE COMMAND.
func TestCommandAtTerminal(t *testing.T) {
	f := start(t)
	s, out, _ := newSession(t, f.client(t, node0))
	in, err := s.StdinPipe()
	if err == nil {
		err = s.RequestPty("xterm", 0, 0, nil)
	}
	if err == nil {
		err = s.Start("cat")
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(in, "x\r\x04")
	if err := s.Wait(); err != nil || out.String() != "x\r\nx\r\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
}

func TestWindow(t *testing.T) {
	f := start(t)
	y := atTerminal(t, f, 20)
	y.types("", "node$ ")
	y.types("echo 0123456789abcdef", "f")
	for _, columns := range []int{1, 1 << 30, 0, 40} {
		if err := y.s.WindowChange(24, columns); err != nil {
			t.Fatal(err)
		}
	}
	y.types("", "echo 0123456789abcdef") // it is drawn again
	y.types("\r", "\r\n0123456789abcdef\r\nnode$ ")
}

// TestKeyboard checks what the line editor gets of what is sent, however it is cut.
func TestKeyboard(t *testing.T) {
	for sent, want := range map[string][]string{
		"aé世":                                    {"a", "é", "世"},
		"\x1b[A\x1bOB\x1b[1;5Cx":                 {"\x1b[A", "\x1b[B", "\x1b[1;3C", "x"},
		"\x1b[200~p\x1b[201~":                    {"p"},
		"\x1b[15~\x1bz\x1b[<1;2M":                nil,
		"\x1b[" + strings.Repeat("1", 300) + "A": append(strings.Split(strings.Repeat("1", 300-14), ""), "A"),
		"\xff\xc3a\xc3\x1b[A":                    {"?", "?", "a", "?", "\x1b[A"},
		string(runeAbandon) + string(runeResize): {"?", "?"},
		"a\r\nb\n\r":                             {"a", "\r", "b", "\n", "\r"},
		"\x00\x1a\x1c\x04":                       {string(runeEnd)},
		"lost\x03":                               {string(runeAbandon), "\r"},
	} {
		for _, piece := range []int{1, 2, len(sent)} {
			in := newInput()
			k := &keyboard{in: in, interrupt: func() bool { return false }}
			for rest := []byte(sent); len(rest) > 0; {
				n := min(piece, len(rest))
				k.press(rest[:n])
				rest = rest[n:]
			}
			var got []string
			for _, p := range in.pieces {
				got = append(got, string(p))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%.40q in pieces of %d (-want +got):\n%s", sent, piece, diff)
			}
		}
	}
}
