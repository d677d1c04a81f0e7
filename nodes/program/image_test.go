package program

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/image"
	"demarc/sim/annotation"
)

// The unknown goes the healthy way, and is told.
func TestUnknownImages(t *testing.T) {
	tests := map[string]struct {
		spec  Spec
		ends  bool
		ports []int32
		open  bool
		told  image.Place
	}{
		"a container":         {Spec{Asked: []int32{9001}, Ports: []int32{8080}}, false, []int32{8080, 9001}, true, image.Main},
		"told its port":       {Spec{Env: []string{"PORT=3000"}}, false, []int32{3000}, true, image.Main},
		"an init container":   {Spec{Place: image.Init, Args: []string{"migrate", "up"}}, true, nil, false, image.Init},
		"a Job":               {Spec{Place: image.Job, Command: []string{"/report"}}, true, nil, false, image.Job},
		"a language in a Job": {Spec{Image: "python:3", Place: image.Job, Command: []string{"python", "x.py"}}, true, nil, false, ""},
		"a server in a Job":   {Spec{Image: "nginx", Place: image.Job, Asked: []int32{81}}, false, []int32{80}, false, ""},
	}
	for name, tt := range tests {
		var told image.Place
		s := tt.spec
		if s.Image == "" {
			s.Image = "ghcr.io/acme/shop:1"
		}
		s.Assumed = func(p image.Place) { told = p }
		b := Plan(s)
		if b.Exits != tt.ends || !slices.Equal(b.Ports, tt.ports) || b.Open != tt.open || told != tt.told || b.ExitCode != 0 {
			t.Errorf("%s: got %+v, told %q", name, b, told)
		}
	}
}

func TestExecOfUnknownPrograms(t *testing.T) {
	for _, tt := range []struct {
		image string
		argv  []string
		code  int
		fails bool
	}{
		{"ghcr.io/acme/shop:1", []string{"/app/health"}, 0, false},
		{"ghcr.io/acme/shop:1", []string{"sh", "-c", "healthcheck --quick || exit 3"}, 0, false},
		{"ghcr.io/acme/shop:1", []string{"cat", "/nothing"}, 1, false},
		{"busybox", []string{"curl"}, 127, true},
		{"busybox", []string{"sh", "-c", "curl x"}, 127, false},
		{"coredns", []string{"sh"}, 127, true},
		{"redis:7", []string{"redis-cli", "ping"}, 0, false},
		{"redis:7-alpine", []string{"wget"}, 1, false},
		{"redis:7", []string{"wget"}, 127, true},
		{"postgres", []string{"mysqladmin", "ping"}, 127, true},
		{"bitnami/redis", []string{"/opt/bitnami/scripts/redis/liveness.sh"}, 0, false},
		{"busybox", []string{"/opt/health"}, 127, true},
		{"bitnami/redis", []string{"bash", "-c", "info well"}, 127, false},
		{"nginx", []string{"cp", "/tmp/conf", "/etc/nginx"}, 1, false},
		{"busybox", []string{"sh", "-c", ". /opt/lib.sh; info well"}, 127, false},
	} {
		s := testSpec()
		s.Image, s.Command = tt.image, nil
		var out bytes.Buffer
		code, err := Exec(t.Context(), s, tt.argv, nil, &out, &out)
		if code != tt.code || (err != nil) != tt.fails {
			t.Errorf("%s: %q: got %d, %v, %q", tt.image, tt.argv, code, err, out.String())
		}
	}
}

