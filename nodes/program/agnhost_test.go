package program

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/annotation"
)

const testImage = "registry.k8s.io/e2e-test-images/agnhost:2.53"

func ask(h http.Handler, target string) (int, string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	port, _ := strconv.Atoi(r.URL.Port())
	h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{Port: port})))
	return w.Code, w.Body.String()
}

func TestAgnhostServes(t *testing.T) {
	s := testSpec()
	s.Image, s.Command, s.Args, s.Hostname = testImage, nil, []string{"netexec", "--http-port=8083"}, "pod-1"
	b := Plan(s)
	if !slices.Equal(b.Ports, []int32{8083}) || b.Exits {
		t.Fatalf("netexec: got %+v", b)
	}
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		there, here := net.Pipe()
		go func() { _ = http.Serve(&one{conn: here}, b.Handler) }()
		return there, nil
	}
	b = Plan(s)
	for target, want := range map[string]string{
		"/hostname": "pod-1", "/hostName": "pod-1", "/echo?msg=hi": "hi", "/healthz": "", "/clientip": "192.0.2.1:1234",
		"/dial?host=10.0.0.9&port=80&request=hostname&protocol=http&tries=2": `{"responses":["pod-1","pod-1"]}`,
		"/shell?shellCommand=echo+x":                                         `{"output":"x\n"}` + "\n",
	} {
		if code, body := ask(b.Handler, target); code != 200 || body != want {
			t.Errorf("%s: got %d, %q, want %q", target, code, body, want)
		}
	}
	if code, _ := ask(b.Handler, "/echo?code=503&msg=x"); code != 503 {
		t.Errorf("echo with a code: got %d", code)
	}
	s.Annotations = map[string]string{annotation.HTTPStatus: "418"}
	if code, _ := ask(Plan(s).Handler, "/hostname"); code != 418 {
		t.Errorf("annotated: got %d", code)
	}
	s.Annotations, s.Args, s.Env = nil, []string{"porter"}, []string{"SERVE_PORT_81=foo"}
	b = Plan(s)
	if _, body := ask(b.Handler, "http://10.0.0.1:81/"); body != "foo" || !slices.Equal(b.Ports, []int32{81}) {
		t.Errorf("porter: got %q, %v", body, b.Ports)
	}
	s.Args = nil
	if b := Plan(s); b.Exits || len(b.Ports) != 0 {
		t.Errorf("nothing: got %+v", b)
	}
}

// one is a listener with one connection.
type one struct{ conn net.Conn }

func (l *one) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l *one) Close() error   { return nil }
func (l *one) Addr() net.Addr { return &net.TCPAddr{} }

func TestAgnhostsLiveness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Plan(Spec{Image: testImage, Args: []string{"liveness"}, StartedAt: time.Now()})
		if code, _ := ask(b.Handler, "/healthz"); code != 200 {
			t.Errorf("at first: got %d", code)
		}
		time.Sleep(11 * time.Second)
		if code, _ := ask(b.Handler, "/healthz"); code != 500 {
			t.Errorf("after 11 s: got %d", code)
		}
	})
}

func TestAgnhostEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			args []string
			want string
			code int
		}{
			{[]string{"entrypoint-tester", "a", "b"}, "[/agnhost entrypoint-tester a b]\n", 0},
			{[]string{"mounttest", "--file_content=/etc/app/config"}, "content of file \"/etc/app/config\": level=info\n", 0},
			{[]string{"mounttest", "--file_content=/none"}, "error reading file content", 1},
			{[]string{"logs-generator", "--log-lines-total=3", "--run-duration=6s"}, "logs_generator.go:76] 2 POST", 0},
			{[]string{"nothing"}, "unknown command", 1},
		} {
			s := testSpec()
			s.Image, s.Command, s.Args = testImage, nil, tt.args
			if s.Files == nil {
				s.Files = map[string][]byte{}
			}
			s.Files["/etc/app/config"] = []byte("level=info")
			b := Plan(s)
			var out strings.Builder
			if code := b.Script(t.Context(), &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%q: got %d, %q", tt.args, code, out.String())
			}
		}
	})
}
