package nodes

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/kubelet"
	"demarc/nodes/network"
	"demarc/nodes/shell"
	"demarc/nodes/shell/login"
	"demarc/sim/timeline"
)

// Login is somebody's login to a machine. Its methods must be called one at a
// time.
type Login struct {
	*login.Session
	console *console
	by      timeline.Actor
	who     string // if not the user of that actor
}

// Login logs somebody in to a node's machine by SSH: the customer, or the
// provider's support. columns is the width of their terminal; 0 is for none. It
// fails as ssh does.
func (f *scaleSet) Login(node string, by timeline.Actor, columns int) (*Login, error) {
	m, err := f.find(node)
	if err != nil {
		return nil, err
	}
	c, err := m.reach()
	if err != nil {
		return nil, err
	}
	o := login.Options{User: userOf(by), Columns: columns, Terminal: columns > 0}
	return &Login{Session: login.New(c, o), console: c, by: by}, nil
}

// reach is the machine as a new connection by SSH finds it.
func (m *machine) reach() (*console, error) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	switch {
	case !m.Up() || m.Cut:
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection timed out (%s)", m.Name, m.Ill())
	case !m.f.subnet.sshOpen():
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection timed out (a rule of the network security group denies it)", m.Name)
	case !m.OS.Running(host.SSH):
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection refused", m.Name)
	}
	return &console{m: m, boot: m.Boots}, nil
}

// Run runs a script, and puts it on the timeline. Its error is that the machine
// has gone away.
func (l *Login) Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	m := l.console.m
	if strings.TrimSpace(script) == "" {
		return l.Session.Run(ctx, script, stdin, stdout, stderr)
	}
	m.f.mu.Lock()
	before := m.OS.Changed()
	l.console.wrote = host.Writes{}
	// It explains what happens from now on only if it changes something.
	l.console.event = m.f.log.Append(timeline.Event{
		Time: time.Now(), Actor: l.by, Verb: "ran", Subject: "node/" + m.Name, Message: cmp.Or(l.who, userOf(l.by)) + " ran: " + oneLine(script),
	})
	m.f.mu.Unlock()
	code, err := l.Session.Run(ctx, script, stdin, stdout, stderr)
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	l.tell(before)
	return code, err
}

// nodeShell runs a command of a pod's that may do as the node's root does. Its console is
// the pod's, whatever the network between.
func (f *scaleSet) nodeShell(ctx context.Context, node, pod string, argv []string, in io.Reader, out, errOut io.Writer) int {
	f.mu.Lock()
	m := f.named(node)
	if m == nil {
		f.mu.Unlock()
		return 1
	}
	c := &console{m: m, boot: m.Boots}
	f.mu.Unlock()
	script, err := shell.Quoted(argv)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 126
	}
	alone := len(argv) == 1 || len(argv) == 2 && strings.HasPrefix(argv[1], "-")
	typed := alone && slices.Contains([]string{"bash", "sh"}, path.Base(argv[0]))
	l := &Login{Session: login.New(c, login.Options{User: shell.Root, Terminal: typed}), console: c, by: timeline.Customer, who: "root in pod " + pod}
	var code int
	if typed {
		code, err = l.converse(ctx, in, out, errOut)
	} else {
		code, err = l.Run(ctx, script, in, out, errOut)
	}
	if err != nil { // the machine, and so the pod's container, is gone
		return exitLost
	}
	return code
}

// converse runs what is typed, line by line, until the shell is left.
func (l *Login) converse(ctx context.Context, in io.Reader, out, errOut io.Writer) (code int, err error) {
	lines := bufio.NewScanner(in)
	for err == nil && !l.Exited() && ctx.Err() == nil {
		fmt.Fprint(out, l.Prompt())
		if !lines.Scan() {
			break
		}
		code, err = l.Run(ctx, lines.Text(), nil, out, errOut)
	}
	return code, err
}