// The tools that probes call answer as soon as the server does, and not before.
func TestToolsOfServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpec()
		s.Image, s.Command, s.StartedAt = "postgres:16", nil, time.Now()
		isReady := func(args ...string) (string, int) {
			out, errOut, code := output(t, s, append([]string{"pg_isready"}, args...)...)
			return out + errOut, code
		}
		if text, code := isReady("-U", "postgres", "-h", "127.0.0.1", "-p", "5432"); code != 2 || text != "127.0.0.1:5432 - no response\n" {
			t.Errorf("at first: got %q, %d", text, code)
		}
		time.Sleep(2 * time.Second)
		if text, code := isReady(); code != 0 || text != "127.0.0.1:5432 - accepting connections\n" {
			t.Errorf("when it serves: got %q, %d", text, code)
		}
		s.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			if address == "db:5433" {
				a, _ := net.Pipe()
				return a, nil
			}
			return nil, syscall.ECONNREFUSED
		}
		if _, code := isReady("-h", "db", "-p", "5433"); code != 0 {
			t.Errorf("another host: got %d", code)
		}
		if _, code := isReady("--host=db"); code != 2 {
			t.Errorf("another host that refuses: got %d", code)
		}
		s.Annotations = map[string]string{annotation.UnhealthyAfter: "1m"}
		time.Sleep(time.Minute)
		if _, code := isReady(); code != 2 {
			t.Errorf("when it is sick: got %d", code)
		}
	})
}

// What known probes print.
func TestToolsSay(t *testing.T) {
	for _, tt := range []struct{ image, script, want string }{
		{"redis", "redis-cli -h localhost -p 6379 ping", "PONG\n"},
		{"bitnami/valkey:8", "valkey-cli -a x PING", "PONG\n"},
		{"redis", `response=$(timeout -s 15 5 redis-cli -h localhost ping); [ "$response" = PONG ] && echo well`, "well\n"},
		{"mysql:8", "mysqladmin ping -uroot -psecret", "mysqld is alive\n"},
		{"mysql:8", "mysql -h 127.0.0.1 -e 'SELECT 1'", "1\n1\n"},
		{"mariadb:11", "mariadb-admin ping; mysqladmin status | cut -d: -f1", "mysqld is alive\nUptime\n"},
		{"mongo:7", "mongosh --eval 'db.runCommand(\"ping\").ok' --quiet", "1\n"},
		{"zookeeper:3.9", "echo ruok | timeout 2 nc -w 2 localhost 2181 | grep imok", "imok\n"},
		{"rabbitmq:3", "rabbitmq-diagnostics -q ping", "Ping succeeded\n"},
		{"bitnami/postgresql", "exec pg_isready -U postgres; [ -f /opt/bitnami/postgresql/tmp/.initialized ]", "127.0.0.1:5432 - accepting connections\n"},
		{"bitnami/postgresql", `set -eu; . /opt/bitnami/scripts/libpostgresql.sh; is_boolean_yes "$TLS" && debug_execute pg_isready -p "$PORT"; echo well`, "well\n"},
		{"bitnami/mongodb", "mongod -version | grep 'db version'", "db version v8.0.13\n"},
		{"bitnami/rabbitmq", "type curl >/dev/null && echo well", "well\n"},
		{"bitnami/rabbitmq", "set -e; mkdir -p /srv; cp -r --preserve=mode /opt/bitnami/rabbitmq/plugins/ /srv; cp /etc/rabbitmq/rabbitmq.conf /srv/conf; ls /srv", "conf\nplugins\n"},
		{"nginx", "nginx -t 2>&1 | tail -1; nginx -s reload && echo ok", "nginx: configuration file /etc/nginx/nginx.conf test is successful\nok\n"},
		{"ghcr.io/azure-samples/aks-store-demo/virtual-customer:2.2.0", "head -1 /proc/1/status", "Name:\tvirtual-customer\n"},
	} {
		s := testSpec()
		s.Image, s.Command, s.StartedAt = tt.image, nil, time.Now().Add(-time.Minute)
		if out, errOut, code := output(t, s, "sh", "-c", tt.script); out != tt.want || code != 0 {
			t.Errorf("%s: %s: got %q, %q, %d", tt.image, tt.script, out, errOut, code)
		}
	}
}

