package sshd

import (
	"crypto/rand"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestGarbage checks that whoever sends anything to the port harms nobody.
func TestGarbage(t *testing.T) {
	f := start(t)
	for i := range 100 {
		conn, err := net.Dial("tcp", f.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		garbage := make([]byte, 2000)
		_, _ = rand.Read(garbage) // never fails
		switch i % 4 {
		case 1:
			garbage = append([]byte("SSH-2.0-garbage\r\n"), garbage...)
		case 2:
			garbage = []byte("SSH-2.0-half\r\n\x00\x00\x01")
		case 3:
			garbage = []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		_, _ = conn.Write(garbage) // the server may have hung up
		conn.Close()
	}
	s, out, _ := newSession(t, f.client(t, node0))
	if err := s.Run("echo well"); err != nil || out.String() != "well\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
	if f.log.String() != "" {
		t.Errorf("log: got %q", f.log.String())
	}
}

// TestGarbageAtTerminal checks that a terminal survives any keys.
func TestGarbageAtTerminal(t *testing.T) {
	f := start(t)
	for range 5 {
		y := atTerminal(t, f, 7)
		y.types("", "node$ ")
		garbage := make([]byte, 5_000)
		_, _ = rand.Read(garbage) // never fails
		for i, b := range garbage {
			if b == 4 {
				garbage[i] = '\t'
			}
		}
		_, _ = y.keys.Write(garbage) // a line of them may have ended the session
		y.types("\x03\recho well\r", "\r\nwell\r\n")
	}
}

// TestManyConnections checks that those who only hold places have to make room.
func TestManyConnections(t *testing.T) {
	f := start(t)
	for range 2 * maxConnections {
		conn, err := net.Dial("tcp", f.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.ReadFull(conn, make([]byte, 4)) // it is admitted, or closed by now
	}
	var clients []*ssh.Client
	for range maxLogins {
		c := f.client(t, node0)
		clients = append(clients, c)
		if s, _, _ := newSession(t, c); s.Run("echo") != nil { // it is known to have logged in
			t.Error("no echo")
		}
	}
	one, _, errs := newSession(t, f.client(t, node0))
	if err := one.Run("echo"); err == nil || !strings.Contains(errs.String(), "too many logins: at most 64 connections of the customer at once") {
		t.Errorf("one more than there may be: got %v, %q", err, errs.String())
	}
	support, err := f.dial(t, node0, ProviderKey(f.cfg.ProviderDir))
	if err != nil {
		t.Fatalf("the customer's logins keep the provider's support out: %v", err)
	}
	defer support.Close()
	if s, out, _ := newSession(t, support); s.Run("echo in") != nil || out.String() != "in\n" {
		t.Errorf("the provider's support: got %q", out.String())
	}
	s, out, _ := newSession(t, clients[0])
	if err := s.Run("echo first"); err != nil || out.String() != "first\n" {
		t.Errorf("the first: got %v, %q", err, out.String())
	}
}

func TestManySessions(t *testing.T) {
	f := start(t)
	c := f.client(t, node0)
	for range 3 {
		var open []*ssh.Session
		for len(open) < maxSessions {
			s, err := c.NewSession()
			if err != nil {
				continue // a place is free a moment after its session has ended
			}
			open = append(open, s)
		}
		if _, err := c.NewSession(); err == nil || !strings.Contains(err.Error(), "at most 8 sessions") {
			t.Errorf("one more: got %v", err)
		}
		for _, s := range open {
			if err := s.Run("echo"); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestReaderOfNothing checks that a client that takes no output can be got rid of: the
// server closes at the end of the test, and nothing of it may stay.
func TestReaderOfNothing(t *testing.T) {
	f := start(t)
	ch, requests, err := f.client(t, node0).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	if _, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{"cat"})); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(ch, strings.NewReader(strings.Repeat("x", 16<<20))) }() // ends with the connection
	if _, err := io.ReadFull(ch, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