// exitLost is the exit code of a command whose machine has gone away.
const exitLost = 255

// tell puts on the timeline what the script that has run has itself lastingly
// changed on the machine's disk, or that it has put back the last that differed.
func (l *Login) tell(before []host.Change) {
	m := l.console.m
	after, wrote := m.OS.Changed(), l.console.wrote
	added := slices.DeleteFunc(slices.Clone(after), func(c host.Change) bool { return !wrote[c.Of] || slices.Contains(before, c) })
	undone := slices.ContainsFunc(before, func(c host.Change) bool { return wrote[c.Of] })
	for of := range wrote {
		undone = undone || m.Changed[of]
	}
	e := timeline.Event{Time: time.Now(), Actor: l.by, Subject: "node/" + m.Name, Cause: l.console.event.Seq}
	switch {
	case len(added) > 0:
		e.Verb, e.Message = "changed", "the node differs from its image: "+strings.Join(host.Words(added), ", ")
		for _, c := range added {
			m.Changed[c.Of] = true
			if name, ok := c.Package(); ok {
				e.Detail = cmp.Or(e.Detail, &timeline.Detail{})
				e.Detail.Packages = append(e.Detail.Packages, name)
			}
		}
	case len(after) == 0 && undone:
		e.Verb, e.Message = "reverted", "the node is as its image again"
		clear(m.Changed)
	default:
		return
	}
	m.f.log.Append(e)
}

// userOf is as whom somebody logs in.
func userOf(by timeline.Actor) string {
	if by == timeline.Provider {
		return "support"
	}
	return "azureuser"
}

// maxLine is how much of a script is on the timeline, in bytes.
const maxLine = 400

// oneLine is a script as the timeline has it.
func oneLine(script string) string {
	line := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(script, "?"), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	return line
}

// console is the machine that somebody is logged in to.
type console struct {
	m     *machine
	boot  int
	event timeline.Event // the script that runs
	wrote host.Writes    // what it has written to
}

var _ login.Machine = (*console)(nil)

// Do implements [login.Machine].
func (t *console) Do(do func(now time.Time, h *host.Host, r login.Runtime)) error {
	m := t.m
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	if err := t.gone(); err != nil {
		return err
	}
	now, changes := time.Now(), m.OS.Changes()
	m.f.stock(now)
	m.OS.Note(t.wrote)
	do(now, m.OS, m.kubelet.Shell(t.event.Seq))
	m.OS.Note(nil)
	changed, request := m.OS.Changes() != changes, m.OS.TakePowerRequest()
	if changed {
		m.Root = t.event
		if request == "" {
			m.Edited = t.event
		}
		m.follow(now)
	}
	switch request {
	case "reboot":
		m.Root = t.event
		m.reboot(now)
	case "poweroff":
		m.Root = t.event
		m.shutDown(now)
	}
	return t.gone()
}

// gone says that the machine has gone away since the login.
func (t *console) gone() error {
	if t.m.Boots != t.boot || !t.m.Up() || t.m.Cut {
		return fmt.Errorf("connection to %s closed by remote host", t.m.Name)
	}
	return nil
}

// Dial implements [login.Machine].
func (t *console) Dial(ctx context.Context, protocol, address string) (net.Conn, error) {
	f, m := t.m.f, t.m
	hostname, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	blocked, required := "", false
	for _, e := range f.subnet.endpoints {
		if strings.EqualFold(e.Host, hostname) && fmt.Sprint(e.Port) == port {
			blocked, required = f.subnet.blockage(m.OS, e), true
		}
	}
	f.mu.Unlock()
	switch {
	case required && blocked != "":
		return nil, kubelet.Timeout(ctx, address)
	case required:
		client, server := net.Pipe()
		go func() { // it is there, and has nothing to say
			_, _ = io.Copy(io.Discard, server)
			server.Close()
		}()
		return client, nil
	}
	return f.network.Open(ctx, network.Origin{Node: m.Name}, protocol, address)
}
