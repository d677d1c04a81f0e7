package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"demarc/sim/clock"

	"golang.org/x/crypto/ssh"
)

// maxCommand bounds a command, and an unfinished one, in bytes.
const maxCommand = 64 << 10

// Names of the signals that a session ends with, as an SSH client hears of them. The
// reason has been written to its standard error, or to its terminal.
const (
	// SignalRefused: nobody was logged in.
	SignalRefused = "REFUSED@demarc"
	// SignalGone: the machine has gone away.
	SignalGone = "GONE@demarc"
)

// noSubsystem is said to sftp, and to an scp that uses it.
const noSubsystem = "demarc's nodes have no sftp: use cat and a redirection\n"

// signals are those that a client may send, by their names in SSH.
var signals = map[ssh.Signal]int{ssh.SIGHUP: 1, ssh.SIGINT: 2, ssh.SIGQUIT: 3, ssh.SIGKILL: 9, ssh.SIGTERM: 15}

// session is one channel of a connection, with one login.
type session struct {
	client *client
	ch     ssh.Channel
	in     *input
	ctx    context.Context
	cancel context.CancelFunc

	shell   Session
	console *console // nil without a terminal
	signal  int      // that has ended the last command; 0 if none has
	started bool     // used by the request loop only
	pty     bool     // set before the session has started

	mu      sync.Mutex
	columns int
	rows    int
	command *command // that runs
}

// command is a command that runs.
type command struct {
	cancel context.CancelFunc
	stdin  *stdin
	signal int // that has ended it
}

// session answers the requests of a channel until it is closed.
func (c *client) session(ctx context.Context, ch ssh.Channel, requests <-chan *ssh.Request) {
	s := &session{client: c, ch: ch, in: newInput()}
	s.ctx, s.cancel = context.WithCancel(ctx)
	var running sync.WaitGroup
	for r := range requests {
		ok, begin := s.request(r)
		_ = r.Reply(ok, nil) // the connection is gone if that fails
		if begin != nil {
			running.Go(begin)
		}
	}
	s.cancel()
	s.in.drop()
	s.in.close()
	running.Wait()
}

// request decides about one request. What it begins is to run after the answer.
func (s *session) request(r *ssh.Request) (ok bool, begin func()) {
	switch r.Type {
	case "env":
		return true, nil // and nobody looks at it
	case "pty-req":
		return !s.started && s.setTerminal(r.Payload), nil
	case "window-change":
		return s.resize(r.Payload), nil
	case "signal":
		return s.takeSignal(r.Payload), nil
	case "shell", "exec":
		var text struct{ Command string }
		if s.started || r.Type == "exec" && ssh.Unmarshal(r.Payload, &text) != nil {
			return false, nil
		}
		s.started = true
		return true, func() { s.run(r.Type == "exec", text.Command) }
	case "subsystem":
		if s.started {
			return false, nil
		}
		// A client that is refused this shows no reason. So it gets one, and an
		// exit status.
		s.started = true
		return true, func() {
			s.say(noSubsystem)
			s.finish(1)
		}
	}
	return false, nil
}

func (s *session) setTerminal(payload []byte) bool {
	var p struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &p) != nil {
		return false
	}
	s.pty = true
	s.setSize(p.Columns, p.Rows)
	return true
}

func (s *session) resize(payload []byte) bool {
	var p struct{ Columns, Rows, Width, Height uint32 }
	if !s.pty || ssh.Unmarshal(payload, &p) != nil {
		return false
	}
	s.setSize(p.Columns, p.Rows)
	s.in.offer(keyResize)
	return true
}

// setSize takes a terminal's size, if it is one.
func (s *session) setSize(columns, rows uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.columns, s.rows = 80, 24
	if columns > 0 && rows > 0 {
		s.columns, s.rows = int(min(columns, 1000)), int(min(rows, 1000))
	}
}

func (s *session) size() (columns, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.columns, s.rows
}

// takeSignal ends the command that runs, and the session unless the signal is from
// the keyboard.
func (s *session) takeSignal(payload []byte) bool {
	var p struct{ Signal ssh.Signal }
	if ssh.Unmarshal(payload, &p) != nil || signals[p.Signal] == 0 {
		return false
	}
	if p.Signal != ssh.SIGINT && p.Signal != ssh.SIGQUIT {
		s.in.drop()
		s.in.close()
	}
	s.interrupt(signals[p.Signal])
	return true
}

