package program

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// agnhost is the image of Kubernetes' end-to-end tests, whose first argument chooses one of
// many programs.
const agnhost = "agnhost"

// agnhostServers are its programs that serve, with the ports on which they do by default and
// the flag that says another.
var agnhostServers = map[string]struct {
	port int32
	flag string
	make func(s Spec, args []string) http.Handler
	// review answers what the API server asks a webhook.
	review reviewer
}{
	"netexec":                {8080, "http-port", netexec, nil},
	"serve-hostname":         {9376, "port", hostnames, nil},
	"test-webserver":         {80, "port", webserver, nil},
	"liveness":               {8080, "port", liveness, nil},
	"guestbook":              {80, "http-port", newGuestbook, nil},
	"grpc-health-checking":   {5000, "port", nil, nil},
	"webhook":                {443, "port", nil, agnhostWebhook},
	"crd-conversion-webhook": {443, "port", nil, agnhostConverter},
	"porter":                 {0, "", nil, nil},
	"nettest":                {8080, "port", newNettest, nil},
	"net":                    {0, "", nil, nil},
	"no-snat-test-proxy":     {31235, "port", nil, nil},
	"mtlsserver":             {0, "listen", mutualServer, nil},
	"fake-gitserver":         {8000, "", nil, nil},
	"pause":                  {0, "", nil, nil},
	"tcp-reset":              {8080, "port", nil, nil},
}

// worker is a server that also works by itself, until ctx ends. It returns its exit code.
type worker interface {
	work(ctx context.Context, out io.Writer) int
}

// agnhostDatagrams are its programs that answer datagrams, with the port on which they do by
// default and the flag that says another, of which -1 is none.
var agnhostDatagrams = map[string]struct {
	port   int32
	flag   string
	only   string // the flag without which it takes none
	answer func(s Spec, port int32, from netip.AddrPort, text string) string
}{
	"netexec":        {8081, "udp-port", "", netexecDatagram},
	"serve-hostname": {9376, "port", "udp", func(s Spec, _ int32, _ netip.AddrPort, _ string) string { return s.Hostname }},
}

// planAgnhost plans one of agnhost's programs; args begins with its name.
func planAgnhost(s Spec, args []string) Behaviour {
	name := "pause"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	server, ok := agnhostServers[name]
	if !ok {
		return runs(s, append([]string{agnhost, name}, args...))
	}
	if name == "porter" {
		b := porter(s, args)
		b.Handler, b.Lines = governed(s, b.Handler), fixed("Started "+name)
		return b
	}
	h := newHandler(s)
	h.reviewer = server.review
	b := Behaviour{Handler: h, Lines: fixed("Started " + name)}
	switch name {
	case "pause":
		b.Lines = fixed("Paused")
	case "netexec":
		b.Requests = func(r *http.Request) string { return r.Method + " " + r.URL.RequestURI() }
		b.Drains = time.Duration(number(flag(args, "delay-shutdown"), 0)) * time.Second
	}
	b.Ports = listening(args, server.flag, server.port)
	if d, ok := agnhostDatagrams[name]; ok && (d.only == "" || slices.Contains(args, "--"+d.only) || flag(args, d.only) == "true") {
		b.UDPPorts = listening(args, d.flag, d.port)
		b.Datagram = func(port int32, from netip.AddrPort, payload []byte) []byte {
			if text := d.answer(s, port, from, string(payload)); text != "" {
				return []byte(text)
			}
			return nil
		}
	}
	if server.make != nil {
		own := server.make(s, args)
		b.Handler = governed(s, own)
		if w, ok := own.(worker); ok {
			b.Script = w.work
		}
	}
	return b
}

// listening is the port that a flag names, by itself or behind an address, or the default;
// none if the flag is negative.
func listening(args []string, name string, otherwise int32) []int32 {
	value := flag(args, name)
	if _, port, err := net.SplitHostPort(value); err == nil {
		value = port
	}
	if port := number(value, int(otherwise)); port > 0 && port < 1<<16 {
		return []int32{int32(port)}
	}
	return nil
}

// flag is the value of a flag: --name=value or --name value.
func flag(args []string, name string) string {
	for i, a := range args {
		n, value, ok := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case n != name || !strings.HasPrefix(a, "-"):
		case ok:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// say answers a text.
func say(w http.ResponseWriter, format string, args ...any) { fmt.Fprintf(w, format, args...) }
