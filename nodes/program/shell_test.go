package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/network"
)

func testSpec() Spec {
	return Spec{
		Image: "busybox", Hostname: "shop-1", PodIP: "10.244.0.7", Namespace: "default", Pod: "shop-1", Container: "web",
		Env: []string{"COLOUR=blue"}, WorkingDir: "/work",
		Files: map[string][]byte{
			"/etc/app/config":  []byte("one\ntwo\nthree\n"),
			"/scripts/run.sh":  []byte("#!/bin/sh\necho run $1\nexit 4\n"),
			"/scripts/lib.sh":  []byte("greet() { echo hello $1; }\n"),
			"/var/lib/volume/": nil,
		},
		Disk: NewDisk(),
	}
}

// output runs a command and returns what it wrote and its code.
func output(t *testing.T, s Spec, argv ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code, err := Exec(t.Context(), s, argv, nil, &out, &errOut)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), code
}

func TestScripts(t *testing.T) {
	tests := []struct {
		script, out, err string
		code             int
	}{
		{"echo hi", "hi\n", "", 0},
		{"/bin/echo hi", "hi\n", "", 0},
		{"exec echo hi", "hi\n", "", 0},
		{"exit 3", "", "", 3},
		{"false || echo no", "no\n", "", 0},
		{"for i in 1 2 3; do echo $i; done", "1\n2\n3\n", "", 0},
		{"i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", "3\n", "", 0},
		{"f() { echo $1; }; f x", "x\n", "", 0},
		{"foo", "", "sh: 1: foo: not found\n", 127},
		{"/opt/foo", "", "sh: 1: /opt/foo: not found\n", 127},
		{"echo $COLOUR $HOSTNAME $(hostname)", "blue shop-1 shop-1\n", "", 0},
		{"echo $$ $PPID $UID", "1 0 0\n", "", 0},
		{"pwd; cd /tmp; pwd -P", "/work\n/tmp\n", "", 0},
		{"cd /nowhere", "", "/nowhere", 1},
		{"mkdir /only; cd /only; builtin pwd -P", "/only\n", "", 0},
		{"cat /etc/app/config | grep t | wc -l", "2\n", "", 0},
		{"grep -c . /etc/app/config; grep -v two /etc/app/config", "3\none\nthree\n", "", 0},
		{"grep -E 'o(n|x)e' /etc/app/config", "one\n", "", 0},
		{"grep -q four /etc/app/config", "", "", 1},
		{"head -n 1 /etc/app/config; tail -1 /etc/app/config", "one\nthree\n", "", 0},
		{"sort -r /etc/app/config | head -1", "two\n", "", 0},
		{"printf '%s-%d\\n' a 7", "a-7\n", "", 0},
		{"seq 2 4; seq 3 -1 1 | tail -1", "2\n3\n4\n1\n", "", 0},
		{"cat /nowhere", "", "cat: can't open '/nowhere': No such file or directory\n", 1},
		{"cat < /nowhere", "", "sh: can't open /nowhere: no such file\n", 1},
		{"echo x > /tmp/a; echo y >> /tmp/a; cat /tmp/a; rm /tmp/a; cat /tmp/a", "x\ny\n", "cat: can't open '/tmp/a': No such file or directory\n", 1},
		{"echo x > f; ls; mkdir -p d/e; cp f d/e; ls d/e; mv f g; ls", "f\nf\nd\ng\n", "", 0},
		{"echo x > /etc/app/config", "", "sh: can't create /etc/app/config: Read-only file system\n", 1},
		{"echo x > /var/lib/volume/a && cat /var/lib/volume/a", "x\n", "", 0},
		{"echo x > /no/where", "", "sh: can't create /no/where: nonexistent directory\n", 1},
		{"echo x > /dev/null; echo y > /dev/stderr; echo z >/proc/1/fd/1", "z\n", "y\n", 0},
		{"ls /etc/app; ls -d /etc/app", "config\n/etc/app\n", "", 0},
		{"echo /etc/app/*", "/etc/app/config\n", "", 0},
		{"[ -f /etc/app/config ] && [ -r /etc/app/config ] && [ -O /etc/app/config ] && [ ! -e /etc/shadow ] && echo yes", "yes\n", "", 0},
		{"sh /scripts/run.sh a; echo $?; /scripts/run.sh b", "run a\n4\nrun b\n", "", 4},
		{"sh -c 'echo $0 $1' x y", "x y\n", "", 0},
		{". /scripts/lib.sh; greet you", "hello you\n", "", 0},
		{". /scripts/none.sh", "", "cannot open /scripts/none.sh", 1},
		{"eval 'for i in a b; do echo $i; done'", "a\nb\n", "", 0},
		{"command -v cat; command -v cd; command -v python3", "/bin/cat\ncd\n", "", 1},
		{"which nothing", "", "", 1},
		{"env A=1 sh -c 'echo $A'; A=2 env | grep ^A=", "1\nA=2\n", "", 0},
		{"trap 'echo bye' EXIT; echo hi", "hi\nbye\n", "", 0},
		{"trap : TERM INT; echo hi", "hi\n", "", 0},
		{"echo ~ ~root ~daemon", "/root /root ~daemon\n", "", 0},
		{"whoami; id -u; uname", "root\n0\nLinux\n", "", 0},
		{"echo a | tee /tmp/t; cat /tmp/t", "a\na\n", "", 0},
		{"basename /a/b.c .c; dirname /a/b.c", "b\n/a\n", "", 0},
		{"cat <<EOF\nhere $COLOUR\nEOF", "here blue\n", "", 0},
		{"if", "", "sh:1:1", 2},
		{"cat <(echo x)", "", "process substitution", 2},
		{"eval 'cat <(echo x)'", "", "process substitution", 1},
		{"kill 7", "", "No such process", 1},
		{"ps", "PID   USER     TIME  COMMAND\n    1 root      0:00 busybox\n   42 root      0:00 ps\n", "", 0},
		{"pidof busybox; pgrep -l busy; killall nothing", "1\n1 busybox\n", "nothing: no process found", 1},
		{"wget -qO- http://x", "", "Network is unreachable", 1},
	}
	for _, tt := range tests {
		out, errOut, code := output(t, testSpec(), "sh", "-c", tt.script)
		if out != tt.out || code != tt.code || !strings.Contains(errOut, tt.err) || tt.err == "" && errOut != "" {
			t.Errorf("%s\n got %q, %q, %d\nwant %q, %q, %d", tt.script, out, errOut, code, tt.out, tt.err, tt.code)
		}
	}
}

