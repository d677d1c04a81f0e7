package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// netexec answers questions about itself, and dials others.
func netexec(s Spec, _ []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { say(w, "NOW: %s", time.Now().UTC()) })
	name := hostnames(s, nil)
	mux.Handle("/hostname", name)
	mux.Handle("/hostName", name)
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if code, err := strconv.Atoi(r.FormValue("code")); err == nil && code >= 200 && code <= 599 {
			w.WriteHeader(code)
		}
		say(w, "%s", r.FormValue("msg"))
	})
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") })
	mux.HandleFunc("/clientip", func(w http.ResponseWriter, r *http.Request) { say(w, "%s", r.RemoteAddr) })
	mux.HandleFunc("/serverport", func(w http.ResponseWriter, r *http.Request) { say(w, "%d", dialled(r)) })
	mux.HandleFunc("/header", func(w http.ResponseWriter, r *http.Request) { say(w, "%s", r.Header.Get(r.FormValue("key"))) })
	mux.HandleFunc("/envvar", func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("var")
		value, ok := s.variable(name)
		switch {
		case name == "":
			http.Error(w, "'var' query parameter is required", http.StatusBadRequest)
		case !ok:
			http.Error(w, fmt.Sprintf("env var %q is not set", name), http.StatusInternalServerError)
		default:
			say(w, "%s", value)
		}
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.FormValue("code"))
		if err != nil || code < 300 || code > 399 {
			code = http.StatusFound
		}
		http.Redirect(w, r, r.FormValue("location"), code)
	})
	mux.HandleFunc("/dial", func(w http.ResponseWriter, r *http.Request) { s.dialAll(w, r) })
	mux.HandleFunc("/shell", func(w http.ResponseWriter, r *http.Request) {
		command := r.FormValue("shellCommand")
		if command == "" {
			command = r.FormValue("cmd")
		}
		var out strings.Builder
		answer := map[string]string{}
		if code, err := Exec(r.Context(), s, []string{"sh", "-c", command}, nil, &out, &out); err != nil || code != 0 {
			answer["error"] = fmt.Sprintf("exit status %d", code)
		}
		answer["output"] = out.String()
		_ = json.NewEncoder(w).Encode(answer) // ends when the client does
	})
	return mux
}

// variable is an environment variable of the container's.
func (s Spec) variable(name string) (value string, ok bool) {
	for _, v := range s.Env { // the last one counts
		if n, text, _ := strings.Cut(v, "="); n == name {
			value, ok = text, true
		}
	}
	return value, ok
}

// netexecDatagram is what netexec answers to a datagram (kubernetes 1.37,
// test/images/agnhost/netexec: startUDPServer); empty if nothing.
func netexecDatagram(s Spec, port int32, from netip.AddrPort, text string) string {
	text = strings.TrimSpace(text)
	command, argument, _ := strings.Cut(text, " ")
	switch command = strings.ToLower(command); {
	case command == "hostname" && argument == "":
		return s.Hostname
	case command == "echo":
		return strings.ToLower(argument)
	case command == "envvar":
		value, _ := s.variable(strings.TrimSpace(argument))
		return value
	case command == "clientip" && argument == "":
		return from.String()
	case command == "serverport" && argument == "":
		return strconv.Itoa(int(port))
	}
	return ""
}

// dialLimit is how long netexec waits for an answer.
const dialLimit = 5 * time.Second

// dialAll asks another netexec, as often as it is told to, and says what it heard.
func (s Spec) dialAll(w http.ResponseWriter, r *http.Request) {
	tries, err := strconv.Atoi(r.FormValue("tries"))
	if r.FormValue("tries") == "" {
		tries, err = 1, nil
	}
	request, ask := r.FormValue("request"), s.askHTTP
	switch strings.ToLower(r.FormValue("protocol")) {
	case "", "http":
	case "udp":
		ask = s.askUDP
	default:
		http.Error(w, "unsupported protocol. "+r.FormValue("protocol"), http.StatusBadRequest)
		return
	}
	switch {
	case err != nil:
		http.Error(w, fmt.Sprintf("tries parameter is invalid. %v", err), http.StatusBadRequest)
		return
	case request == "":
		http.Error(w, "request parameter not specified. <nil>", http.StatusBadRequest)
		return
	}
	heard := map[string][]string{}
	to := net.JoinHostPort(r.FormValue("host"), r.FormValue("port"))
	for range min(tries, 100) {
		text, err := ask(r.Context(), to, request)
		if err != nil {
			heard["errors"] = append(heard["errors"], err.Error())
			continue
		}
		heard["responses"] = append(heard["responses"], text)
	}
	b, _ := json.Marshal(heard) // strings can be
	say(w, "%s", b)
}

// askHTTP asks by a request.
func (s Spec) askHTTP(ctx context.Context, to, request string) (string, error) {
	return get(ctx, s.client(), "http://"+to+"/"+request)
}

// client asks other pods.
func (s Spec) client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return newShell(s).System.Dial(ctx, network, address)
	}
	return &http.Client{Timeout: dialLimit, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

func get(ctx context.Context, client *http.Client, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return strings.TrimSpace(string(b)), err
}

// askUDP asks by a datagram.
func (s Spec) askUDP(ctx context.Context, to, request string) (string, error) {
	conn, err := newShell(s).System.Dial(ctx, "udp", to)
	if err != nil {
		return "", fmt.Errorf("udp dial failed. err:%w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	b := make([]byte, 2048)
	_, err = io.WriteString(conn, request)
	n := 0
	if err = errors.Join(err, conn.SetReadDeadline(time.Now().Add(dialLimit))); err == nil {
		n, err = conn.Read(b)
	}
	if err != nil || n == 0 {
		return "", fmt.Errorf("reading from udp connection failed. err:'%w'", err)
	}
	return string(b[:n]), nil
}
