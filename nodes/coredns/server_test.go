package coredns

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/network"
)

const corefile = "/etc/coredns/Corefile"

// aks is AKS's Corefile.
const aks = `.:53 {
    errors
    ready
    health {
      lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
    import custom/*.override
}
import custom/*.server
`

// world is where a server stands in tests.
type world struct {
	asked   []string // of other servers: ADDRESS NAME
	lost    bool
	refuses bool
}

func (w *world) Random(int) int { return 0 }

func (w *world) Cluster(name, kind string) ([]network.Record, bool) {
	if name != "shop.default.svc.cluster.local" {
		return nil, false
	}
	if kind != "A" {
		return nil, true
	}
	return []network.Record{{Name: name + ".", Type: "A", Data: "10.0.1.1"}}, true
}

func (w *world) Ask(ctx context.Context, at netip.AddrPort, q network.Question) (network.Reply, error) {
	w.asked = append(w.asked, at.Addr().String()+" "+q.Name)
	switch {
	case w.refuses:
		return network.Reply{}, errors.New("read: connection refused")
	case w.lost:
		<-ctx.Done()
		return network.Reply{}, os.ErrDeadlineExceeded
	case strings.HasSuffix(q.Name, "example.com"):
		return network.Reply{Code: network.NoError, TTL: 300 * time.Second, Records: []network.Record{{Name: q.Name + ".", Type: "A", Data: "198.51.100.1", TTL: 300}}}, nil
	}
	return network.Reply{Code: network.NXDomain, TTL: 900 * time.Second}, nil
}

// files are AKS's Corefile and what a customer has in coredns-custom.
func files(custom map[string]string) Files {
	f := Files{corefile: []byte(aks), "/etc/resolv.conf": []byte("search internal.cloudapp.net\nnameserver 168.63.129.16\n"), "/etc/hosts": []byte("127.0.0.1\tlocalhost\n")}
	for name, text := range custom {
		f["/etc/coredns/custom/"+name] = []byte(text)
	}
	return f
}