// A script that ends in the image's server serves what the image serves.
func TestScriptsThatStartTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Spec{Image: "redis:7", Command: sh("echo requirepass x > /tmp/redis.conf; exec redis-server /tmp/redis.conf")}
		b := Plan(s)
		if !slices.Equal(b.Ports, []int32{6379}) || b.Handler == nil || b.Script == nil {
			t.Fatalf("got %+v", b)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if code := b.Script(ctx, new(bytes.Buffer)); code != 143 || time.Since(began) != time.Hour {
			t.Errorf("got %d after %v", code, time.Since(began))
		}
		if b := Plan(Spec{Image: "redis:7", Command: []string{"redis-server", "--port", "7000"}}); b.Script != nil || !slices.Equal(b.Ports, []int32{6379}) {
			t.Errorf("its own program: got %+v", b)
		}
		if b := Plan(Spec{Image: "redis:7", Command: []string{"redis-serve"}}); b.ExitReason != "StartError" || !strings.Contains(b.ExitMessage, `exec: "redis-serve": executable file not found in $PATH`) {
			t.Errorf("a program that is not there: got %+v", b)
		}
	})
}

// The images of the managed add-ons run the commands that their manifests give them.
func TestAddons(t *testing.T) {
	for name, command := range map[string]string{
		"kubernetes/coredns": "", "kubernetes/kube-proxy": "kube-proxy", "apiserver-network-proxy/agent": "/proxy-agent", "metrics-server": "/metrics-server",
		"autoscaler/cluster-proportional-autoscaler": "/cluster-proportional-autoscaler", "azuredocs/aks-helloworld": "",
	} {
		s := Spec{Image: "mcr.microsoft.com/oss/v2/" + name + ":v1", Assumed: func(image.Place) { t.Errorf("%s is not known", name) }}
		if command != "" {
			s.Command = []string{command, "--x"}
		}
		if b := Plan(s); b.Exits || b.Handler == nil {
			t.Errorf("%s: got %+v", name, b)
		}
	}
}

// A program that grows, or is too large, is killed at its limit.
func TestMemoryLimits(t *testing.T) {
	c, problems := image.Parse("f", []byte("images:\n- match: [leaks]\n  serves: [{port: 80}]\n  memory: {rest: 64Mi, hour: 32Mi}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for limit, want := range map[int64]time.Duration{0: 0, 32 << 20: time.Second, 128 << 20: 2 * time.Hour} {
		b := Plan(Spec{Image: "leaks", Entry: c.Lookup("leaks"), MemoryLimit: limit})
		if b.Exits != (limit > 0) || b.ExitAfter != want || b.Exits && (b.ExitReason != "OOMKilled" || b.ExitCode != 137) {
			t.Errorf("limit %d: got %+v", limit, b)
		}
	}
}

// A server listens where its mounted configuration says.
func TestConfiguredPorts(t *testing.T) {
	s := Spec{Image: "nginx:1.29", Files: map[string][]byte{"/etc/nginx/conf.d/x.conf": []byte("server {\n  listen 8081;\n  listen [::]:8082 ssl;\n}")}}
	if b := Plan(s); !slices.Equal(b.Ports, []int32{80, 8081, 8082}) {
		t.Errorf("got %v", b.Ports)
	}
	if b := Plan(Spec{Image: "nginxinc/nginx-unprivileged"}); !slices.Equal(b.Ports, []int32{8080}) {
		t.Errorf("unprivileged: got %v", b.Ports)
	}
}

// What a package manager was told to install is there.
func TestInstalledPrograms(t *testing.T) {
	s := testSpec()
	s.Image, s.Command, s.Disk = "ubuntu:24.04", nil, NewDisk()
	if _, _, code := output(t, s, "sh", "-c", "curl --version"); code != 127 {
		t.Errorf("before: got %d", code)
	}
	if _, errOut, code := output(t, s, "sh", "-c", "apt-get update && apt-get install -y curl && which curl"); code != 0 {
		t.Errorf("after: got %d, %q", code, errOut)
	}
}
