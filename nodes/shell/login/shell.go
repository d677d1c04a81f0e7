// Package login is what a customer gets who logs in to a worker node by SSH: bash on
// Ubuntu 22.04, with the commands that people use there.
//
// [New] begins a session on a [Machine]; [Session.Run] runs a script or a line of it.
//
// Package shell has the interpreter and the commands that containers have too; here are the
// machine behind them and the node's own commands. They look at the machine and change it
// within [Machine.Do] only, and write what they have to say when that is over, so that a
// slow reader holds nobody up.
// Programs that take memory or time of the machine are entries in its process table and
// not goroutines of ours.
package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// Machine is the machine that a session is logged in to.
type Machine interface {
	// Do runs f with the machine's state to itself: nothing else changes while
	// it runs, so f must not wait. It returns an error if the machine is not
	// there any more (powered off, rebooted, cut off): the session ends.
	Do(f func(now time.Time, h *host.Host, r Runtime)) error
	// Dial opens a connection from the machine.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Runtime is the container runtime of the machine. Its methods are only called within
// [Machine.Do].
type Runtime interface {
	// Err says why the runtime does not answer; nil if it does.
	Err() error
	Containers() []Container
	Logs(id string) []byte
	// Kill sends a signal to a container's process.
	Kill(id string, signal int)
	Images() []string
}

// Container is one container, as the runtime lists it.
type Container struct {
	ID, Name, Image, Pod, Namespace, PodID string
	State                                  string // Running or Exited
	PID, Attempt                           int
	Command                                string
	Created                                time.Time
	ExitCode                               int
}

// Options say who logs in.
type Options struct {
	// User is azureuser, or support for the provider's people. Both may use sudo.
	User string
	// Columns is the width of the terminal; 0 means 80.
	Columns int
	// Terminal says that each Run is a line that somebody types. A shell that is
	// started without a script (sudo -i, su, bash) then gets the lines that
	// follow; otherwise it reads what comes in.
	Terminal bool
}

// ErrGone is wrapped by errors that say that the machine is not there any more.
var ErrGone = errors.New("connection to the machine lost")

// Session is a login. Its methods must be called one at a time.
type Session struct {
	machine Machine
	options Options
	name    string // of the machine
	sh      *shell.Shell
	logins  []*login // the shells that have been started, innermost last
	next    *login   // to be started when the line ends
	history []string
	exited  bool

	mu     sync.Mutex // guards what follows: pipelines run side by side
	gone   error
	cancel context.CancelFunc
}

// login is one shell of a session.
type login struct {
	user string
	run  *interp.Runner
	out  *shell.Streams
}

// New begins a session. Nothing happens on the machine until something is run.
func New(m Machine, o Options) *Session {
	if o.User == "" {
		o.User = "azureuser"
	}
	if o.Columns <= 0 {
		o.Columns = 80
	}
	s := &Session{machine: m, options: o, name: "localhost"}
	s.sh = &shell.Shell{
		System: system{s}, GNU: true, PID: shellPID, Users: map[string]int{shell.Root: 0, "azureuser": 1000, "support": 1001},
		Shadowed: []string{"echo", "history", "help", "hash", "ulimit", "umask", "wait", "jobs", "fg", "bg", "disown"},
		Change:   background, Interactive: s.interactive,
	}
	s.do(func(now time.Time, h *host.Host, _ Runtime) { s.name, s.sh.Began = h.Name(), now })
	return s
}

// do runs f with the machine, and says whether the machine was there.
func (s *Session) do(f func(now time.Time, h *host.Host, r Runtime)) bool {
	err := s.machine.Do(f)
	if err == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = fmt.Errorf("%w: %w", ErrGone, err)
	}
	if s.cancel != nil {
		s.cancel()
	}
	return false
}

func (s *Session) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// maxOutput bounds what one run writes, in bytes.
const maxOutput = 16 << 20

// Run runs a script to its end, as ssh HOST COMMAND does, or a line of an interactive
// session. Variables, functions and the working directory stay for the next. Its error is
// only that the machine has gone away, and wraps [ErrGone]. A nil stdin is empty.
func (s *Session) Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (exit int, err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.mu.Lock()
	s.cancel = end
	s.mu.Unlock()
	left := &budget{left: maxOutput}
	s.sh.In = cmp.Or(stdin, io.Reader(strings.NewReader("")))
	out, errOut := &bounded{to: stdout, budget: left}, &bounded{to: stderr, budget: left}
	exit = s.sh.Contain(ctx, errOut, func(ctx context.Context) int { return s.line(ctx, script, out, errOut) })
	if err := s.lost(); err != nil {
		s.exited = true
		return 255, err
	}
	return exit, nil
}