func TestExec(t *testing.T) {
	for name, want := range map[string]string{
		"foo":      `exec: "foo": executable file not found in $PATH: unknown`,
		"/bin/foo": `exec: "/bin/foo": stat /bin/foo: no such file or directory: unknown`,
		"/x/cat":   `exec: "/x/cat": stat /x/cat: no such file or directory: unknown`,
	} {
		if _, err := Exec(t.Context(), testSpec(), []string{name}, nil, nil, nil); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	if _, err := Exec(t.Context(), testSpec(), nil, nil, nil, nil); err == nil {
		t.Error("no command: got no error")
	}
	if out, _, _ := output(t, testSpec(), "echo", "a b", "$HOME"); out != "a b $HOME\n" {
		t.Errorf("arguments: got %q", out)
	}
	var out bytes.Buffer
	code, err := Exec(t.Context(), testSpec(), []string{"sh"}, strings.NewReader("echo one\ncd /tmp\npwd\nexit 5\n"), &out, &out)
	if err != nil || code != 5 || out.String() != "# one\n# # /tmp\n# " {
		t.Errorf("a session: got %q, %d, %v", out.String(), code, err)
	}
	out.Reset()
	if _, err := Exec(t.Context(), testSpec(), []string{"cat"}, strings.NewReader("in"), &out, &out); err != nil || out.String() != "in" {
		t.Errorf("standard input: got %q, %v", out.String(), err)
	}
}

// The example of the Kubernetes documentation for liveness probes.
func TestDiskIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpec()
		s.Command = []string{"/bin/sh", "-c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int)
		go func() { ended <- Plan(s).Script(ctx, new(bytes.Buffer)) }()
		time.Sleep(29 * time.Second)
		if _, _, code := output(t, s, "cat", "/tmp/healthy"); code != 0 {
			t.Errorf("after 29 s: got %d, want the file", code)
		}
		time.Sleep(2 * time.Second)
		if _, _, code := output(t, s, "cat", "/tmp/healthy"); code != 1 {
			t.Errorf("after 31 s: got %d, want no file", code)
		}
		s.Files = map[string][]byte{"/etc/app/config": []byte("new")} // the ConfigMap has changed
		if out, _, _ := output(t, s, "cat", "/etc/app/config"); out != "new" {
			t.Errorf("mounted: got %q, want new", out)
		}
		cancel()
		if code := <-ended; code != 143 {
			t.Errorf("stopped: got %d, want 143", code)
		}
	})
}

