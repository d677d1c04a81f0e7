package cluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"demarc/controlplane/provider"
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
	node, err := c.node(ref)
	if err != nil {
		return nil, err
	}
	columns, _ := sshd.Terminal(ctx)
	if role != api.RoleProvider {
		return c.fleet.Login(node, timeline.Customer, columns)
	}
	if err := c.useConsent(ctx, node, how); err != nil {
		return nil, err
	}
	l, err := c.fleet.Login(node, timeline.Provider, columns)
	if err != nil {
		return nil, err
	}
	return &support{Login: l, c: c, node: node}, nil
}

// node resolves a reference to a node, or says which there are.
func (c *Cluster) node(ref string) (string, error) {
	if name, ok := c.fleet.NodeName(ref); ok {
		return name, nil
	}
	return "", fmt.Errorf("no node %q; the nodes are %s", ref, strings.Join(c.fleet.NodeNames(), ", "))
}

// useConsent uses a consent, or puts on the timeline that there was none.
func (c *Cluster) useConsent(ctx context.Context, node, what string) error {
	_, err := c.operations.operator.UseConsent(ctx, c.operations.replicas, node, what)
	if api.HasCode(err, provider.NoConsent) {
		return c.refuse(timeline.Provider, "node/"+node, what+": no consent", err)
	}
	return err
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
		if err := s.c.useConsent(ctx, s.node, "ran "+strings.TrimSpace(script)); err != nil {
			return 1, err
		}
	}
	return s.Login.Run(ctx, script, stdin, stdout, stderr)
}

// maxOutput is how much of a command's output [Cluster.Run] keeps, in bytes.
const maxOutput = 1 << 20

// runTimeout bounds a command, in virtual time.
const runTimeout = time.Hour

// Run implements [script.World].
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

// GrantConsent lets the provider's support log in to a node for a time.
func (c *Cluster) GrantConsent(ctx context.Context, req api.ConsentRequest) (api.Consent, error) {
	node := req.Node
	if node != "*" {
		var err error
		if node, err = c.node(node); err != nil {
			return api.Consent{}, err
		}
	}
	return c.operations.operator.Grant(ctx, c.operations.replicas, node, req.Case, time.Duration(req.For))
}

// RevokeConsent implements [script.World].
func (c *Cluster) RevokeConsent(ctx context.Context, id string) error {
	return c.operations.operator.Revoke(ctx, c.operations.replicas, id)
}

// Consents implements [script.World].
func (c *Cluster) Consents() []api.Consent {
	return c.operations.operator.Consents(c.operations.replicas)
}

// Escalate implements [script.World].
func (c *Cluster) Escalate(ctx context.Context, req api.EscalationRequest) (api.Repair, error) {
	node, err := c.node(req.Node)
	if err != nil {
		return api.Repair{}, err
	}
	return c.operations.operator.Escalate(ctx, c.operations.replicas, node, req.Reason)
}

// Repairs implements [script.World].
func (c *Cluster) Repairs() []api.Repair {
	list := append(c.fleet.Repairs(), c.operations.operator.Repairs(c.operations.replicas)...)
	slices.SortStableFunc(list, func(a, b api.Repair) int { return cmp.Or(a.Broken.Compare(b.Broken), cmp.Compare(a.ID, b.ID)) })
	return list
}

// VMs are the virtual machines of the pool's scale set.
func (c *Cluster) VMs() []api.VM { return c.fleet.VMs() }

// DoVM does something with a VM past AKS.
func (c *Cluster) DoVM(by api.Role, req api.VMRequest) (vm api.VM, err error) {
	err = c.pastAKS(by, req.Action+" vm/"+req.VM, func() error {
		vm, err = c.fleet.DoVM(req, by.Actor())
		return err
	})
	return vm, err
}

// NSG are the rules of the network security group of the nodes' subnet.
func (c *Cluster) NSG() []api.NSGRule { return c.fleet.NSG() }

// SetNSGRule adds a rule, or replaces the one of its name.
func (c *Cluster) SetNSGRule(by api.Role, rule api.NSGRule) (api.NSGRule, error) {
	return rule, c.pastAKS(by, "set security rule "+rule.Name, func() error { return c.fleet.SetNSGRule(rule, by.Actor()) })
}

// DeleteNSGRule deletes the rule of that name.
func (c *Cluster) DeleteNSGRule(by api.Role, name string) error {
	return c.pastAKS(by, "delete security rule "+name, func() error { return c.fleet.DeleteNSGRule(name, by.Actor()) })
}
