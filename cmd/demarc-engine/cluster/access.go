package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"demarc/nodes"
	"demarc/nodes/shell"
	"demarc/nodes/shell/login"
	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/sshd"
	"demarc/sim/timeline"
)

// serveSSH lets people log in to the nodes by SSH.
func (c *Cluster) serveSSH(port int) (err error) {
	if c.sshLog, err = disk.OpenLog(filepath.Join(c.dir, "logs", "sshd.log")); err != nil {
		return err
	}
	c.ssh, err = sshd.Start(sshd.Config{
		Dir: filepath.Join(c.dir, "ssh"), ProviderDir: filepath.Join(c.dir, "provider"), Sync: !c.cfg.Ephemeral, Port: port,
		Nodes: c.fleet.NodeNames, Incomplete: shell.Incomplete, Log: c.sshLog, Mended: c.mend,
		Open: func(ctx context.Context, node string, role api.Role, from string) (sshd.Session, error) {
			return c.login(ctx, node, role, "logged in from "+from)
		},
	})
	return err
}

// login opens a shell on a node. Support needs the customer's consent, to log in
// and for every command.
func (c *Cluster) login(ctx context.Context, ref string, role api.Role, how string) (sshd.Session, error) {
	node, err := c.Node(ref)
	if err != nil {
		return nil, err
	}
	columns, _ := sshd.Terminal(ctx)
	if role != api.RoleProvider {
		return c.fleet.Login(node, timeline.Customer, columns)
	}
	if err := c.UseConsent(ctx, node, how); err != nil {
		return nil, err
	}
	l, err := c.fleet.Login(node, timeline.Provider, columns)
	if err != nil {
		return nil, err
	}
	return &support{Login: l, c: c, node: node}, nil
}

// support is a login of the provider's people.
type support struct {
	*nodes.Login
	c    *Cluster
	node string
}

// Run implements [sshd.Session]: a consent that has ended meanwhile ends the
// session.
func (s *support) Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if strings.TrimSpace(script) != "" {
		if err := s.c.UseConsent(ctx, s.node, "ran "+strings.TrimSpace(script)); err != nil {
			return 1, err
		}
	}
	return s.Login.Run(ctx, script, stdin, stdout, stderr)
}

// maxOutput is how much of a command's output [Cluster.Run] keeps, in bytes.
const maxOutput = 1 << 20

// runTimeout bounds a command, in virtual time.
const runTimeout = time.Hour

// Run implements [run.World].
func (c *Cluster) Run(ctx context.Context, by api.Role, req api.RunRequest) (api.RunResult, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	s, err := c.login(ctx, req.Node, by, "logged in to run a command")
	if err != nil {
		return api.RunResult{}, err
	}
	var stdout, stderr limited
	exit, err := s.Run(ctx, req.Command, strings.NewReader(""), &stdout, &stderr)
	if err != nil && !errors.Is(err, login.ErrGone) {
		return api.RunResult{}, err
	}
	if err != nil { // it was asked to reboot, or to switch itself off
		fmt.Fprintln(&stderr, err)
		exit = 0
	}
	return api.RunResult{Stdout: stdout.String(), Stderr: stderr.String(), Exit: exit}, nil
}

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

// Write implements [io.Writer].
func (l *limited) Write(p []byte) (int, error) {
	l.Buffer.Write(p[:min(len(p), maxOutput-l.Len())])
	return len(p), nil
}

// poolChanged keeps which machines there are before anybody builds on it, and
// tells SSH clients.
func (c *Cluster) poolChanged() error {
	if err := c.saveState(); err != nil {
		return fmt.Errorf("keep the cluster's state: %w", err)
	}
	return c.ssh.Refresh()
}