// Nothing of the machine on which this runs may be seen or changed.
func TestHostIsOutOfReach(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	script := filepath.Join(dir, "host.sh")
	if err := errors.Join(os.WriteFile(secret, []byte("SECRET"), 0o600), os.WriteFile(script, []byte("#!/bin/sh\necho SECRET\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DEMARC_SECRET", "SECRET")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	home, _ := os.UserHomeDir()
	pid := strconv.Itoa(os.Getpid())
	fifo := filepath.Join(os.TempDir(), "sh-interp-"+pid)
	t.Cleanup(func() { os.Remove(fifo) })
	replace := strings.NewReplacer("SECRETFILE", secret, "HOST.SH", script, "DIR", dir, "FIFO", fifo)
	for _, text := range []string{
		"cat SECRETFILE", "cat < SECRETFILE", "read x < SECRETFILE; echo $x", "ls DIR", "echo DIR/*", "ls DIR/..",
		"test -e SECRETFILE && echo SECRET", "[ -r SECRETFILE ] && echo SECRET", "[ -x HOST.SH ] && echo SECRET",
		"[[ -O SECRETFILE ]] && echo SECRET", "[[ SECRETFILE -nt /x ]] && echo SECRET",
		"cd DIR && echo SECRET", "pushd DIR && echo SECRET", "HOST.SH", ". HOST.SH", "source host.sh", "sh HOST.SH", "exec HOST.SH", "command HOST.SH", "host.sh",
		"command -v host.sh", "type host.sh", "which host.sh", "hash host.sh", "PATH=DIR; command -v host.sh && echo SECRET", "PATH=DIR; type host.sh && echo SECRET",
		"PATH=DIR; builtin type host.sh && echo SECRET", "PATH=DIR; command command -v host.sh && echo SECRET", "PATH=DIR; . host.sh",
		"echo $DEMARC_SECRET", "env", "export", "set", "echo $$ $PPID", "eval 'echo $$'", "echo $(($$))", "ps",
		"echo SECRET-made > SECRETFILE", "echo x > FIFO", "TMPDIR=/tmp; echo x > FIFO", "mkdir DIR/new", "touch DIR/new", "rm -f SECRETFILE", "rm -rf /",
		"cat <(cat SECRETFILE)", "cd DIR; pwd -P", "cd /tmp; pwd -P", "mapfile -t a < SECRETFILE; echo ${a[0]}",
		"cat /proc/self/environ", "cat /etc/shadow", "umask 0", "kill -9 " + pid + " 2>/dev/null", "trap 'cat SECRETFILE' EXIT",
		"alias x='cat SECRETFILE'; x", "echo `cat SECRETFILE`", "cat ~/.bashrc ~root/.bashrc", "times", "ulimit -a",
	} {
		var out bytes.Buffer
		s := testSpec()
		s.Env = nil
		if _, err := Exec(t.Context(), s, sh(replace.Replace(text)), strings.NewReader(""), &out, &out); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got, leaks := out.String(), []string{"SECRET", "demarc", dir, pid, home + "/go"}
		if replace.Replace(text) != text { // errors repeat the names
			got = strings.NewReplacer(secret, "", script, "", dir, "").Replace(got)
		}
		for _, leak := range leaks {
			if leak == pid && slices.Contains(strings.Fields(got), pid) || leak != pid && strings.Contains(got, leak) {
				t.Errorf("%s: %q is of the host: %s", text, leak, got)
			}
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "SECRET" {
		t.Errorf("the host's file is now %q, %v", b, err)
	}
	if _, err := os.Lstat(fifo); err == nil {
		t.Errorf("%s was made on the host", fifo)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the host's directory has now %d files, %v", len(entries), err)
	}
}

// A script that never waits must not stop the clock, or the engine.
func TestRunawayScripts(t *testing.T) {
	tests := []struct {
		script string
		code   int
		out    string
	}{
		{"while true; do :; done", 143, ""},
		{"while [ 1 ]; do x=1; done", 143, ""},
		{"until ((0)); do ((x++)); done", 143, ""},
		{"for ((;;)); do x=1; done", 143, ""},
		{"eval 'while ((1)); do x=2; done'", 143, ""},
		{"builtin eval 'while ((1)); do x=2; done'", 143, ""},
		{"command . /scripts/x", 143, ""},
		{"while true; do wget -q http://shop; done", 143, ""},
		{"f() { f; }; f", 2, "recursion"},
		{"f() { x=$(f); }; f", 137, "out of memory"},
		{"x=a; while true; do x=$x$x; done", 137, ""},
		{"echo {1..100000000}", 2, "out of memory"},
		{"printf '%999999999d' 1", 137, ""},
		{"seq 1 1000000000", 143, ""},
		{"seq 9223372036854775806 9223372036854775807 | tail -1", 0, "9223372036854775807"},
		{"while true; do echo 0123456789 >> /tmp/a || exit 9; done", 143, ""},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var out bytes.Buffer
				s := testSpec()
				s.Files["/scripts/x"] = []byte("while ((1)); do x=3; done")
				code, err := Exec(ctx, s, sh(tt.script), nil, &out, &out)
				if err != nil || code != tt.code || !strings.Contains(out.String(), tt.out) {
					t.Errorf("got %d, %v, %.200s; want %d, %q", code, err, out.String(), tt.code, tt.out)
				}
			})
		})
	}
}

func TestUnknownPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		run := func(image, script string) (int, time.Duration, string) {
			s, start := testSpec(), time.Now()
			s.Image, s.Command = image, sh(script)
			var out bytes.Buffer
			return Plan(s).Script(ctx, &out), time.Since(start), out.String()
		}
		if code, took, out := run("busybox", "date >/dev/null; python app.py"); code != 127 || took != 0 || !strings.Contains(out, "python: not found") {
			t.Errorf("a bare image: got %d after %v, %q", code, took, out)
		}
		if code, took, _ := run("shop.azurecr.io/api", "python missing.py && echo done | cat"); code != 0 || took != 0 {
			t.Errorf("not the last command: got %d after %v, want 0 at once", code, took)
		}
		if code, took, _ := run("shop.azurecr.io/api", "migrate && exec python app.py"); code != 143 || took != time.Hour {
			t.Errorf("the last command: got %d after %v, want it to run until it is stopped", code, took)
		}
	})
}

func TestNetworkCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpec()
		s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			switch address {
			case "shop:80", "shop:8080":
				client, server := net.Pipe()
				go serveOnce(server)
				return client, nil
			case "closed:80":
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			case "dead:80":
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
			}
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		}
		s.Query = func(_ context.Context, q network.Question) ([]network.Record, error) {
			if q.Name == "shop" {
				return []network.Record{{Name: "shop.default.svc.cluster.local.", Type: "A", Data: "10.0.1.1"}}, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: q.Name, IsNotFound: true}
		}
		killed := 0
		s.Kill = func(signal int) { killed = signal }
		tests := []struct {
			script, out, err string
			code             int
		}{
			{"wget -qO- http://shop/x", "GET /x", "", 0},
			{"wget -q -O - shop", "GET /", "", 0},
			{"wget -q -O /tmp/f shop:8080/a?b=c && cat /tmp/f", "GET /a?b=c", "", 0},
			{"wget -q --spider http://shop", "", "", 0},
			{"wget -q http://shop/503", "", "wget: server returned error: HTTP/1.1 503 Service Unavailable\n", 1},
			{"wget -q http://closed", "", "wget: can't connect to remote host (closed): Connection refused\n", 1},
			{"wget -q -T 2 http://dead", "", "wget: download timed out\n", 1},
			{"wget -q http://nowhere", "", "wget: bad address 'nowhere'\n", 1},
			{"curl -s shop", "GET /", "", 0},
			{"curl -s --user shop:secret shop", "GET /", "", 0},
			{"curl -s -o /dev/null -w '%{http_code}\\n' http://shop/503", "503\n", "", 0},
			{"curl -sf http://shop/503", "", "", 22},
			{"curl -sS -m 3 http://dead", "", "curl: (28) Connection timed out after 3000 milliseconds\n", 28},
			{"curl -sS --connect-timeout 2 --max-time 60 http://dead", "", "curl: (28) Connection timed out after 2000 milliseconds\n", 28},
			{"curl -s --connect-timeout 2 --interface 10.244.0.7 shop", "GET /", "", 0},
			{"curl --silent --show-error --max-time 3 http://closed", "", "curl: (7) Failed to connect to closed: Could not connect to server\n", 7},
			{"curl http://nowhere", "", "curl: (6) Could not resolve host: nowhere\n", 6},
			{"curl -d a=b -s shop/p", "POST /p", "", 0},
			{"curl -s ftp://shop", "", "unsupported protocol", 3},
			{"nslookup shop", "Server:\t\t10.0.0.10\nAddress:\t10.0.0.10:53\n\nName:\tshop\nAddress: 10.0.1.1\n\n", "", 0},
			{"nslookup nowhere | tail -2 | head -1", "** server can't find nowhere: NXDOMAIN\n", "", 0},
			{"nc -z shop 80", "", "", 0},
			{"nc -z closed 80", "", "connection refused", 1},
			{"timeout 5 wget -q http://dead", "", "", 143},
			{"kill -9 1", "", "", 0},
		}
		for _, tt := range tests {
			s.Image = "busybox"
			if strings.HasPrefix(tt.script, "curl") { // busybox has none
				s.Image = "curlimages/curl"
			}
			out, errOut, code := output(t, s, "sh", "-c", tt.script)
			if out != tt.out || code != tt.code || !strings.Contains(errOut, tt.err) {
				t.Errorf("%s\n got %q, %q, %d\nwant %q, %q, %d", tt.script, out, errOut, code, tt.out, tt.err, tt.code)
			}
		}
		if killed != 9 {
			t.Errorf("process 1 got signal %d, want 9", killed)
		}
	})
}

func TestDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for args, want := range map[string]string{
			"": "Sat Jan  1 00:00:00 UTC 2000", "+%s": "946684800", "+%Y-%m-%dT%H:%M:%SZ": "2000-01-01T00:00:00Z",
			"-u +%F": "2000-01-01", "-d @0 +%T": "00:00:00", "+100%%": "100%",
		} {
			if out, _, _ := output(t, testSpec(), "sh", "-c", "date "+args); out != want+"\n" {
				t.Errorf("date %s: got %q, want %q", args, out, want)
			}
		}
	})
}

// serveOnce answers one request with what it asked for.
func serveOnce(conn net.Conn) {
	defer conn.Close()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/503" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.RequestURI())
	})}
	ended := make(chan struct{})
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			close(ended)
		}
	}
	_ = srv.Serve(&single{conn: conn, ended: ended}) // ends with the connection
}

type single struct {
	conn  net.Conn
	taken bool
	ended chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if s.taken {
		<-s.ended
		return nil, net.ErrClosed
	}
	s.taken = true
	return s.conn, nil
}

func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }
