package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"

	"golang.org/x/crypto/ssh"
)

// roleExtension carries the role of a key through the handshake.
const roleExtension = "role@demarc"

// serverConfig lets in who has one of the two keys.
func serverConfig(k keys) *ssh.ServerConfig {
	cfg := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-demarc",
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for role, known := range map[api.Role]ssh.PublicKey{api.RoleCustomer: k.customer, api.RoleProvider: k.provider} {
				if bytes.Equal(key.Marshal(), known.Marshal()) {
					return &ssh.Permissions{Extensions: map[string]string{roleExtension: string(role)}}, nil
				}
			}
			return nil, errors.New("unknown key")
		},
	}
	cfg.AddHostKey(k.host)
	return cfg
}

// client is one connection.
type client struct {
	server   *Server
	conn     net.Conn
	loggedIn bool // guarded by the server's lock, as is the role
	role     api.Role
	full     error // why its sessions are refused

	node string // as the client wrote it
}

// serve handles the connection until it ends, and what it has begun with it.
func (c *client) serve() {
	defer c.server.running.Done()
	defer c.server.guard("a connection")
	defer c.server.dismiss(c)
	defer c.conn.Close()
	_ = c.conn.SetDeadline(time.Now().Add(handshakeTimeout)) // a closed one says so below
	conn, channels, requests, err := ssh.NewServerConn(c.conn, c.server.ssh)
	if err != nil {
		return // not everybody speaks SSH or has a key; the client has been told
	}
	_ = c.conn.SetDeadline(time.Time{})
	c.node = conn.User()
	c.full = c.server.logIn(c, api.Role(conn.Permissions.Extensions[roleExtension]))
	ctx, cancel := context.WithCancel(c.server.ctx)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { answerRequests(requests) })
	c.serveChannels(ctx, channels, &running)
	cancel()
	conn.Close()
	running.Wait()
	_ = conn.Wait() // says only how the connection ended
}

// answerRequests answers questions whether somebody is there, and refuses to forward.
func answerRequests(requests <-chan *ssh.Request) {
	for r := range requests {
		_ = r.Reply(strings.HasPrefix(r.Type, "keepalive@"), nil) // it is gone if that fails
	}
}

// serveChannels opens sessions until the connection ends.
func (c *client) serveChannels(ctx context.Context, channels <-chan ssh.NewChannel, running *sync.WaitGroup) {
	places := make(chan struct{}, maxSessions)
	for n := range channels {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.Prohibited, "demarc's nodes forward nothing: use kubectl port-forward")
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			_ = n.Reject(ssh.ResourceShortage, fmt.Sprintf("at most %d sessions at once", maxSessions))
			continue
		}
		ch, requests, err := n.Accept()
		if err != nil {
			<-places
			continue // the connection is gone
		}
		running.Go(func() {
			defer func() { <-places }()
			c.session(ctx, ch, requests)
		})
	}
}

// hangUp ends the connection as a machine does that goes down. What has been sent
// still arrives: closing at once could destroy it if the client has sent something
// that nobody has read.
func (c *client) hangUp() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // it is gone if that fails
	}
}

// nodeName is the full name of the node that the client named, if there is one.
func (c *client) nodeName() string {
	for _, n := range c.server.cfg.Nodes() {
		if c.node == n || c.node == suffix(n) || c.node == instance(n) {
			return n
		}
	}
	return c.node
}
