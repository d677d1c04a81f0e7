package program

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/shell"
	"demarc/sim/clock"
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
}{
	"netexec":                {8080, "http-port", netexec},
	"serve-hostname":         {9376, "port", hostnames},
	"test-webserver":         {80, "port", nil},
	"liveness":               {8080, "port", liveness},
	"guestbook":              {3000, "http-port", nil},
	"grpc-health-checking":   {5000, "port", nil},
	"webhook":                {443, "port", nil},
	"crd-conversion-webhook": {443, "port", nil},
	"porter":                 {0, "", nil},
	"net":                    {0, "", nil},
	"no-snat-test-proxy":     {31235, "port", nil},
	"inclusterclient":        {0, "", nil},
	"fake-gitserver":         {8000, "", nil},
	"pause":                  {0, "", nil},
	"tcp-reset":              {8080, "port", nil},
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
	b := Behaviour{Ports: slices.Clone(s.Ports), Handler: newHandler(s), Lines: fixed("Started " + name)}
	if port, err := strconv.ParseUint(flag(args, server.flag), 10, 16); err == nil && port > 0 {
		b.Ports = append(b.Ports, int32(port))
	} else if server.port > 0 {
		b.Ports = append(b.Ports, server.port)
	}
	if server.make != nil {
		b.Handler = governed(s, server.make(s, args))
	}
	if name == "porter" {
		b.Ports, b.Handler = porter(s, b.Ports)
	}
	slices.Sort(b.Ports)
	b.Ports = slices.Compact(b.Ports)
	return b
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
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/clientip", func(w http.ResponseWriter, r *http.Request) { say(w, "%s", r.RemoteAddr) })
	mux.HandleFunc("/header", func(w http.ResponseWriter, r *http.Request) { say(w, "%s", r.Header.Get(r.FormValue("key"))) })
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.FormValue("code"))
		if err != nil || code < 300 || code > 399 {
			code = http.StatusFound
		}
		http.Redirect(w, r, r.FormValue("location"), code)
	})
	mux.HandleFunc("/dial", func(w http.ResponseWriter, r *http.Request) { s.dialAll(w, r) })
	mux.HandleFunc("/shell", func(w http.ResponseWriter, r *http.Request) {
		var out strings.Builder
		answer := map[string]string{}
		if code, err := Exec(r.Context(), s, []string{"sh", "-c", r.FormValue("shellCommand")}, nil, &out, &out); err != nil || code != 0 {
			answer["error"] = fmt.Sprintf("exit status %d", code)
		}
		answer["output"] = out.String()
		_ = json.NewEncoder(w).Encode(answer) // ends when the client does
	})
	return mux
}

// dialAll asks another netexec, as often as it is told to, and says what it heard.
func (s Spec) dialAll(w http.ResponseWriter, r *http.Request) {
	tries, err := strconv.Atoi(r.FormValue("tries"))
	if err != nil || tries < 1 {
		tries = 1
	}
	request, protocol := r.FormValue("request"), r.FormValue("protocol")
	if protocol != "http" {
		request = "hostName"
	}
	heard := map[string][]string{}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
	if s.Dial == nil {
		http.Error(w, "no network", http.StatusInternalServerError)
		return
	}
	for range min(tries, 100) {
		text, err := get(r.Context(), &client, "http://"+net.JoinHostPort(r.FormValue("host"), r.FormValue("port"))+"/"+request)
		if err != nil {
			heard["errors"] = append(heard["errors"], err.Error())
			continue
		}
		heard["responses"] = append(heard["responses"], text)
	}
	_ = json.NewEncoder(w).Encode(heard) // ends when the client does
}

func get(ctx context.Context, client *http.Client, address string) (string, error) {
	if _, err := url.Parse(address); err != nil {
		return "", err
	}
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

// porter serves on each port of a variable SERVE_PORT_N what the variable says.
func porter(s Spec, ports []int32) ([]int32, http.Handler) {
	says := map[string]string{}
	for _, v := range s.Env {
		name, value, _ := strings.Cut(v, "=")
		for _, prefix := range []string{"SERVE_PORT_", "SERVE_TLS_PORT_", "SERVE_SCTP_PORT_"} {
			if number, ok := strings.CutPrefix(name, prefix); ok {
				ports, says[number] = withPort(ports, number), value
			}
		}
	}
	return ports, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(r.Host)
		if text, ok := says[port]; ok || len(says) == 0 {
			say(w, "%s", text)
			return
		}
		for _, text := range says { // the port is not in the request
			say(w, "%s", text)
			return
		}
	})
}

// agnhostTool is its programs that come to an end.
func agnhostTool(ctx context.Context, c *call) int {
	name, args := "", c.Args
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "entrypoint-tester":
		return c.Done("[%s]\n", strings.Join(append([]string{"/agnhost"}, c.Args...), " "))
	case "mounttest":
		return mounttest(ctx, c, args)
	case "connect":
		return connect(ctx, c, args)
	case "logs-generator":
		return generateLogs(ctx, c, args)
	case "dns-suffix":
		return c.Done("%s.svc.cluster.local,svc.cluster.local,cluster.local\n", c.spec.Namespace)
	case "dns-server-list":
		return c.Done("10.0.0.10\n")
	case "etc-hosts":
		b, err := c.Read("/etc/hosts")
		if err != nil {
			return c.Problem("/etc/hosts", err)
		}
		return c.Done("%s", b)
	case "", "help", "--help", "--version":
		return c.Done("Usage:\n  app [command]\n")
	}
	if _, ok := agnhostServers[name]; ok {
		clock.Sleep(ctx, shell.MaxSpan)
		return c.Shell.Interrupted()
	}
	return c.Fail("Error: unknown command %q for \"app\"", name)
}

// mounttest tells of the files that its flags name.
func mounttest(ctx context.Context, c *call, args []string) int {
	loop := flag(args, "file_content_in_loop")
	for _, a := range args {
		name, file, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch name {
		case "file_content":
			b, err := c.Read(file)
			if err != nil {
				c.Printf("error reading file content for %q: open %s: no such file or directory\n", file, file)
				return 1
			}
			c.Printf("content of file %q: %s\n", file, b)
		case "file_mode", "file_perm":
			f, err := c.Stat(file)
			if err != nil {
				c.Printf("error Lstat file %s: no such file or directory\n", file)
				return 1
			}
			mode := f.Mode
			if f.Dir && mode == 0 {
				mode = 0o777
			}
			c.Printf("%s of file %q: %v\n", map[string]string{"file_mode": "mode", "file_perm": "perms"}[name], file, mode)
		case "fs_type":
			c.Printf("mount type of %q: %s\n", file, "ext4")
		case "new_file_0644", "new_file_0660", "new_file_0666", "new_file_0777":
			if err := c.Shell.Write(c.User, c.Path(file), []byte("mount-tester new file\n"), false); err != nil {
				c.Printf("error writing new file %q: %s\n", file, shell.Reason(err))
				return 1
			}
		}
	}
	for end := time.Now().Add(time.Duration(number(flag(args, "retry_time"), 180)) * time.Second); loop != "" && time.Now().Before(end); {
		if b, err := c.Read(loop); err == nil {
			c.Printf("content of file %q: %s\n", loop, b)
		} else {
			c.Printf("Error reading file %s: open %s: no such file or directory, retrying\n", loop, loop)
		}
		if !clock.Sleep(ctx, time.Second) {
			return c.Shell.Interrupted()
		}
	}
	return 0
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// connect says whether somebody listens.
func connect(ctx context.Context, c *call, args []string) int {
	limit, err := time.ParseDuration(flag(args, "timeout"))
	if err != nil {
		limit = 0
	}
	for _, to := range c.Options("timeout= protocol=").Operands[1:] {
		_, done, err := c.Dial(ctx, "tcp", to, limit)
		done()
		switch name, refused, late := shell.Trouble(err); {
		case err == nil:
		case refused:
			return c.Fail("REFUSED")
		case late:
			return c.Fail("TIMEOUT")
		case name:
			return c.Fail("DNS: %v", err)
		default:
			return c.Fail("OTHER: %v", err)
		}
	}
	return 0
}

// generateLogs logs requests, evenly over a time.
func generateLogs(ctx context.Context, c *call, args []string) int {
	total := number(flag(args, "log-lines-total"), 0)
	span, err := time.ParseDuration(flag(args, "run-duration"))
	if err != nil || total <= 0 || span < 0 {
		return c.Fail("Invalid total number of lines or duration")
	}
	for i := range total {
		now := time.Now().UTC()
		c.Printf("I%s       1 logs_generator.go:76] %d %s /api/v1/namespaces/ns/pods/%x %d\n", now.Format("0102 15:04:05.000000"), i, []string{"GET", "PUT", "POST"}[i%3], 0xabc+i, 200+i%300)
		if c.Stopped() || !clock.Sleep(ctx, span/time.Duration(total)) {
			return c.Shell.Interrupted()
		}
	}
	return 0
}