func start(t *testing.T, custom map[string]string) *Server {
	t.Helper()
	s, err := Load(corefile, files(custom), func(string) string { return "" }, time.Now(), 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// said is an answer on a line: its code and its data.
func said(r network.Reply) string {
	out := string(r.Code)
	for _, x := range r.Records {
		out += " " + x.Name + " " + x.Data
	}
	return out
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		custom, name, want string
	}{
		{"", "shop.default.svc.cluster.local", "NOERROR shop.default.svc.cluster.local. 10.0.1.1"},
		{"", "SHOP.default.svc.cluster.local.", "NOERROR shop.default.svc.cluster.local. 10.0.1.1"},
		{"", "none.default.svc.cluster.local", "NXDOMAIN"},
		{"", "www.example.com", "NOERROR www.example.com. 198.51.100.1"},
		{"", "nowhere.test", "NXDOMAIN"},
		{"x.override: hosts { 10.1.2.3 db.corp.test db2.corp.test\n fallthrough }", "db2.corp.test", "NOERROR db2.corp.test. 10.1.2.3"},
		{"x.override: hosts { 10.1.2.3 db.corp.test\n fallthrough }", "www.example.com", "NOERROR www.example.com. 198.51.100.1"},
		{"x.override: hosts example.hosts corp.test {\n 10.1.2.3 db.corp.test\n}", "none.corp.test", "NXDOMAIN"},
		{"x.override: rewrite stop name exact old.test shop.default.svc.cluster.local", "old.test", "NOERROR old.test. 10.0.1.1"},
		{"x.override: rewrite name suffix .corp.test .default.svc.cluster.local answer auto", "shop.corp.test", "NOERROR shop.corp.test. 10.0.1.1"},
		{"x.override: rewrite name regex (.*)\\.corp\\.test {1}.default.svc.cluster.local answer auto", "shop.corp.test", "NOERROR shop.corp.test. 10.0.1.1"},
		{"x.override: rewrite name substring .corp. .default.svc.", "shop.corp.cluster.local", "NOERROR shop.default.svc.cluster.local. 10.0.1.1"},
		{"x.override: template IN A corp.test {\n match ^ip-([0-9]+)[.]corp[.]test[.]$\n answer \"{{ .Name }} 60 IN A 10.9.9.{{ index .Match 1 }}\"\n fallthrough\n}", "ip-7.corp.test", "NOERROR ip-7.corp.test. 10.9.9.7"},
		{"x.override: template ANY ANY corp.test {\n rcode NXDOMAIN\n}", "any.corp.test", "NXDOMAIN"},
		{"x.server: corp.test:53 {\n whoami\n}", "a.corp.test", "SERVFAIL"},
		{"x.server: corp.test:5353 {\n forward . 10.0.0.9\n}", "a.corp.test", "NXDOMAIN"}, // another port
		{"x.server: CORP.Test {\n hosts {\n 10.1.1.1 a.corp.test\n }\n}", "a.corp.test", "NOERROR a.corp.test. 10.1.1.1"},
		{"x.server: (snippet) {\n hosts {\n 10.1.1.1 a.corp.test\n }\n}\ncorp.test {\n import snippet\n}", "a.corp.test", "NOERROR a.corp.test. 10.1.1.1"},
		{"x.server: corp.test:53 {\r\n  hosts {\r\n\t10.1.1.1\ta.corp.test # it\r\n  }\r\n}\r\n", "a.corp.test", "NOERROR a.corp.test. 10.1.1.1"},
		{"x.server: ", "a.corp.test", "NXDOMAIN"},
		{"x.server: 10.1.0.0/16 {\n hosts {\n 10.1.1.1 a.corp.test\n }\n}", "1.1.1.10.in-addr.arpa", "NXDOMAIN"},
	}
	for _, tt := range tests {
		file, text, _ := strings.Cut(tt.custom, ": ")
		s := start(t, map[string]string{file: text})
		if got := said(s.ServeDNS(t.Context(), network.Question{Name: tt.name, Type: "A"}, &world{})); got != tt.want {
			t.Errorf("%q, %s: got %s, want %s", tt.custom, tt.name, got, tt.want)
		}
	}
}

func TestStubDomainIsAskedAtItsServer(t *testing.T) {
	s := start(t, map[string]string{"corp.server": "corp.test:53 {\n errors\n cache 30\n forward . 10.0.5.5 10.0.5.6:5353 { policy sequential }\n}"})
	w := &world{}
	s.ServeDNS(t.Context(), network.Question{Name: "db.corp.test", Type: "A"}, w)
	s.ServeDNS(t.Context(), network.Question{Name: "db.elsewhere.test", Type: "A"}, w)
	if want := []string{"10.0.5.5 db.corp.test", "168.63.129.16 db.elsewhere.test"}; strings.Join(w.asked, ",") != strings.Join(want, ",") {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
}

// TestBroken is Corefiles with which CoreDNS does not start, and what it says.
func TestBroken(t *testing.T) {
	at := func(text string) string { return "/etc/coredns/custom/x.server:" + text }
	for custom, want := range map[string]string{
		"corp.test:53 {\n  foo\n}":                                          at("2 - Error during parsing: Unknown directive 'foo'"),
		"corp.test:53 {\n  forward . 10.0.0.9\n":                            at("2 - Syntax error: Unexpected token '10.0.0.9', expecting '}'"),
		"corp.test:53 {\n  forward .\n}":                                    "plugin/forward: " + at("2 - Error during parsing: Wrong argument count or unexpected line ending after '.'"),
		"corp.test:53 {\n  forward . dns.corp.test\n}":                      `plugin/forward: not an IP address or file: "dns.corp.test"`,
		"corp.test:53 {\n  forward . 10.0.0.9 { policy x }\n}":              "plugin/forward: " + at("2 - Error during parsing: unknown policy 'x'"),
		"corp.test:53 {\n  forward . 10.0.0.9 { retry 3 }\n}":               "plugin/forward: " + at("2 - Error during parsing: unknown property 'retry'"),
		"corp.test:53 {\n  cache 0\n}":                                      "plugin/cache: cache TTL can not be zero or negative: 0",
		"corp.test:53 {\n  cache\n  cache 5\n}":                             "plugin/cache: this plugin can only be used once per Server Block",
		".:53 {\n  whoami\n}":                                               "cannot serve dns://.:53 - it is already defined",
		"corp.test {\n whoami\n}\ncorp.test {\n whoami\n}":                  "cannot serve dns://corp.test.:53 - it is already defined",
		"corp..test {\n whoami\n}":                                          "zone is not a valid domain name: corp..test",
		"corp.test: {\n whoami\n}":                                          `expecting data after last colon: "corp.test:"`,
		"corp.test, {\n whoami\n}":                                          at("1 - Error during parsing: Expected another address but had '{' - check for extra comma"),
		"(a) {\n import a\n}":                                               at("2 - Error during parsing: maximum snippet import depth (10000) exceeded"),
		"(a) {\n import b\n}\n(b) {\n import a\n}\nx.test {\n import a\n}":  at("5 - Error during parsing: maximum snippet import depth (10000) exceeded"),
		"import nothing.conf":                                               at("1 - Error during parsing: File to import not found: nothing.conf"),
		"import":                                                            at("1 - Error during parsing: Wrong argument count or unexpected line ending after 'import'"),
		"import x.server":                                                   at("1 - Error during parsing: maximum snippet import depth (10000) exceeded"),
		"x.test {\n reload 1s\n}":                                           "plugin/reload: interval value must be greater or equal to 2s",
		"x.test {\n rewrite foo a b\n}":                                     `plugin/rewrite: invalid rule type "foo"`,
		"x.test {\n template IN A {\n match \"(\"\n }\n}":                   "plugin/template: " + at("3 - Error during parsing: could not parse regex: (, error parsing regexp: missing closing ): `(`"),
		"x.test {\n template IN A {\n answer \"{{range 9}}{{end}}\"\n }\n}": "plugin/template: " + at("3 - Error during parsing: could not compile template: {{range 9}}{{end}}, "+errRepeats.Error()),
		"x.test {\n }\n}":                                                   at(""),
	} {
		_, err := Load(corefile, files(map[string]string{"x.server": custom}), func(string) string { return "" }, time.Now(), 0)
		if want == at("") { // a brace too much is a key of its own
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", custom, err, want)
		}
	}
}

// TestUpstreamLost asks for a name outside while nobody out there answers: what is kept is
// answered as long as it may be kept, then it fails after some seconds.
func TestUpstreamLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := start(t, nil), &world{}
		var log bytes.Buffer
		s.LogTo(&log)
		ask := func(name, want string, waits time.Duration) {
			t.Helper()
			began := time.Now()
			if got := s.ServeDNS(t.Context(), network.Question{Name: name, Type: "A"}, w); string(got.Code) != want || time.Since(began) != waits {
				t.Errorf("%s: %s after %v, want %s after %v", name, got.Code, time.Since(began), want, waits)
			}
		}
		ask("www.example.com", "NOERROR", 0)
		ask("none.test", "NXDOMAIN", 0)
		w.lost = true
		time.Sleep(29 * time.Second)
		ask("www.example.com", "NOERROR", 0)
		ask("none.test", "NXDOMAIN", 0)
		ask("shop.default.svc.cluster.local", "NOERROR", 0)
		time.Sleep(time.Second)
		ask("www.example.com", "SERVFAIL", 6*time.Second)
		ask("www.example.com", "SERVFAIL", 0) // that is kept for 5 s
		time.Sleep(5 * time.Second)
		ask("www.example.com", "SERVFAIL", 2*time.Second) // health checks have found it down
		ask("shop.default.svc.cluster.local", "NOERROR", 0)
		w.lost = false
		time.Sleep(5 * time.Second)
		ask("www.example.com", "NOERROR", 0)
		if !strings.Contains(log.String(), "[ERROR] plugin/errors: 2 www.example.com. A: i/o timeout") {
			t.Errorf("logged %s", log.String())
		}
		w.refuses = true
		ask("other.example.com", "SERVFAIL", 0)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := start(t, nil), &world{}
		var log bytes.Buffer
		s.LogTo(&log)
		ask := func() string {
			return said(s.ServeDNS(t.Context(), network.Question{Name: "a.corp.test", Type: "A"}, w))
		}
		if at := s.LooksAt(time.Now()); at != time.Now().Add(30*time.Second) {
			t.Errorf("it looks at %v", at)
		}
		s.Reload(files(map[string]string{"x.server": "corp.test {\n hosts {\n 10.1.1.1 a.corp.test\n }\n}"}), 0.5)
		if got := ask(); got != "NOERROR a.corp.test. 10.1.1.1" {
			t.Errorf("got %s", got)
		}
		broken := files(map[string]string{"x.server": "corp.test {\n foo\n}"})
		s.Reload(broken, 0.5)
		s.Reload(broken, 0.5)
		if got := ask(); got != "NOERROR a.corp.test. 10.1.1.1" {
			t.Errorf("with a broken Corefile: got %s", got)
		}
		const fails = "plugin/reload: Corefile changed but reload failed: /etc/coredns/custom/x.server:2 - Error during parsing: Unknown directive 'foo'\n"
		if n := strings.Count(log.String(), fails); n != 1 {
			t.Errorf("it told so %d times: %s", n, log.String())
		}
	})
}

