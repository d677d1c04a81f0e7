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
// A container whose image we do not know is taken for a server that runs until it
// is stopped; bare images (busybox, ubuntu, …) have a shell and our commands only.
//
// Annotations of the pod change the plan, for all its containers or, with
// ".CONTAINER" behind the name, for one: see package sim/annotation.
package program

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// Agent is a program that works on the machine below and through the API server.
type Agent func(ctx context.Context, stdout io.Writer, argv []string) int

// Spec is a container as far as its program can see it.
type Spec struct {
	Image         string
	Command, Args []string
	Env           []string // NAME=value
	WorkingDir    string
	Hostname      string
	PodIP         string
	Namespace     string
	Pod           string
	Container     string
	Annotations   map[string]string
	Ports         []int32
	// Files is what is mounted, by path: read-only files, and directories that
	// can be written to, whose names end with "/".
	Files map[string][]byte
	// StartedAt is when this instance began; zero means now.
	StartedAt time.Time
	// Disk is the instance's own files. Its program and the commands that are
	// run in it see the same ones if they are given the same Disk; nil means
	// new ones each time.
	Disk *Disk
	// Dial and Resolve are the container's network, for wget, curl, nc and
	// nslookup; without them these fail.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	// Agent, if not nil, is the image's program: nothing here knows of what it works
	// on. It gets the command line and returns the exit code.
	Agent Agent
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
	// IgnoresTerm says that SIGTERM does not end it. Process 1 of a container
	// ignores what it does not handle, and neither a shell nor sleep(1) handles
	// it: such containers end by SIGKILL, when their grace period is over.
	IgnoresTerm bool
	// Lines is what it logs when it starts, at the time given.
	Lines func(t time.Time) []string
}

// Plan says how a container behaves. What its annotations say wrongly is left
// out; [Check] reports it.
func Plan(s Spec) Behaviour {
	argv := slices.Concat(s.Command, s.Args)
	if s.Agent != nil {
		b := Behaviour{Script: func(ctx context.Context, out io.Writer) int { return s.Agent(ctx, out, argv) }}
		annotate(s, &b)
		return b
	}
	image := imageName(s.Image)
	if len(s.Command) == 0 && !bare[image] {
		// What arguments mean is the image's affair, unless they are a command
		// of ours: the entry points of most images run those.
		if entry := entryPoints[image]; entry != "" {
			argv = append([]string{entry}, argv...)
		} else if len(argv) > 0 && s.command(path.Base(argv[0])) == nil {
			argv = nil
		}
	}
	var b Behaviour
	switch {
	case len(argv) > 0:
		b = planCommand(s, argv)
	case len(s.Ports) > 0 || !bare[image]:
		b = serve(s)
	default:
		b = Behaviour{Exits: true} // a shell without a terminal ends at once
	}
	annotate(s, &b)
	return b
}

// entryPoints are images whose arguments are those of a command of ours.
var entryPoints = map[string]string{"curl": "curl"}

// servers are images that are known to serve, and on which ports.
var servers = map[string][]int32{
	"nginx": {80}, "httpd": {80}, "caddy": {80}, "whoami": {80}, "aks-helloworld": {80}, "hello-app": {8080},
	"echoserver": {8080}, "agnhost": {8080}, "podinfo": {9898}, "hello-kubernetes": {8080}, "http-echo": {5678},
	"redis": {6379}, "postgres": {5432}, "mysql": {3306}, "mongo": {27017}, "memcached": {11211}, "rabbitmq": {5672},
	"coredns": {53, 8080, 8181, 9153}, "kube-proxy": {10249, 10256}, "agent": {8093}, "metrics-server": {4443},
}

// bare are images that hold a shell and nothing to run.
var bare = map[string]bool{"busybox": true, "alpine": true, "ubuntu": true, "debian": true, "bash": true, "centos": true, "fedora": true, "hello-world": true}

// imageName is the last part of an image's name, without tag and digest.
func imageName(image string) string {
	name, _, _ := strings.Cut(path.Base(strings.SplitN(image, "@", 2)[0]), ":")
	return name
}
