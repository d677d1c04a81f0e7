// Package program is what runs inside a simulated container.
//
// [Plan] says how a container behaves: for how long it runs and how it ends,
// what its ports answer, what it logs. Where that can be known in advance (a
// web server, `sleep 30`, an annotation) nothing runs at all: the plan is data,
// and a handler for whoever connects. A shell script that is more than that runs
// in package shell, in which every command is one of ours and every file is in
// memory: nothing of the host can be reached, and a script that never waits is
// made to wait. [Exec] runs a command in a container in
// the same way.
//
// What the program of an image does is data, an entry of package image. An image that has
// none is unknown, and goes the healthy way: see [image.Assumed].
//
// Annotations of the pod change the plan, for all its containers or, with
// ".CONTAINER" behind the name, for one: see package sim/annotation.
package program

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/coredns"
	"demarc/nodes/image"
	"demarc/nodes/network"
	"demarc/sim/backend"
)

// Agent is a program that works on the machine below and through the API server.
type Agent func(ctx context.Context, stdout io.Writer, argv []string) int

// Dialer connects as a container does.
type Dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Gateway is a program that answers requests by what it reads from the API server.
type Gateway interface {
	http.Handler
	// Run runs it until ctx ends, and returns the exit code.
	Run(ctx context.Context, stdout io.Writer, argv []string) int
	// Listens says whether something answers at a port by now.
	Listens(port int32) bool
	// Certificate is what it shows at a port to a client that wants to see a name; nil if it
	// has none of its own there.
	Certificate(port int32, name string) *tls.Certificate
	// Grace is for how long it serves on when it is to end.
	Grace(argv []string) time.Duration
}

// Spec is a container as far as its program can see it.
type Spec struct {
	Image         string
	Command, Args []string
	Env           []string // NAME=value
	WorkingDir    string
	UID, GID      int64   // as which it runs; 0 is root
	Groups        []int64 // in which it is beside
	// NoNewPrivileges says that no program can become another user.
	NoNewPrivileges bool
	// NetAdmin says that it has the capability NET_ADMIN.
	NetAdmin bool
	// Sysctls are the kernel's parameters that the pod sets.
	Sysctls     map[string]string
	Hostname    string
	PodIP       string
	Namespace   string
	Pod         string
	Container   string
	Annotations map[string]string
	Ports       []int32
	UDPPorts    []int32
	// Asked are the ports that probes and hooks dial.
	Asked []int32
	// MemoryLimit is the container's, in bytes; 0 is none.
	MemoryLimit int64
	// Place is where the container stands; empty is [image.Main].
	Place image.Place
	// Entry is how the image behaves; nil means as [image.Builtin] has it.
	Entry *image.Entry
	// Assumed, if not nil, is told that what a program does in a place is not known. It is
	// called often.
	Assumed func(image.Place)
	// Files is what is mounted, by path: read-only files, and directories that
	// can be written to, whose names end with "/".
	Files map[string][]byte
	// Mounts are the container's volumes. ReadOnlyRoot says that nothing else can be
	// written to.
	Mounts       []Mount
	ReadOnlyRoot bool
	// StartedAt is when this instance began; zero means now.
	StartedAt time.Time
	// Disk is the instance's own files. Its program and the commands that are
	// run in it see the same ones if they are given the same Disk; nil means
	// new ones each time.
	Disk *Disk
	// Input, if not nil, is what the program reads: somebody may attach to it.
	Input io.Reader
	// Node, if not nil, runs a command in the shell of the node itself: the container may
	// do as the node's root does. NodeRoot is where it sees the node's file system.
	Node     func(ctx context.Context, argv []string, in io.Reader, out, errOut io.Writer) int
	NodeRoot string
	// Dial and Query are the container's network, for wget, curl, nc and
	// nslookup; without them these fail.
	Dial  Dialer
	Query func(ctx context.Context, q network.Question) ([]network.Record, error)
	// Trust is who has signed the certificates of simulated servers, in PEM, whom every image
	// trusts; nil if there are none.
	Trust func() []byte
	// Agent, if not nil, is the image's program: nothing here knows of what it works
	// on. It gets the command line and returns the exit code.
	Agent Agent
	// Gateway, if not nil, is the image's server.
	Gateway Gateway
	// API, if not nil, answers below /apis/.
	API http.Handler
	// Config, if not nil, is what a server of names reads: the file that its command line
	// names, with all that is mounted beside it; not ok means that nobody knows what is there.
	Config func(file string) (files coredns.Files, ok bool)
	// Jitter is below 1, and the instance's own.
	Jitter float64
	// Kill, if not nil, is called when somebody sends process 1 a signal.
	Kill func(signal int)
}

