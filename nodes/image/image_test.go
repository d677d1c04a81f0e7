package image

import (
	"strings"
	"testing"
	"time"
)

func TestLookup(t *testing.T) {
	for name, about := range map[string]string{
		"nginx":      "the web server nginx",
		"nginx:1.29": "the web server nginx",
		"docker.io:5000/library/nginx:1@sha256:a":                                     "the web server nginx",
		"bitnami/postgresql:17":                                                       "PostgreSQL",
		"registry-1.docker.io/bitnamicharts/redis":                                    "Redis",
		"ghcr.io/azure-samples/aks-store-demo/order-service:2.2.0":                    "aks-store-demo",
		"us-central1-docker.pkg.dev/google-samples/microservices-demo/adservice:v0.1": "Online Boutique",
		"registry.k8s.io/e2e-test-images/busybox:1.36.1-1":                            "BusyBox, a shell and its applets",
		"docker.elastic.co/elasticsearch/elasticsearch:9.1.0":                         "Elasticsearch",
		"ghcr.io/acme/shop:1":                                                         "",
		"mcr.microsoft.com/oss/v2/kubernetes/apiserver-network-proxy/agent:v0.34.0":   "the tunnel's agent",
	} {
		got := ""
		if e := Builtin().Lookup(name); e != nil {
			got = e.About
		}
		if got != about {
			t.Errorf("%s: got %q, want %q", name, got, about)
		}
	}
}

// A user's entries win, and say only what is different.
func TestWith(t *testing.T) {
	own, problems := Parse("own.yaml", []byte("images:\n- match: [nginx]\n  like: nginx\n  start: 9s\n- match: [shop]\nregistries:\n- {match: a.azurecr.io, private: true}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := Builtin().With(own)
	e := c.Lookup("nginx:1.29")
	if e == nil || e.From != "own.yaml:2" || time.Duration(e.Start) != 9*time.Second || len(e.Serves) != 1 || e.Programs["nginx"].Server != true {
		t.Errorf("got %+v", e)
	}
	if c.Lookup("a/shop:3") == nil || c.Lookup("redis") == nil {
		t.Error("an entry is lost")
	}
	if !c.Private("a.azurecr.io/x/y:1") || c.Private("b.azurecr.io/x") || c.Private("nginx") {
		t.Error("what is private is wrong")
	}
}

func TestParseFindsMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "f:1: the catalogue is empty",
		"images:\n- match: [a]\n b": "f:2: this is no YAML",
		"image:\n- match: [a]":      `f:1: there is no key "image" here; there are images, registries (did you mean "images"?)`,
		"images: nginx":             "f:1: want a list here",
		"images:\n- match: a":       "f:2: want a list here",
		"images:\n- match: [a]\n  serve: [{port: 1}]":                                `f:3: there is no key "serve" here`,
		"images:\n- match: [a]\n  serves: [{port: x}]":                               "f:3: cannot unmarshal",
		"images:\n- match: [a]\n  serves: [{port: 0}]":                               "f:3: port 0: want 1 to 65535",
		"images:\n- match: [a]\n  start: 5":                                          `f:3: "5" is not a duration`,
		"images:\n- about: a":                                                        "f:2: the entry matches nothing",
		"images:\n- match: ['a:1']":                                                  `f:2: pattern "a:1" has a tag`,
		"images:\n- match: ['[']":                                                    `f:2: pattern "["`,
		"images:\n- match: [a]\n  tags: '('":                                         "f:3: tags: error parsing regexp",
		"images:\n- match: [a]\n  listens: 'port'":                                   "f:3: listens: want a regular expression with a group",
		"images:\n- match: [a]\n  system: busybx":                                    `f:3: system is "busybx": want busybox, debian, none, or nothing if it may have any program (did you mean "busybox"?)`,
		"images:\n- match: [a]\n  user: '1:1'":                                       `f:3: user is "1:1": want a number, such as 1001 or 0 for root, or a name`,
		"images:\n- match: [a]\n  signals: {HOP: quits}":                             `f:3: there is no signal "HOP": want one of HUP, INT, QUIT, TERM, USR1, USR2, WINCH (did you mean "HUP"?)`,
		"images:\n- match: [a]\n  signals: {HUP: ends}":                              `f:3: at HUP it "ends": want "quits" or "goes on"`,
		"images:\n- match: [a]\n  programs: {a: {answers: [{words: a, signal: X}]}}": `f:3: there is no signal "X"`,
		"images:\n- match: [a]\n  like: ngin":                                        `f:3: like is "ngin", and no entry before`,
		"images:\n- match: [a]\n  ends: {code: 256}":                                 "f:3: exit code 256: want 0 to 255",
		"images:\n- match: [a]\n  match: [b]":                                        "f:3: match is given twice",
		"images:\n- match: [a]\n  memory: {rest: x}":                                 `f:3: "x" is not an amount`,
		"images:\n- match: [a]\n  backend: 10.1.2.3:80":                              `f:3: 10.1.2.3:80 is not on this machine: a backend has a loopback address`,
		"images:\n- match: [a]\n  backend: {80: 1}":                                  "f:3: want one value here",
		"images:\n- match: [a]\n  files: {x: y}":                                     `f:3: file "x": want a path from the root`,
		"a: b\n---\nc: d":                                                            "f:1: want one YAML document",
	} {
		_, problems := Parse("f", []byte(text))
		if len(problems) == 0 || !strings.HasPrefix(problems[0].String(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, problems, want)
		}
	}
	if _, problems := Parse("f", []byte(strings.Repeat("#", MaxSize+1))); len(problems) != 1 {
		t.Errorf("too large: got %v", problems)
	}
}