// interrupt ends the command that runs, and says whether there was one.
func (s *session) interrupt(signal int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return false
	}
	s.command.signal = signal
	s.command.cancel()
	s.command.stdin.stop()
	return true
}

type terminalKey struct{}

// Terminal tells [Config.Open] of the terminal of the session: its width in columns,
// and whether there is one.
func Terminal(ctx context.Context) (columns int, ok bool) {
	columns, ok = ctx.Value(terminalKey{}).(int)
	return columns, ok
}

// run logs in, and runs the one command or what the client sends.
func (s *session) run(one bool, text string) {
	var ended bool
	defer func() {
		if !ended {
			s.ch.Close() // something has gone badly wrong
		}
	}()
	defer s.client.server.guard("a session")
	s.login(one, text)
	ended = true
}

func (s *session) login(one bool, text string) {
	ctx := s.ctx
	if columns, _ := s.size(); s.pty {
		ctx = context.WithValue(ctx, terminalKey{}, columns)
	}
	err := s.client.full
	if err == nil {
		s.shell, err = s.client.server.cfg.Open(ctx, s.client.node, s.client.role, s.client.conn.RemoteAddr().String())
	}
	if err == nil && len(text) > maxCommand {
		err = fmt.Errorf("the command is too long: at most %d bytes (send a script to the standard input)", maxCommand)
	}
	if err != nil {
		s.refuse(err)
		return
	}
	put := s.in.put
	if s.pty {
		s.console = newConsole(s)
		put = s.console.keys.press
	}
	var pumping sync.WaitGroup
	pumping.Go(func() { pump(s.ch, s.in, put) })
	switch {
	case one:
		var out, errs io.Writer = s.ch, s.ch.Stderr()
		if s.pty {
			out, errs = s.console.term, s.console.term
		}
		if exit, ok := s.execute(text, out, errs); ok {
			s.finish(exit)
		}
	case s.pty:
		s.console.run()
	default:
		s.script()
	}
	s.in.close()
	pumping.Wait()
}

// execute runs a command to its end. It says false if the machine has gone away; the
// client has been told then.
func (s *session) execute(text string, out, errs io.Writer) (exit int, ok bool) {
	if s.ctx.Err() != nil {
		return 0, false // the client has gone
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	in := newStdin(s.in, s.in.Read, s.in.unread)
	if s.console != nil {
		in = newStdin(s.in, s.console.readStdin, func([]byte) {})
	}
	run := &command{cancel: cancel, stdin: in}
	s.setCommand(run)
	release := clock.Hold()
	exit, err := s.shell.Run(ctx, text, in, out, errs)
	release()
	s.setCommand(nil)
	in.end()
	if err != nil && !(ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		s.gone()
		return 0, false
	}
	if s.signal = run.signal; s.signal != 0 {
		exit = 128 + s.signal
	}
	return exit, true
}

func (s *session) setCommand(c *command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.command = c
}

// finish ends the session with an exit status. The client is gone if something fails.
func (s *session) finish(exit int) {
	_ = s.ch.CloseWrite()
	_, _ = s.ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(exit)}))
	_ = s.ch.Close()
}

// refuse says why nobody is logged in, and ends the connection.
func (s *session) refuse(why error) { s.hangUp(SignalRefused, why.Error()) }

// gone says that the machine has gone away, and ends the connection.
func (s *session) gone() {
	s.hangUp(SignalGone, "Connection to "+s.client.nodeName()+" closed by remote host.")
}

// hangUp ends the connection and says why. The client is gone if something fails.
func (s *session) hangUp(signal, why string) {
	s.say(why + "\n")
	_, _ = s.ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Signal string
		Core   bool
		Error  string
		Lang   string
	}{Signal: signal, Error: why}))
	_ = s.ch.Close()
	s.client.hangUp()
}

// say tells the client something that is not the command's output.
func (s *session) say(text string) {
	var to io.Writer = s.ch.Stderr()
	if s.pty {
		to, text = s.ch, strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, _ = io.WriteString(to, text) // the client is gone if it fails
}
