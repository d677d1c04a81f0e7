package node

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
	"strconv"
	"strings"

	"demarc/cmd/demarc/command"
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

func sshCmd(env *command.Env) *cobra.Command {
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
		ValidArgsFunction: command.Nodes(env),
		RunE: func(c *cobra.Command, args []string) error {
			return login(c.Context(), env, args[0], strings.Join(args[1:], " "))
		},
	}
}

// login logs in to a node and runs a script there, or a shell if there is none.
func login(ctx context.Context, env *command.Env, ref, script string) error {
	if env.JSON() && script == "" {
		return command.BadInput(errors.New("-o json needs a command: demarc ssh " + ref + " -o json -- COMMAND"))
	}
	client, err := env.Client()
	if err != nil {
		return err
	}
	node, err := command.ResolveNode(ctx, client, ref)
	if err != nil {
		return err
	}
	conn, err := connect(ctx, env, node)
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
	case env.JSON():
		err = runJSON(env, s, script)
	case script != "":
		s.Stdin, s.Stdout, s.Stderr = env.In, terminal.Raw(env.Out), terminal.Raw(env.Err)
		err = run(s, script)
	default:
		err = shell(env, s)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return result(node, err)
}

// connect connects to the engine's SSH server, with the key of the role that --as
// names.
func connect(ctx context.Context, env *command.Env, node string) (*ssh.Client, error) {
	dir, err := env.Dir()
	if err != nil {
		return nil, err
	}
	files, key := filepath.Join(dir, "ssh"), sshd.ProviderKey(filepath.Join(dir, "provider"))
	if env.Role() != api.RoleProvider {
		key = sshd.CustomerKey(files)
	}
	address, err := sshd.ReadAddress(files)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &engine.InputError{Message: "the cluster has no SSH server yet", Hint: "wait until demarc status says that it is ready"}
	}
	if err != nil {
		return nil, err
	}
	signer, err := readKey(key, env.As)
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.New(sshd.KnownHosts(files))
	if err != nil {
		return nil, fmt.Errorf("read the SSH server's key: %w", err)
	}
	return dial(ctx, address.Port, &ssh.ClientConfig{
		User: node, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
}

func readKey(path, role string) (ssh.Signer, error) {
	signer, err := sshd.ReadKey(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, command.BadInput(fmt.Errorf("only the %s may read %s", role, path))
	case err != nil:
		return nil, &engine.InputError{
			Message: fmt.Sprintf("the %s's SSH key %s: %v", role, path, err),
			Hint:    "stop the cluster with demarc down, and start it again with demarc up: it makes a new one",
		}
	}
	return signer, nil
}

// dial connects and shakes hands, until the context ends.
func dial(ctx context.Context, port int, cfg *ssh.ClientConfig) (*ssh.Client, error) {
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

// shell runs a shell: at a terminal one with a prompt, which gets every key.
func shell(env *command.Env, s *ssh.Session) error {
	s.Stdin, s.Stdout, s.Stderr = env.In, terminal.Raw(env.Out), terminal.Raw(env.Err)
	if in, ok := env.In.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
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
	return wait(s)
}

// run runs a script to its end.
func run(s *ssh.Session, script string) error {
	if err := s.Start(script); err != nil {
		return err
	}
	return wait(s)
}

// wait waits until a session is over. That it ended well without having read all
// its input is no error.
func wait(s *ssh.Session) error {
	err := s.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// runJSON runs a script and prints what became of it as one value.
func runJSON(env *command.Env, s *ssh.Session, script string) error {
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = env.In, &out, &errs
	err := run(s, script)
	exit := (*ssh.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || exit.Signal() != "") {
		_, _ = env.Err.Write(errs.Bytes()) // says why
		return err
	}
	r := api.RunResult{Stdout: out.String(), Stderr: errs.String()}
	if exit != nil {
		r.Exit = exit.ExitStatus()
	}
	return errors.Join(env.Value(r), err)
}

// result makes the exit code of what a session ended with. Why it was not opened,
// or that the machine went away, the server has said already.
func result(node string, err error) error {
	exit, missing := (*ssh.ExitError)(nil), (*ssh.ExitMissingError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return fmt.Errorf("the connection to %s was lost: %w", node, api.ErrUnreachable)
	case !errors.As(err, &exit):
		return fmt.Errorf("connection to %s: %w", node, err)
	case exit.Signal() == sshd.SignalRefused:
		return command.Exit(command.BadRequest)
	case exit.Signal() == sshd.SignalGone, exit.ExitStatus() == exitConnection:
		return command.Exit(command.BadEngine)
	}
	return command.Exit(exit.ExitStatus())
}
