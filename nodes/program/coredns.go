package program

import (
	"slices"
	"strings"
	"time"

	"demarc/nodes/coredns"
	"demarc/nodes/image"
)

// coreDNS is the program of the cluster's DNS.
const coreDNS = "coredns"

// planCoreDNS plans a CoreDNS by its Corefile: with a broken one it ends at once. One of
// which nobody can see the Corefile serves as any other program does.
func planCoreDNS(s Spec, argv []string) Behaviour {
	file := "Corefile"
	for i, a := range argv {
		if value, ok := strings.CutPrefix(strings.TrimLeft(a, "-"), "conf="); ok {
			file = value
		} else if strings.TrimLeft(a, "-") == "conf" && i+1 < len(argv) {
			file = argv[i+1]
		}
	}
	if s.Config == nil {
		return ownProgram(s)
	}
	files, ok := s.Config(file)
	if !ok {
		return ownProgram(s)
	}
	started := s.StartedAt
	if started.IsZero() {
		started = time.Now()
	}
	server, err := coredns.Load(file, files, s.getenv, started, s.Jitter)
	if err != nil {
		return Behaviour{Exits: true, ExitCode: 1, Misconfigured: true, Lines: fixed(err.Error())}
	}
	names, web := server.Ports()
	b := Behaviour{Ports: slices.Concat(names, web), UDPPorts: names, Handler: newHandler(s), Names: server}
	greeting := server.Greeting(image.Split(s.Image).Tag)
	b.Lines = fixed(greeting...)
	return b
}

// getenv is a variable of the container's environment.
func (s Spec) getenv(name string) string {
	for _, v := range s.Env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