// What an entry says of users is of Docker Hub's own images, and of those of a registry that
// it names.
func TestUserOf(t *testing.T) {
	own, problems := Parse("own.yaml", []byte("images:\n- match: [a.azurecr.io/shop, shop]\n  user: 1001\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := Builtin().With(own)
	for name, want := range map[string]string{
		"nginx:1.29": "0", "docker.io/library/mariadb": "0", "percona:8": "mysql", "memcached": "memcache", "nginxinc/nginx-unprivileged:1.29": "101",
		"bitnami/nginx": "", "registry.k8s.io/nginx-slim:1": "", "a.azurecr.io/shop:2": "1001", "b.azurecr.io/shop:2": "", "nobody/knows": "",
	} {
		if got := c.UserOf(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"nginx": "", "nginx:1.29": "", "a.io:5000/b/c_d:v1": "", "localhost/x": "", "a/b@sha256:" + strings.Repeat("0", 64): "",
		"NGINX::latest": `couldn't parse image name "NGINX::latest": invalid reference format: repository name (library/NGINX) must be lowercase`,
		"nginx:":        "invalid reference format", "nginx::1": "invalid reference format", "nginx:a b": "invalid reference format",
		"-a": "invalid reference format", "a//b": "invalid reference format", "https://x.io/a": "invalid reference format", "": "invalid reference format",
	} {
		err := CheckName(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
}

func TestTags(t *testing.T) {
	for name, want := range map[string]bool{
		"nginx": true, "nginx:1.29": true, "nginx:1.29.1-alpine": true, "nginx:stable-alpine": true, "nginx:1.161": false, "nginx:1.91": false, "nginx:no-such": false,
		"busybox:1.28": true, "busybox:1.36.1-glibc": true, "redis:7-alpine": true, "redis:seven": false, "postgres:16": true, "mysql:5.7": true,
		"bitnami/nginx:anything": true, "registry.k8s.io/redis:e2e": true, "mongo:4.2": true, "rabbitmq:3.13.2-management-alpine": true, "httpd:2.4.38-alpine": true,
		"webserver:404": false, "docker.io/library/webserver": false,
	} {
		if got := Builtin().Lookup(name).Exists(Split(name)); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}