// line runs a script in the innermost shell.
func (s *Session) line(ctx context.Context, script string, stdout, stderr io.Writer) int {
	if len(s.logins) == 0 {
		s.logins = []*login{{user: s.options.User}}
	}
	s.remember(strings.TrimSpace(script))
	top := s.logins[len(s.logins)-1]
	if top.run == nil {
		io := s.streams(top.user, nil, nil, nil)
		if top.out != nil {
			io = *top.out
		}
		var err error
		if top.run, err = s.sh.Runner(nil, io, nil); err != nil {
			fmt.Fprintln(stderr, "bash:", err)
			return 2
		}
	}
	_ = interp.StdIO(nil, stdout, stderr)(top.run) // fails for input only
	code := s.sh.Line(ctx, top.run, script, stderr)
	switch {
	case top.run.Exited() && len(s.logins) > 1:
		s.logins = s.logins[:len(s.logins)-1]
	case top.run.Exited():
		s.exited = true
	case s.next != nil:
		s.logins = append(s.logins, s.next)
	}
	s.next = nil
	return code
}

// Bounds of a session.
const (
	maxLogins       = 16 // shells within each other
	maxHistory      = 1000
	maxHistoryBytes = 256 << 10
)

// remember adds a line to the history.
func (s *Session) remember(text string) {
	if text == "" {
		return
	}
	s.history = append(s.history, text)
	for size, i := 0, len(s.history)-1; i >= 0; i-- {
		if size += len(s.history[i]); size > maxHistoryBytes || len(s.history)-i > maxHistory {
			s.history = slices.Clone(s.history[i+1:])
			return
		}
	}
}

// Exited says that the session has run exit or logout, or that the machine is gone.
func (s *Session) Exited() bool { return s.exited }

// where is who the innermost shell runs as, and its directory.
func (s *Session) where() (user, dir string) {
	if len(s.logins) == 0 {
		return s.options.User, shell.Home(s.options.User)
	}
	top := s.logins[len(s.logins)-1]
	switch {
	case top.run != nil:
		return top.user, top.run.Dir
	case top.out != nil:
		return top.user, top.out.Dir
	}
	return top.user, shell.Home(top.user)
}

// Prompt is what the shell shows before a line.
func (s *Session) Prompt() string {
	user, dir := s.where()
	sign := "$"
	if user == shell.Root {
		sign = "#"
	}
	if rest, ok := strings.CutPrefix(dir, shell.Home(user)); ok && (rest == "" || rest[0] == '/') {
		dir = "~" + rest
	}
	return fmt.Sprintf("%s@%s:%s%s ", user, s.name, dir, sign)
}

// Banner is the message of the day.
func (s *Session) Banner() string {
	var b strings.Builder
	s.do(func(now time.Time, h *host.Host, _ Runtime) {
		image := h.Image()
		fmt.Fprintf(&b, "Welcome to %s (GNU/Linux %s x86_64)\n\n", image.OS, h.Kernel())
		used, size := h.Disk()
		memory, memorySize := h.Memory()
		fmt.Fprintf(&b, "  System information as of %s\n\n", now.UTC().Format("Mon Jan _2 15:04:05 UTC 2006"))
		fmt.Fprintf(&b, "  Usage of /:   %-20s  Processes: %d\n", fmt.Sprintf("%.1f%% of %s", shell.Percent(used, size), shell.Human(size)+"B"), len(h.Processes()))
		fmt.Fprintf(&b, "  Memory usage: %.0f%%\n\n", shell.Percent(memory, memorySize))
		fmt.Fprintf(&b, "AKS node image %s. Changes made here by hand are lost when the node is reimaged.\n", image.Version)
		if h.RebootRequired() {
			b.WriteString("\n*** System restart required ***\n")
		}
	})
	return b.String()
}

// shellPID is the number of every shell: it is not in the process table.
const shellPID = 48213

// streams are what a user's login begins with.
func (s *Session) streams(user string, in io.Reader, out, errOut io.Writer) shell.Streams {
	env := expand.ListEnviron(
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin", "HOME="+shell.Home(user), "USER="+user, "LOGNAME="+user,
		"SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm-256color", "HOSTNAME="+s.name, "SSH_TTY=/dev/pts/0", "BASH_VERSION=5.1.16(1)-release")
	return shell.Streams{In: in, Out: out, Err: errOut, Env: env, Dir: shell.Home(user), User: user}
}
