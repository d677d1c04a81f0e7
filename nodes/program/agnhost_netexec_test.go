package program

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// datagrams is a connection with a program of another container, or with nobody.
type datagrams struct {
	net.Conn
	answers chan []byte
	port    int32
	program Behaviour

	mu   sync.Mutex
	late chan struct{}
}

func (d *datagrams) Write(p []byte) (int, error) {
	switch {
	case !slices.Contains(d.program.UDPPorts, d.port):
		d.answers <- nil
	case d.program.Datagram != nil:
		if a := d.program.Datagram(d.port, netip.MustParseAddrPort("10.244.0.9:40000"), p); a != nil {
			d.answers <- a
		}
	}
	return len(p), nil
}

func (d *datagrams) Read(p []byte) (int, error) {
	d.mu.Lock()
	late := d.late
	d.mu.Unlock()
	select {
	case a := <-d.answers:
		if a == nil {
			return 0, syscall.ECONNREFUSED
		}
		return copy(p, a), nil
	case <-late:
		return 0, context.DeadlineExceeded
	}
}

func (d *datagrams) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.IsZero() {
		d.late = make(chan struct{})
		return nil
	}
	late := d.late
	time.AfterFunc(time.Until(t), func() { close(late) })
	return nil
}
func (d *datagrams) SetDeadline(t time.Time) error { return d.SetReadDeadline(t) }
func (d *datagrams) Close() error                  { return nil }

func TestNetexecAnswersDatagrams(t *testing.T) {
	s := testSpec()
	s.Image, s.Command, s.Args, s.Hostname = testImage, nil, []string{"netexec", "--http-port=80", "--udp-port=81"}, "pod-1"
	s.Env = []string{"NODE_NAME=n-0"}
	b := Plan(s)
	if !slices.Equal(b.Ports, []int32{80}) || !slices.Equal(b.UDPPorts, []int32{81}) {
		t.Errorf("ports: got %v, %v", b.Ports, b.UDPPorts)
	}
	for text, want := range map[string]string{
		"hostname": "pod-1", " hostName\n": "pod-1", "echo Some Thing": "some thing", "clientip": "10.244.0.9:40000",
		"serverport": "81", "envvar NODE_NAME": "n-0", "X": "", "": "",
	} {
		if got := b.Datagram(81, netip.MustParseAddrPort("10.244.0.9:40000"), []byte(text)); string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	s.Args = []string{"netexec", "--udp-port", "-1"}
	if b := Plan(s); len(b.UDPPorts) > 0 {
		t.Errorf("without datagrams: got %v", b.UDPPorts)
	}
	s.Args = []string{"serve-hostname", "--http=false", "--tcp", "--udp"}
	if b := Plan(s); !slices.Equal(b.UDPPorts, []int32{9376}) || string(b.Datagram(9376, netip.AddrPort{}, []byte("x"))) != "pod-1" {
		t.Errorf("serve-hostname: got %+v", b)
	}
	s.Args, s.Env = []string{"porter", "--json-response"}, []string{"SERVE_PORT_81=foo", "SERVE_UDP_PORT_82=bar"}
	b = Plan(s)
	if _, body := ask(b.Handler, "http://10.0.0.1:81/"); body != `{"Method":"GET","Body":"foo"}`+"\n" || string(b.Datagram(82, netip.AddrPort{}, nil)) != "bar" {
		t.Errorf("porter: got %q, %+v", body, b)
	}
}

func TestDatagramsAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := testSpec()
		there.Image, there.Command, there.Args, there.Hostname = testImage, nil, []string{"netexec", "--http-port=80", "--udp-port=81"}, "pod-1"
		s := there
		s.Files = map[string][]byte{"/etc/hosts": []byte("10.244.0.8\tother\n")}
		s.Disk = NewDisk()
		s.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(address)
			if network != "udp" || host != "10.244.0.8" {
				t.Errorf("dialled %s by %s", address, network)
			}
			return &datagrams{answers: make(chan []byte, 9), late: make(chan struct{}), port: map[string]int32{"81": 81, "82": 82}[port], program: Plan(there)}, nil
		}
		for _, tt := range []struct {
			line, want string
			code       int
			took       time.Duration
		}{
			{"echo hostName | nc -u -w 1 10.244.0.8 81", "pod-1", 0, time.Second},
			{"echo hostname | nc -u -w 3 -W 1 other 81", "pod-1", 0, 0},
			{"echo hostname | nc -v -u -w 2 10.244.0.8 81 2>/dev/null", "pod-1", 0, 2 * time.Second},
			{"echo what | nc -u -w 2 10.244.0.8 81", "", 0, 2 * time.Second},
			{"echo hostname | nc -u -w 2 10.244.0.8 82", "", 1, 0},
			{"echo hostname | nc -u -v -w 2 10.244.0.8 82", "", 1, 0},
		} {
			var out bytes.Buffer
			start := time.Now()
			code, err := Exec(t.Context(), s, []string{"sh", "-c", tt.line}, nil, &out, io.Discard)
			if err != nil || code != tt.code || out.String() != tt.want || time.Since(start) != tt.took {
				t.Errorf("%s: got %d, %q, %v after %v", tt.line, code, out.String(), err, time.Since(start))
			}
		}
		h := Plan(s).Handler
		for target, want := range map[string]string{
			"/dial?host=10.244.0.8&port=81&request=hostname&protocol=udp":             `{"responses":["pod-1"]}`,
			"/dial?host=10.244.0.8&port=81&request=echo%20hi&protocol=UDP&tries=2":    `{"responses":["hi","hi"]}`,
			"/dial?host=10.244.0.8&port=81&protocol=udp":                              "request parameter not specified",
			"/dial?host=10.244.0.8&port=81&request=hostname&protocol=sctp":            "unsupported protocol. sctp",
			"/dial?host=10.244.0.8&port=82&request=hostname&protocol=udp":             "connection refused",
			"/dial?host=10.244.0.8&port=81&request=nothing&protocol=udp":              "reading from udp connection failed",
			"/dial?host=10.244.0.8&port=81&request=hostname&protocol=udp&tries=often": "tries parameter is invalid",
		} {
			if _, body := ask(h, target); !strings.Contains(body, want) {
				t.Errorf("%s: got %q, want %q", target, body, want)
			}
		}
	})
}