func TestLargeCorefiles(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a ", 1<<17), strings.Repeat("import x\n", 1<<16), strings.Repeat("{ ", 1<<17), strings.Repeat("\"", 1<<18), strings.Repeat("a.test {\n log\n}\n", 1<<15),
		"(x) {\n" + strings.Repeat(" log\n", 1<<17) + "}\ny.test {\n" + strings.Repeat(" import x\n", 1<<15) + "}\n",
		"y.test {\n hosts {\n" + strings.Repeat(" 10.0.0.1 a.test\n", 1<<15) + "}\n}\n", strings.Repeat("2001:db8::/17 ", 100) + "{\n log\n}\n",
	} {
		began := time.Now()
		_, _ = Load(corefile, files(map[string]string{"x.server": text}), func(string) string { return "" }, began, 0)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.20q took %v", text, took)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"corp.test {\n forward . 10.0.0.9\n}", "(x) {\n}\nimport x", "a {\n hosts {\n", "x.test {\n template IN A {\n answer \"{{.Name}}\"\n }\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load(corefile, files(map[string]string{"x.server": text}), func(string) string { return "{$X}" }, time.Now(), 0.5)
		if err == nil {
			s.ServeDNS(t.Context(), network.Question{Name: "a.corp.test", Type: "A"}, &world{refuses: true})
		}
	})
}
