package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/sshd"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/term"
)

// exitConnection is what ssh ends with if the connection does, and no command.
const exitConnection = 255

func (a *app) sshCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh NODE [-- COMMAND…]",
		Short: "Log in to a worker node",
		Long: `Ssh logs in to a node, which is named by its index, its vmss suffix or its full
name. Without a command it is a shell: at a terminal one to work in, and otherwise
one that runs what comes from the standard input. The exit code is the command's, or
3 if the connection was lost.

With --as provider it is support that logs in, which the customer must have
consented to (demarc consent grant). Your own ssh gets in as well: the file is
ssh/config in the cluster's data directory, for ssh -F.`,
		Example: `  demarc ssh 0
  demarc ssh vmss000002 -- journalctl -u kubelet -n 20
  cat fix.sh | demarc ssh 1
  demarc --as provider ssh 0 -- crictl ps`,
		Args: func(c *cobra.Command, args []string) error {
			switch dash := c.ArgsLenAtDash(); {
			case dash == 1, dash < 0 && len(args) == 1:
				return nil
			case len(args) == 0 || dash == 0:
				return errors.New("which node? Its index, its vmss suffix or its name")
			}
			return fmt.Errorf("one node, and the command behind --: demarc ssh %s -- %s", args[0], strings.Join(args[1:], " "))
		},
		ValidArgsFunction: a.completeNodes,
		RunE: func(c *cobra.Command, args []string) error {
			return a.ssh(c.Context(), args[0], strings.Join(args[1:], " "))
		},
	}
}

