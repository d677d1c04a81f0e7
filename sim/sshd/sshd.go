// Package sshd is the SSH server through which people log in to worker nodes: one
// loopback port for all nodes of a cluster, with the node as the user's name. Any
// SSH client can use it, and only the two keys that it makes open it.
//
// [Start] makes the keys and files ([Config.Dir]) and serves; [ReadAddress] finds a
// running server by its directory.
//
// A connection has a goroutine, a session has two, and one with input of its own
// three. All of them wait for the network, for input or for the [Session]: nothing is
// polled, and no timer runs but one for a handshake that is not finished. The engine's
// time is virtual, so a deadline can come at once in real time; that of a handshake is
// therefore long, and what really bounds idle connections is that a new one takes the
// place of the oldest that has not logged in.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"demarc/sim/api"

	"golang.org/x/crypto/ssh"
)

// Limits of a server.
const (
	maxConnections = 256
	maxSessions    = 8  // of a connection
	maxLogins      = 64 // of a role, so that nobody keeps another out
	// handshakeTimeout is in virtual time. An engine that runs free was seen to
	// pass eight hours in a second, and a handshake takes a tenth of one.
	handshakeTimeout = 30 * 24 * time.Hour
	// acceptPause is the virtual time after which a listener that failed (too
	// many open files) is asked again.
	acceptPause = time.Second
)

// Session is a login to a node. Its methods are called one at a time.
type Session interface {
	// Run runs a script, or a line of an interactive session, to its end. Its
	// error says that the machine has gone away.
	Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (exit int, err error)
	// Exited says that the script has ended the session.
	Exited() bool
	Prompt() string
	// Banner is the message of the day.
	Banner() string
	// Complete returns what the last word of a line can be; a line that ends in
	// a space has an empty one.
	Complete(line string) []string
}

// Config says what a server serves and where its files are.
type Config struct {
	// Dir is where the files are: host key, the customer's key pair, known_hosts
	// and an ssh_config. It is made if it is missing.
	Dir string
	// ProviderDir is where the key of the provider's support is.
	ProviderDir string
	// Sync says that the keys must survive a crash of the machine.
	Sync bool
	// Port is tried first, so that a resumed cluster keeps it; 0 means any.
	Port int
	// Nodes returns the full names of all nodes, in the order of their indices.
	Nodes func() []string
	// Open logs somebody in. The node is the user's name: an index, a vmss suffix
	// or a name. The context ends with the session, and [Terminal] tells of its
	// terminal. An error is shown to the client, and the connection ends.
	Open func(ctx context.Context, node string, role api.Role, from string) (Session, error)
	// Incomplete says that a text is an unfinished command.
	Incomplete func(string) bool
	// Mended is told of keys that were damaged or lost and are new; nil means nobody is.
	Mended func(api.Mended)
	// Log gets what the engine's operator should know; nil means nothing does.
	Log io.Writer
}

// Server is an SSH server that runs.
type Server struct {
	cfg      Config
	listener net.Listener
	ssh      *ssh.ServerConfig
	host     ssh.PublicKey
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	clients []*client // the oldest first
}

// Start makes what is missing of the files, opens a port of 127.0.0.1 and serves.
func Start(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Mended == nil {
		cfg.Mended = func(api.Mended) {}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("directory of the SSH keys: %w", err)
	}
	cfg.Dir = dir // the configuration is used from anywhere
	k, err := makeKeys(cfg)
	if err != nil {
		return nil, err
	}
	l, err := listen(cfg.Port)
	if err != nil {
		return nil, fmt.Errorf("listen for SSH: %w", err)
	}
	s := &Server{cfg: cfg, listener: l, host: k.host.PublicKey(), ssh: serverConfig(k)}
	if err := s.Refresh(); err != nil {
		l.Close()
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Add(1)
	go s.accept()
	return s, nil
}

// listen takes the port that is wanted, or any if it is another's by now.
func listen(port int) (net.Listener, error) {
	if port != 0 {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// Port is the port of 127.0.0.1 that is served.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// ConfigFile is the path of the configuration for ssh -F.
func (s *Server) ConfigFile() string { return configFile(s.cfg.Dir) }

// Close ends all sessions and waits for their goroutines. The files stay.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.mu.Lock()
	for _, c := range s.clients {
		c.conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			fmt.Fprintf(s.cfg.Log, "ssh: accept: %v\n", err)
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		if c := s.admit(conn); c != nil {
			go c.serve()
		}
	}
}

// admit finds a place for a connection. If all are taken, that of the oldest one that
// has not logged in is freed; if all have, the new one is closed.
func (s *Server) admit(conn net.Conn) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || !s.makeRoom() {
		conn.Close()
		return nil
	}
	c := &client{server: s, conn: conn}
	s.clients = append(s.clients, c)
	s.running.Add(1)
	return c
}

// makeRoom is called with the lock held.
func (s *Server) makeRoom() bool {
	if len(s.clients) < maxConnections {
		return true
	}
	i := slices.IndexFunc(s.clients, func(c *client) bool { return !c.loggedIn })
	if i < 0 {
		return false
	}
	s.clients[i].conn.Close()
	s.clients = slices.Delete(s.clients, i, i+1)
	return true
}

// logIn counts a connection of a role, unless the role has all that it may have. Such a
// connection can be told so, but gives its place to the next.
func (s *Server) logIn(c *client, role api.Role) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, other := range s.clients {
		if other.loggedIn && other.role == role {
			n++
		}
	}
	c.role = role
	if c.loggedIn = n < maxLogins; !c.loggedIn {
		return fmt.Errorf("too many logins: at most %d connections of the %s at once; end one of them", maxLogins, role)
	}
	return nil
}

// dismiss forgets a connection.
func (s *Server) dismiss(gone *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = slices.DeleteFunc(s.clients, func(c *client) bool { return c == gone })
}

// guard keeps a mistake in what a session runs from ending the engine.
func (s *Server) guard(what string) {
	if r := recover(); r != nil {
		fmt.Fprintf(s.cfg.Log, "ssh: internal error in %s: %v\n", what, r)
	}
}
