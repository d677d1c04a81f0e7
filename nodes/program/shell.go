package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/shell"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// container is a container as [shell.System].
type container struct {
	*Disk
	spec Spec
}

// Authorities implements [shell.Secure].
func (c container) Authorities() (pem []byte, ok bool) {
	if c.spec.Trust == nil {
		return nil, false
	}
	return c.spec.Trust(), true
}

// Processes implements [shell.Processes]: the container's program is the only one.
func (c container) Processes() []shell.Process {
	command := strings.Join(slices.Concat(c.spec.Command, c.spec.Args), " ")
	return []shell.Process{{PID: 1, User: shell.Root, Command: cmp.Or(command, image.Short(c.spec.Image))}}
}

// Signal implements [shell.Processes].
func (c container) Signal(_ string, pid, signal int) error {
	if pid != 1 {
		return syscall.ESRCH
	}
	if c.spec.Kill != nil && signal != 0 {
		c.spec.Kill(signal)
	}
	return nil
}

// Identity implements [shell.System].
func (c container) Identity() shell.Identity {
	return shell.Identity{Name: c.spec.Hostname, Address: c.spec.PodIP, Kernel: "5.15.0-1084-azure", Build: "#93~20.04.1-Ubuntu SMP"}
}

// Memory implements [shell.Processes]: it is the node's.
func (c container) Memory() (used, size int64) { return 1240068 << 10, 16393284 << 10 }

// Now implements [shell.System].
func (c container) Now() time.Time { return time.Now() }

// Command implements [shell.System].
func (c container) Command(name string) shell.Command { return c.spec.command(name) }

// newShell makes the shell of a container.
func newShell(s Spec) *shell.Shell {
	disk := s.Disk
	if disk == nil {
		disk = NewDisk()
	}
	disk.attach(s)
	sh := &shell.Shell{System: container{disk, s}, Hidden: s.hidden, PID: 1, Users: map[string]int{shell.Root: 0, s.user(): int(s.UID)}, Group: int(s.GID)}
	for _, n := range s.Groups {
		sh.Groups = append(sh.Groups, int(n))
	}
	sh.Interactive = func(ctx context.Context, io shell.Streams) int { return sh.Session(ctx, io, "# ") }
	return sh
}

// owner is whose files are that the container's processes make; empty for root.
func (s Spec) owner() (own shell.Owner) {
	if s.UID != 0 {
		own.User = s.user()
	}
	if s.GID != 0 {
		own.Group = strconv.FormatInt(s.GID, 10)
	}
	return own
}

// inFull is an owner with root for what is empty: in a container no place is another's.
func inFull(own shell.Owner) shell.Owner {
	return shell.Owner{User: cmp.Or(own.User, shell.Root), Group: cmp.Or(own.Group, shell.Root)}
}

// user is whom the container's processes run as: a number, since images have no accounts
// but root.
func (s Spec) user() string {
	if s.UID == 0 {
		return shell.Root
	}
	return strconv.FormatInt(s.UID, 10)
}

// run runs a command as a process of its own. A fault in it is its end only.
func (s Spec) run(ctx context.Context, sh *shell.Shell, argv []string, io shell.Streams) int {
	return sh.Contain(ctx, io.Err, func(ctx context.Context) int { return sh.Start(ctx, argv, io) })
}

// streams are what the container's own processes begin with.
func (s Spec) streams(in io.Reader, out, errOut io.Writer) shell.Streams {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=" + s.Hostname}, s.Env...)
	return shell.Streams{In: in, Out: out, Err: errOut, Env: expand.ListEnviron(env...), Dir: "/" + strings.TrimPrefix(clean(s.WorkingDir), "."), User: s.user()}
}

// Exec runs a command in a container and returns its exit code. Its error is
// the container runtime's, for a command that cannot be run at all.
func Exec(ctx context.Context, s Spec, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if len(argv) == 0 {
		return 0, errors.New("no command given")
	}
	s.lookUp()
	sh, io := newShell(s), s.streams(stdin, stdout, stderr)
	sh.Unknown = func(_ context.Context, name string, _ bool) (int, bool) {
		if s.lacks(name) {
			return 0, false
		}
		s.assume(image.Exec)
		return 0, true
	}
	if file := shell.Absolute(io.Dir, argv[0]); strings.Contains(argv[0], "/") && errors.Is(sh.Access(io.User, file, interp.AccessExec), syscall.EACCES) {
		return 126, fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: %w", denied(argv[0]))
	}
	if !sh.Knows(io, argv[0]) {
		if code, stood := sh.Unknown(ctx, argv[0], false); stood {
			return code, nil
		}
		return 127, fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: %w", notFound(argv[0]))
	}
	return s.run(ctx, sh, argv, io), nil
}

// denied is what a container runtime says of a program that must not be run.
func denied(name string) error { return fmt.Errorf("exec: %q: permission denied: unknown", name) }

// notFound is what a container runtime says of a program that an image lacks.
func notFound(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("exec: %q: stat %s: no such file or directory: unknown", name, name)
	}
	return fmt.Errorf("exec: %q: executable file not found in $PATH: unknown", name)
}
