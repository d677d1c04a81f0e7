package network

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// mixed is a cluster with a Service whose port is one of TCP and one of UDP, each with a pod
// of its own, and a node port of UDP.
func mixed() *fabric {
	f := newFabric()
	s := svc("mixed", "10.0.1.7", func(s *corev1.Service) {
		s.Spec.Ports = []corev1.ServicePort{{Name: "web", Port: 80}, {Name: "udp", Port: 80, Protocol: corev1.ProtocolUDP, NodePort: 30090}}
	})
	web := slice(s, 8080, ep("10.244.1.1", "n1"))
	udp := slice(s, 8081, ep("10.244.2.1", "n2"))
	udp.Ports[0].Name = &s.Spec.Ports[1].Name
	f.pod("n1", "web", "10.244.1.1", 8080).udp = nil
	f.pod("n2", "udp", "10.244.2.1", 8081).ports = nil
	f.program([]*corev1.Service{s, svc("none", "10.0.1.8", func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP })}, web, udp)
	return f
}

func TestExchange(t *testing.T) {
	pod := mustAddr("10.244.3.3")
	for _, tt := range []struct {
		name, node, to, want string
		change               func(*fabric)
		err                  error
	}{
		{name: "a pod", node: "n3", to: "10.244.2.1:8081", want: "udp: hi from 10.244.3.3"},
		{name: "a Service", node: "n3", to: "10.0.1.7:80", want: "udp: hi from 10.244.3.3"},
		{name: "a node port", node: "n3", to: "10.224.0.4:30090", want: "udp: hi from 10.224.0.4"},
		{name: "a port of TCP", node: "n3", to: "10.244.1.1:8080", err: syscall.ECONNREFUSED},
		{name: "a Service without endpoints", node: "n3", to: "10.0.1.8:80", err: syscall.ECONNREFUSED},
		{name: "nobody", node: "n3", to: "10.244.9.1:80"},
		{name: "outside", to: "10.244.2.1:8081"},
		{name: "machine of the pod is dead", node: "n3", to: "10.0.1.7:80", change: func(f *fabric) { f.down["n2"] = true }},
		{name: "client is cut off", node: "n3", to: "10.0.1.7:80", change: func(f *fabric) { f.down["n3"] = true }},
		{name: "no rules", node: "n3", to: "10.0.1.7:80", change: func(f *fabric) { f.rules["n3"] = nil }},
		{name: "it has ended", node: "n3", to: "10.0.1.7:80", change: func(f *fabric) { f.pods[mustAddr("10.244.2.1")].stopped = true }, err: syscall.ECONNREFUSED},
	} {
		f := mixed()
		if tt.change != nil {
			tt.change(f)
		}
		got, err := New(f, 1).Exchange(Origin{Node: tt.node, Address: pod}, mustAddrPort(tt.to), []byte("hi"))
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

// A port of TCP and one of UDP with one number lead to different pods.
func TestProtocolsHaveTheirOwnRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(mixed(), 1)
		if got := outcome(t, n, "n3", "10.0.1.7:80"); got != "default/web" {
			t.Errorf("by TCP: got %s", got)
		}
		if got := outcome(t, n, "n3", "10.224.0.4:30090"); !strings.Contains(got, "refused") {
			t.Errorf("a node port of UDP by TCP: got %s", got)
		}
	})
}

func TestAffinityOfDatagrams(t *testing.T) {
	f := newFabric()
	s := svc("set", "10.0.1.7", func(s *corev1.Service) {
		s.Spec.Ports[0].Protocol, s.Spec.SessionAffinity = corev1.ProtocolUDP, corev1.ServiceAffinityClientIP
	})
	f.pod("n1", "one", "10.244.1.1", 80)
	f.pod("n2", "two", "10.244.2.1", 80)
	f.program([]*corev1.Service{s}, slice(s, 80, ep("10.244.1.1", "n1"), ep("10.244.2.1", "n2")))
	n, seen := New(f, 1), map[string]bool{}
	for client := range byte(20) {
		from := Origin{Node: "n3", Address: netip.AddrFrom4([4]byte{10, 244, 3, client})}
		first, _ := n.Exchange(from, mustAddrPort("10.0.1.7:80"), nil)
		for range 5 {
			if next, _ := n.Exchange(from, mustAddrPort("10.0.1.7:80"), nil); string(next) != string(first) {
				t.Fatalf("client %d: got %s, then %s", client, first, next)
			}
		}
		name, _, _ := strings.Cut(string(first), ":")
		seen[name] = true
	}
	if len(seen) != 2 {
		t.Errorf("all clients came to %v", seen)
	}
}

func TestAConnectionOfDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mixed()
		n := New(f, 1)
		open := func(to string) net.Conn {
			conn, err := n.Open(t.Context(), Origin{Node: "n3"}, "udp", to)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		ask := func(conn net.Conn) (string, error) {
			b := make([]byte, 100)
			_, _ = conn.Write([]byte("hi"))
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			k, err := conn.Read(b)
			return string(b[:k]), err
		}
		conn := open("10.0.1.7:80")
		defer conn.Close()
		for range 2 {
			if got, err := ask(conn); got != "udp: hi from 10.224.0.6" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		}
		f.pods[mustAddr("10.244.2.1")].silent = true
		start := time.Now()
		if got, err := ask(conn); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("of one that is silent: got %q, %v after %v", got, err, time.Since(start))
		}
		f.pods[mustAddr("10.244.2.1")].silent = false
		if got, err := ask(conn); got == "" || err != nil {
			t.Errorf("after a deadline: got %q, %v", got, err)
		}
		if _, err := ask(open("10.244.1.1:80")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("of a closed port: got %v", err)
		}
		conn.Close()
		if _, err := ask(conn); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: got %v", err)
		}
	})
}

// A port of the machine leads to the pod that has asked for it, and to each by its protocol.
func TestHostPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mixed()
		f.hostPorts = map[socket]netip.AddrPort{
			{mustAddrPort("10.224.0.4:54323"), false}: mustAddrPort("10.244.1.1:8080"),
			{mustAddrPort("10.224.0.4:54323"), true}:  mustAddrPort("10.244.2.1:8081"),
			{mustAddrPort("127.0.0.1:54324"), false}:  mustAddrPort("10.244.1.1:8080"),
		}
		n := New(f, 1)
		for to, want := range map[string]string{
			"10.224.0.4:54323": "default/web", "127.0.0.1:54324": "default/web",
			"10.224.0.4:54324": "refused",
		} {
			if got := outcome(t, n, "n1", to); got != want {
				t.Errorf("%s: got %s, want %s", to, got, want)
			}
		}
		if got := outcome(t, n, "n3", "10.224.0.4:54323"); got != "default/web" {
			t.Errorf("from another machine: got %s", got)
		}
		got, err := n.Exchange(Origin{Node: "n3"}, mustAddrPort("10.224.0.4:54323"), nil)
		if !strings.HasPrefix(string(got), "udp:") || err != nil {
			t.Errorf("by a datagram: got %q, %v", got, err)
		}
	})
}

// The loopback address of a pod is its own.
func TestLoopback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(mixed(), 1)
		for port, want := range map[string]string{"8080": "", "8081": "connection refused"} {
			conn, err := n.Dial(within(t, time.Minute), Origin{Node: "n1", Address: mustAddr("10.244.1.1")}, "127.0.0.1:"+port)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("port %s: got %v", port, err)
			}
		}
	})
}

func TestWhomABackendTakesForTheClient(t *testing.T) {
	f := newFabric()
	s := svc("shop", "10.0.1.1", loadBalancer("20.1.1.1"))
	local := svc("local", "10.0.1.2", loadBalancer("20.1.1.2"), localExternal)
	local.Spec.Ports[0].NodePort, local.Spec.HealthCheckNodePort = 30081, 31000
	f.balanced.Probe = Probe{Name: "health", Port: 31000, Path: "/healthz", Interval: 5 * time.Second, Threshold: 2}
	f.pod("n1", "shop", "10.244.1.1", 80)
	f.program([]*corev1.Service{s, local}, slice(s, 80, ep("10.244.1.1", "n1")), slice(local, 80, ep("10.244.1.1", "n1")))
	n, pod := New(f, 1), Origin{Node: "n2", Address: mustAddr("10.244.2.9")}
	for _, tt := range []struct {
		from     Origin
		to, want string
	}{
		{pod, "10.244.1.1:80", "10.244.2.9"},
		{pod, "10.0.1.1:80", "10.244.2.9"},
		{pod, "10.224.0.4:30080", "10.224.0.4"}, // masqueraded
		{pod, "10.224.0.4:30081", "10.244.2.9"},
		{Origin{Node: "n2"}, "10.244.1.1:80", "10.224.0.5"},
		{Origin{}, "20.1.1.2:80", "203.0.113.1"},
	} {
		conn, err := n.Dial(t.Context(), tt.from, tt.to)
		if err != nil {
			t.Fatal(tt.to, err)
		}
		if _, got := ask(t, conn); got != "from "+tt.want+":0" {
			t.Errorf("%v to %s: got %q, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}