// Behaviour is what a container will do.
type Behaviour struct {
	// ReadyAfter is how long after its start its ports answer.
	ReadyAfter time.Duration
	// Exits says that it ends by itself, ExitAfter its start, with ExitCode.
	// ExitReason is OOMKilled, or empty for what the code says.
	Exits      bool
	ExitAfter  time.Duration
	ExitCode   int
	ExitReason string
	// ExitMessage is the runtime's, of a program that could not be started.
	ExitMessage string
	// Script, if not nil, must be run, in a goroutine; its result is the exit
	// code. It ends soon after ctx does.
	Script func(ctx context.Context, stdout io.Writer) int
	// Handler answers on Ports; nil if it serves nothing.
	Handler http.Handler
	Ports   []int32
	// UDPPorts are where it takes datagrams, and Datagram what it answers to one, nil for
	// nothing; a nil Datagram answers none.
	UDPPorts []int32
	Datagram func(port int32, from netip.AddrPort, payload []byte) []byte
	// Names is what answers questions about names, nil if nothing does, and Misconfigured
	// says that it cannot start by its configuration.
	Names         *coredns.Server
	Misconfigured bool
	// Gateway, if not nil, says which of the ports answer by now.
	Gateway Gateway
	// Open says that it answers on any port that a Service sends to.
	Open bool
	// Backend are the real programs of this machine that answer in place of Handler.
	Backend backend.Set
	// Drains is for how long it serves on after SIGTERM, before it ends.
	Drains time.Duration
	// IgnoresTerm says that SIGTERM does not end it. Process 1 of a container
	// ignores what it does not handle, and neither a shell nor sleep(1) handles
	// it: such containers end by SIGKILL, when their grace period is over.
	IgnoresTerm bool
	// Requests is what it logs of a request; nil if nothing.
	Requests func(r *http.Request) string
	// Lines is what it logs when it starts, at the time given.
	Lines func(t time.Time) []string
}

// Plan says how a container behaves. What its annotations say wrongly is left
// out; [annotation.Check] reports it.
func Plan(s Spec) Behaviour {
	s.lookUp()
	argv := slices.Concat(s.Command, s.Args)
	if s.Agent != nil {
		b := s.scripted(func(ctx context.Context, out io.Writer) int { return s.Agent(ctx, out, argv) })
		annotate(s, &b)
		return b
	}
	if len(s.Command) == 0 {
		// What arguments mean is the image's affair, unless they are a command
		// of ours: the entry points of most images run those.
		if entry := s.Entry; entry != nil && entry.Entrypoint != "" {
			if len(argv) == 0 {
				argv = entry.Args
			}
			argv = append([]string{entry.Entrypoint}, argv...)
		} else if len(argv) > 0 && !s.bare() && s.command(argv[0]) == nil {
			argv = nil
		}
	}
	var b Behaviour
	switch {
	case s.Gateway != nil && (len(argv) == 0 || strings.HasPrefix(argv[0], "-") || s.serves(argv)):
		b = planGateway(s, argv)
	case len(argv) > 0:
		b = planCommand(s, argv)
	case len(s.Ports)+len(s.UDPPorts) > 0 || !s.bare():
		b = ownProgram(s)
	case s.Input != nil:
		b = runs(s, []string{"sh"})
	default:
		b = Behaviour{Exits: true} // a shell without a terminal ends at once
	}
	if b.Datagram == nil && b.Names == nil {
		b.UDPPorts = s.UDPPorts
	}
	annotate(s, &b)
	return b
}

// Listens says whether a port that is among its ports answers by now.
func (b Behaviour) Listens(port int32) bool { return b.Gateway == nil || b.Gateway.Listens(port) }

// planGateway plans a container whose server is a gateway.
func planGateway(s Spec, argv []string) Behaviour {
	b := s.scripted(func(ctx context.Context, out io.Writer) int { return s.Gateway.Run(ctx, out, argv) })
	b.Handler, b.Gateway, b.Drains = governed(s, s.Gateway), s.Gateway, s.Gateway.Grace(argv)
	if s.Entry != nil {
		b.ReadyAfter = time.Duration(s.Entry.Start)
	}
	return b
}

// lookUp finds the image's entry.
func (s *Spec) lookUp() {
	if s.Entry == nil {
		s.Entry = image.Builtin().Lookup(s.Image)
	}
}

// system is what the image has beside its own programs; empty if nobody knows.
func (s Spec) system() string {
	if s.Entry == nil {
		return ""
	}
	return s.Entry.SystemOf(image.Split(s.Image))
}

// bare says whether the image has a shell, and nothing to run.
func (s Spec) bare() bool {
	if sys := s.system(); sys != image.Busybox && sys != image.Debian || len(s.Entry.Serves) > 0 || s.Entry.Ends != nil {
		return false
	}
	for _, p := range s.Entry.Programs {
		if p.Server {
			return false
		}
	}
	return true
}

// vague says that nobody knows what the image serves: it has no entry, or one that says
// nothing of that.
func (s Spec) vague() bool {
	return s.Entry == nil || len(s.Entry.Serves) == 0 && s.Entry.Ends == nil && !s.bare()
}

// assume tells that what a program does is not known.
func (s Spec) assume(p image.Place) {
	if s.Assumed != nil && s.Entry == nil {
		s.Assumed(p)
	}
}

// program is a program of the image's own, by its name or path.
func (s Spec) program(name string) (image.Program, bool) {
	if s.Entry == nil {
		return image.Program{}, false
	}
	p, ok := s.Entry.Programs[name]
	if !ok {
		p, ok = s.Entry.Programs[path.Base(name)]
	}
	return p, ok
}
