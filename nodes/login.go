package nodes

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/network"
	"demarc/nodes/shell/login"
	"demarc/sim/timeline"
)

// Login is somebody's login to a machine. Its methods must be called one at a
// time.
type Login struct {
	*login.Session
	console *console
	by      timeline.Actor
}

// Login logs somebody in to a node's machine by SSH: the customer, or the
// provider's support. columns is the width of their terminal; 0 is for none. It
// fails as ssh does.
func (f *Fleet) Login(node string, by timeline.Actor, columns int) (*Login, error) {
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
	case !m.up() || m.cut:
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection timed out (%s)", m.name, m.ill())
	case !m.f.sshOpen():
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection timed out (a rule of the network security group denies it)", m.name)
	case !m.os.Running(host.SSH):
		return nil, fmt.Errorf("ssh: connect to host %s port 22: Connection refused", m.name)
	}
	return &console{m: m, boot: m.boots}, nil
}

// sshOpen says whether the network security group lets packets from the virtual
// network to port 22 of the nodes.
func (f *Fleet) sshOpen() bool {
	_, allowed := f.nsg.Inbound("Tcp", 22, cloud.Endpoint{Name: "bastion", Tags: []string{cloud.VirtualNetwork}})
	return allowed
}

// Run runs a script, and puts it on the timeline. Its error is that the machine
// has gone away.
func (l *Login) Run(ctx context.Context, script string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	m := l.console.m
	if strings.TrimSpace(script) == "" {
		return l.Session.Run(ctx, script, stdin, stdout, stderr)
	}
	m.f.mu.Lock()
	before := m.os.Changed()
	// It explains what happens from now on only if it changes something.
	l.console.event = m.f.log.Append(timeline.Event{
		Time: time.Now(), Actor: l.by, Verb: "ran", Subject: "node/" + m.name, Message: userOf(l.by) + " ran: " + oneLine(script),
	})
	m.f.mu.Unlock()
	code, err := l.Session.Run(ctx, script, stdin, stdout, stderr)
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	l.tell(before)
	return code, err
}

// tell puts on the timeline what the script that has run has lastingly changed on
// the machine's disk, or that it has put everything back.
func (l *Login) tell(before []string) {
	m := l.console.m
	after := m.os.Changed()
	added := slices.DeleteFunc(slices.Clone(after), func(s string) bool { return slices.Contains(before, s) })
	e := timeline.Event{Time: time.Now(), Actor: l.by, Subject: "node/" + m.name, Cause: l.console.event.Seq}
	switch {
	case len(added) > 0:
		e.Verb, e.Message = "changed", "the node differs from its image: "+strings.Join(added, ", ")
	case len(after) == 0 && len(before) > 0:
		e.Verb, e.Message = "reverted", "the node is as its image again"
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
	now, changes := time.Now(), m.os.Changes()
	m.f.stock(now)
	do(now, m.os, shellRuntime{m, t.event})
	changed, request := m.os.Changes() != changes, m.os.TakePowerRequest()
	if changed {
		m.root = t.event
		if request == "" {
			m.meddled = t.event
		}
		m.follow(now)
	}
	switch request {
	case "reboot":
		m.root = t.event
		m.restart(now)
	case "poweroff":
		m.root = t.event
		m.lose(now, "the machine was shut down from within")
		m.stopped = stopped
	}
	return t.gone()
}

// gone says that the machine has gone away since the login.
func (t *console) gone() error {
	if t.m.boots != t.boot || !t.m.up() || t.m.cut {
		return fmt.Errorf("connection to %s closed by remote host", t.m.name)
	}
	return nil
}

// Dial implements [login.Machine].
func (t *console) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	f, m := t.m.f, t.m
	hostname, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	blocked, required := "", false
	for _, e := range f.endpoints {
		if strings.EqualFold(e.Host, hostname) && fmt.Sprint(e.Port) == port {
			blocked, required = f.blockage(m, e), true
		}
	}
	f.mu.Unlock()
	switch {
	case required && blocked != "":
		return nil, f.timeout(ctx, address)
	case required:
		client, server := net.Pipe()
		go func() { // it is there, and has nothing to say
			_, _ = io.Copy(io.Discard, server)
			server.Close()
		}()
		return client, nil
	}
	return f.network.Dial(ctx, network.Origin{Node: m.name}, address)
}

// shellRuntime is the machine's container runtime as a shell sees it.
type shellRuntime struct {
	m  *machine
	by timeline.Event // the script that asks
}

var _ login.Runtime = shellRuntime{}

// errNoRuntime is what a client of a container runtime that is down hears.
var errNoRuntime = errors.New(`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"`)

// Err implements [login.Runtime].
func (r shellRuntime) Err() error {
	if !r.m.runtime {
		return errNoRuntime
	}
	return nil
}

// Containers implements [login.Runtime].
func (r shellRuntime) Containers() []login.Container {
	var out []login.Container
	for _, p := range r.m.sortedPods() {
		for _, c := range p.containers {
			if c.state == absent || c.id == "" {
				continue
			}
			x := login.Container{
				ID: c.id, Name: c.name, Pod: p.name, Namespace: p.namespace, PodID: hexID("sandbox", p.uid, p.sandboxes), State: "Exited",
				Attempt: c.restarts, Created: c.startedAt, ExitCode: c.exitCode,
			}
			if c.state == running {
				x.State, x.PID = "Running", pid(c.id)
			}
			if s := c.spec(); s != nil {
				x.Image, x.Command = s.Image, commandOf(s.Image, slices.Concat(s.Command, s.Args))
			}
			out = append(out, x)
		}
	}
	return out
}

// pid is the process of a container, above those of the machine itself.
func pid(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id)) // never fails
	return 10_000 + int(h.Sum32()%3_000_000)
}

// commandOf is the command line of a container's process.
func commandOf(image string, argv []string) string {
	if len(argv) > 0 && !strings.HasPrefix(argv[0], "-") {
		return strings.Join(argv, " ")
	}
	name, _, _ := strings.Cut(path.Base(image), ":")
	return strings.Join(append([]string{name}, argv...), " ")
}

// Logs implements [login.Runtime].
func (r shellRuntime) Logs(id string) []byte {
	c := r.find(id)
	if c == nil || c.log == nil {
		return nil
	}
	var b strings.Builder
	lines, _, _ := c.log.read(0)
	for _, l := range lines {
		b.WriteString(l.text + "\n")
	}
	return []byte(b.String())
}

// Kill implements [login.Runtime].
func (r shellRuntime) Kill(id string, signal int) {
	c := r.find(id)
	if c == nil || c.state != running {
		return
	}
	c.cause = r.by.Seq
	c.ended(time.Now(), 128+signal, "")
	r.m.f.wake(c.p)
}

// Images implements [login.Runtime].
func (r shellRuntime) Images() []string { return sortedKeys(r.m.images) }

func (r shellRuntime) find(id string) *container {
	for _, p := range r.m.pods {
		for _, c := range p.containers {
			if c.id != "" && strings.HasPrefix(c.id, id) {
				return c
			}
		}
	}
	return nil
}
