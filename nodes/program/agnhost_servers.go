package program

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/shell"
)

// dialled is the port at which a request has come; 0 if nobody knows.
func dialled(r *http.Request) int32 {
	at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if tcp, ok := at.(*net.TCPAddr); ok {
		return int32(tcp.Port)
	}
	return 0
}

func hostnames(s Spec, _ []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "%s", s.Hostname) })
}

// liveness is well for ten seconds.
func liveness(s Spec, _ []string) http.Handler {
	started := s.StartedAt
	if started.IsZero() {
		started = time.Now()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		age := time.Since(started)
		if age > 10*time.Second {
			w.WriteHeader(http.StatusInternalServerError)
			say(w, "error: %v", age.Seconds())
			return
		}
		say(w, "ok")
	})
}

// webserver serves the container's files.
func webserver(s Spec, _ []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		disk := newShell(s).System
		f, err := disk.Stat(r.URL.Path)
		switch {
		case err != nil:
			http.NotFound(w, r)
		case f.Dir:
			files, _ := disk.List(shell.Root, r.URL.Path) // it is there
			for _, x := range files {
				say(w, "<a href=\"%[1]s\">%[1]s</a>\n", path.Base(x.Path))
			}
		default:
			b, _ := disk.Read(shell.Root, r.URL.Path) // it is there
			_, _ = w.Write(b)                         // ends when the client does
		}
	})
}

// porter serves on each port of a variable SERVE_PORT_N what the variable says, or datagrams on
// that of SERVE_UDP_PORT_N.
func porter(s Spec, args []string) (b Behaviour) {
	says, datagrams := map[int32]string{}, map[int32]string{}
	for _, v := range s.Env {
		name, value, _ := strings.Cut(v, "=")
		for prefix, of := range map[string]map[int32]string{"SERVE_PORT_": says, "SERVE_TLS_PORT_": says, "SERVE_UDP_PORT_": datagrams} {
			text, ok := strings.CutPrefix(name, prefix)
			if number, err := strconv.ParseUint(text, 10, 16); ok && err == nil {
				of[int32(number)] = value
			}
		}
	}
	b.Ports, b.UDPPorts = slices.Sorted(maps.Keys(says)), slices.Sorted(maps.Keys(datagrams))
	b.Datagram = func(port int32, _ netip.AddrPort, _ []byte) []byte { return []byte(datagrams[port]) }
	asJSON := slices.Contains(args, "--json-response")
	b.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asJSON {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(struct{ Method, Body string }{r.Method, says[dialled(r)]}) // ends when the client does
			return
		}
		say(w, "%s", says[dialled(r)])
	})
	return b
}
