package sshd

import (
	"io"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
)

// FuzzKeys looks for keys that panic, or that are kept without bound.
func FuzzKeys(f *testing.F) {
	for _, keys := range []string{"ls -l\r", "\x1b[A\x1b[1;5C\x1bOH\x1b[3~", "\x03\x03\x04", "\x1b[200~paste\r\n\x1b[201~", "\xc3\xa4\xff\xef\x9f\xb1", "\x1b[99999999999999999999", "\x12\x13\x11\x1a\t\t"} {
		f.Add([]byte(keys), 80, 24)
	}
	f.Fuzz(func(t *testing.T, keys []byte, columns, rows int) {
		in := newInput()
		k := &keyboard{in: in, interrupt: func() bool { return len(keys)%2 == 0 }}
		k.press(keys)
		k.press(keyEnter)
		if in.size > maxInput+maxSequence || len(k.part) > maxSequence {
			t.Errorf("%d bytes of input and %d of a key are kept", in.size, len(k.part))
		}
		in.close()
		editor := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{in, io.Discard}, "$ ")
		_ = editor.SetSize(min(max(columns, 1), 1000), min(max(rows, 1), 1000)) // as a session takes it
		for {
			if _, err := editor.ReadLine(); err != nil {
				break
			}
		}
	})
}

// FuzzRequests looks for requests of a client that panic.
func FuzzRequests(f *testing.F) {
	f.Add("pty-req", ssh.Marshal(struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}{"xterm", 1 << 31, 0, 1, 1, ""}))
	f.Add("window-change", []byte{0, 0, 0, 80, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add("signal", ssh.Marshal(struct{ Signal string }{"TERM"}))
	f.Add("exec", []byte{255, 255, 255, 255})
	f.Add("env", []byte(nil))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		s := &session{client: &client{}, in: newInput()}
		s.request(&ssh.Request{Type: "pty-req", Payload: payload})
		s.request(&ssh.Request{Type: kind, Payload: payload})
		if columns, rows := s.size(); columns < 0 || columns > 1000 || rows < 0 || rows > 1000 {
			t.Errorf("%d columns and %d rows", columns, rows)
		}
	})
}