// ssh logs in to a node and runs a command there, or a shell if there is none.
func (a *app) ssh(ctx context.Context, ref, command string) error {
	if a.JSON() && command == "" {
		return badInput(errors.New("-o json needs a command: demarc ssh " + ref + " -o json -- COMMAND"))
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	node, err := resolveNode(ctx, client, ref)
	if err != nil {
		return err
	}
	conn, err := a.dialSSH(ctx, node)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s, err := conn.NewSession()
	if err != nil {
		return fmt.Errorf("log in to %s: %w", node, err)
	}
	switch {
	case a.JSON():
		err = a.sshJSON(s, command)
	case command != "":
		s.Stdin, s.Stdout, s.Stderr = a.in, terminal.Raw(a.Out), terminal.Raw(a.Err)
		err = runSSH(s, command)
	default:
		err = a.sshShell(s)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return sshResult(node, err)
}

// dialSSH connects to the engine's SSH server, with the key of the role that --as
// names.
func (a *app) dialSSH(ctx context.Context, node string) (*ssh.Client, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	files, key := filepath.Join(dir, "ssh"), sshd.ProviderKey(filepath.Join(dir, "provider"))
	if api.Role(a.as) != api.RoleProvider {
		key = sshd.CustomerKey(files)
	}
	address, err := sshd.ReadAddress(files)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &engine.InputError{Message: "the cluster has no SSH server yet", Hint: "wait until demarc status says that it is ready"}
	}
	if err != nil {
		return nil, err
	}
	signer, err := readKey(key, a.as)
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.New(sshd.KnownHosts(files))
	if err != nil {
		return nil, fmt.Errorf("read the SSH server's key: %w", err)
	}
	return dialSSH(ctx, address.Port, &ssh.ClientConfig{
		User: node, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
}

func readKey(path, role string) (ssh.Signer, error) {
	signer, err := sshd.ReadKey(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, badInput(fmt.Errorf("only the %s may read %s", role, path))
	case err != nil:
		return nil, &engine.InputError{
			Message: fmt.Sprintf("the %s's SSH key %s: %v", role, path, err),
			Hint:    "stop the cluster with demarc down, and start it again with demarc up: it makes a new one",
		}
	}
	return signer, nil
}

// dialSSH connects and shakes hands, until the context ends.
func dialSSH(ctx context.Context, port int, cfg *ssh.ClientConfig) (*ssh.Client, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", api.ErrUnreachable, err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, channels, requests, err := ssh.NewClientConn(conn, address, cfg)
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("connect to %s: %w", cfg.User, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// sshShell runs a shell: at a terminal one with a prompt, which gets every key.
func (a *app) sshShell(s *ssh.Session) error {
	s.Stdin, s.Stdout, s.Stderr = a.in, terminal.Raw(a.Out), terminal.Raw(a.Err)
	if in, ok := a.in.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		columns, rows, err := term.GetSize(int(in.Fd()))
		if err != nil {
			columns, rows = 80, 24
		}
		if err := s.RequestPty(cmp.Or(os.Getenv("TERM"), "xterm"), rows, columns, nil); err != nil {
			return err
		}
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("take over the terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), before) }() // there is nothing else to try
	}
	if err := s.Shell(); err != nil {
		return err
	}
	return waitSSH(s)
}

// runSSH runs a command to its end.
func runSSH(s *ssh.Session, command string) error {
	if err := s.Start(command); err != nil {
		return err
	}
	return waitSSH(s)
}

// waitSSH waits until a session is over. That it ended well without having read all
// its input is no error.
func waitSSH(s *ssh.Session) error {
	err := s.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// sshJSON runs a command and prints what became of it as one value.
func (a *app) sshJSON(s *ssh.Session, command string) error {
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = a.in, &out, &errs
	err := runSSH(s, command)
	exit := (*ssh.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || exit.Signal() != "") {
		_, _ = a.Err.Write(errs.Bytes()) // says why
		return err
	}
	r := api.RunResult{Stdout: out.String(), Stderr: errs.String()}
	if exit != nil {
		r.Exit = exit.ExitStatus()
	}
	return errors.Join(a.Value(r), err)
}

// sshResult makes the exit code of what a session ended with. Why it was not opened,
// or that the machine went away, the server has said already.
func sshResult(node string, err error) error {
	exit, missing := (*ssh.ExitError)(nil), (*ssh.ExitMissingError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return fmt.Errorf("the connection to %s was lost: %w", node, api.ErrUnreachable)
	case !errors.As(err, &exit):
		return fmt.Errorf("connection to %s: %w", node, err)
	case exit.Signal() == sshd.SignalRefused:
		return exitStatus(exitInput)
	case exit.Signal() == sshd.SignalGone, exit.ExitStatus() == exitConnection:
		return exitStatus(exitEngine)
	}
	return exitStatus(exit.ExitStatus())
}

// nodeNames are the full names of the nodes, in the order of their indices.
func nodeNames(ctx context.Context, c *api.Client) ([]string, error) {
	s, err := c.Status(ctx)
	var names []string
	for _, m := range s.Machines {
		names = append(names, m.Name)
	}
	return names, err
}

// resolveNode finds the full name of a node by its index, its vmss suffix or its name.
func resolveNode(ctx context.Context, c *api.Client, ref string) (string, error) {
	names, err := nodeNames(ctx, c)
	if err != nil {
		return "", err
	}
	for i, n := range names {
		if ref == n || ref == strconv.Itoa(i) || ref == vmssSuffix(n) {
			return n, nil
		}
	}
	if len(names) == 0 {
		return "", &engine.InputError{Message: fmt.Sprintf("there is no node %s", ref), Hint: "there is none yet"}
	}
	meant := slices.Concat(names, suffixes(names))
	return "", &engine.InputError{
		Message: fmt.Sprintf("there is no node %s%s", ref, output.DidYouMean(ref, meant)),
		Hint:    fmt.Sprintf("there is %s, also by its index from 0 or its vmss suffix", someOf(names)),
	}
}

// shownNodes is how many names are listed where all would be too many.
const shownNodes = 10

// someOf lists names.
func someOf(names []string) string {
	if more := len(names) - shownNodes; more > 0 {
		return strings.Join(names[:shownNodes], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// vmssSuffix is the short name of a node, such as vmss000000.
func vmssSuffix(node string) string { return node[strings.LastIndexByte(node, '-')+1:] }

func suffixes(names []string) (short []string) {
	for _, n := range names {
		short = append(short, vmssSuffix(n))
	}
	return short
}

// completeNodes completes the vmss suffixes of nodes.
func (a *app) completeNodes(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	if client, err := a.client(); err == nil {
		names, _ := nodeNames(c.Context(), client) // without an answer there is nothing to complete
		for _, n := range names {
			words = append(words, vmssSuffix(n)+"\t"+n)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
