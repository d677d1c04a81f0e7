package network

import (
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// shop is a service with a pod on n1 and one on n2.
func shop(f *fabric, change ...func(*corev1.Service)) (*corev1.Service, *discoveryv1.EndpointSlice) {
	f.pod("n1", "shop-1", "10.244.1.1", 8080)
	f.pod("n2", "shop-2", "10.244.2.1", 8080)
	s := svc("shop", "10.0.1.1", change...)
	return s, slice(s, 8080, ep("10.244.1.1", "n1"), ep("10.244.2.1", "n2"))
}

// outcome dials and says which pod answered, or why none did.
func outcome(t *testing.T, n *Network, node, address string) string {
	t.Helper()
	conn, err := n.Dial(within(t, 2*time.Second), Origin{Node: node}, address)
	var ne net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &ne) && ne.Timeout():
		return "timeout"
	case err != nil:
		return err.Error()
	}
	pod, _ := ask(t, conn)
	return pod
}

func TestWhereConnectionsGo(t *testing.T) {
	nodePort := func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 30080 }
	localInternal := func(s *corev1.Service) { s.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyLocal) }
	local := func(s *corev1.Service) { nodePort(s); localExternal(s) }
	both := []string{"default/shop-1", "default/shop-2"}
	tests := []struct {
		name, node, address string
		service             func(*corev1.Service)
		change              func(*fabric, *discoveryv1.EndpointSlice)
		want                []string
	}{
		{"cluster IP", "n3", "10.0.1.1:80", nil, nil, both},
		{"a port that the service does not have", "n3", "10.0.1.1:81", nil, nil, []string{"timeout"}},
		{"pod", "n3", "10.244.1.1:8080", nil, nil, both[:1]},
		{"pod, closed port", "n3", "10.244.1.1:1", nil, nil, []string{"refused"}},
		{"no such pod", "n3", "10.244.7.7:80", nil, nil, []string{"timeout"}},
		{"no endpoints", "n3", "10.0.1.1:80", nil, func(_ *fabric, s *discoveryv1.EndpointSlice) { s.Endpoints = nil }, []string{"refused"}},
		{"not ready", "n3", "10.0.1.1:80", nil, func(_ *fabric, s *discoveryv1.EndpointSlice) {
			s.Endpoints[0].Conditions = discoveryv1.EndpointConditions{Ready: new(false), Serving: new(false)}
		}, both[1:]},
		{"ready before terminating", "n3", "10.0.1.1:80", nil, func(_ *fabric, s *discoveryv1.EndpointSlice) {
			s.Endpoints[0] = terminating("10.244.1.1", "n1", true)
		}, both[1:]},
		{"only terminating ones are left", "n3", "10.0.1.1:80", nil, func(_ *fabric, s *discoveryv1.EndpointSlice) {
			s.Endpoints = []discoveryv1.Endpoint{terminating("10.244.1.1", "n1", true), terminating("10.244.2.1", "n2", false)}
		}, both[:1]},
		{"container is down, rules do not know", "n3", "10.0.1.1:80", nil, func(f *fabric, s *discoveryv1.EndpointSlice) {
			s.Endpoints = s.Endpoints[:1]
			f.pods[mustAddr("10.244.1.1")].stopped = true
		}, []string{"refused"}},
		{"a dead machine's pod", "n3", "10.244.1.1:8080", nil, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.down["n1"] = true }, []string{"timeout"}},
		{"half of the endpoints are dead", "n3", "10.0.1.1:80", nil, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.down["n1"] = true },
			[]string{"default/shop-2", "timeout"}},
		{"cut off, own pod", "n1", "10.244.1.1:8080", nil, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.down["n1"] = true }, both[:1]},
		{"cut off, other pod", "n1", "10.244.2.1:8080", nil, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.down["n1"] = true }, []string{"timeout"}},
		{"no rules yet", "n3", "10.0.1.1:80", nil, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.rules["n3"] = nil }, []string{"timeout"}},
		{"node port", "n3", "10.224.0.4:30080", nodePort, nil, both},
		{"node port of a dead machine", "n3", "10.224.0.4:30080", nodePort, func(f *fabric, _ *discoveryv1.EndpointSlice) { f.down["n1"] = true }, []string{"timeout"}},
		{"node port that is none", "n3", "10.224.0.4:30081", nodePort, nil, []string{"refused"}},
		{"internal policy Local", "n1", "10.0.1.1:80", localInternal, nil, both[:1]},
		{"internal policy Local, none here", "n3", "10.0.1.1:80", localInternal, nil, []string{"timeout"}},
		{"external policy Local, another machine", "n3", "10.224.0.4:30080", local, nil, both[:1]},
		{"external policy Local, none there", "n1", "10.224.0.6:30080", local, nil, []string{"timeout"}},
		{"external policy Local does not bind own clients", "n3", "10.224.0.6:30080", local, nil, both},
		{"external policy Local does not bind the cluster IP", "n3", "10.0.1.1:80", local, nil, both},
		{"load balancer from inside", "n3", "198.51.100.10:80", loadBalancer("198.51.100.10"), nil, both},
		{"load balancer from outside", "", "198.51.100.10:80", loadBalancer("198.51.100.10"), nil, both},
		{"cluster IP from outside", "", "10.0.1.1:80", nil, nil, []string{"timeout"}},
		{"pod from outside", "", "10.244.1.1:8080", nil, nil, []string{"timeout"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFabric()
				change := tt.service
				if change == nil {
					change = func(*corev1.Service) {}
				}
				s, endpoints := shop(f, change)
				if tt.change == nil {
					tt.change = func(*fabric, *discoveryv1.EndpointSlice) {}
				}
				f.program([]*corev1.Service{s}, endpoints)
				tt.change(f, endpoints)
				if f.rules["n3"] != nil {
					f.program([]*corev1.Service{s}, endpoints)
				}
				n := New(f, 1)
				got := map[string]bool{}
				for range 40 {
					got[outcome(t, n, tt.node, tt.address)] = true
				}
				if list := slices.Sorted(maps.Keys(got)); !slices.Equal(list, tt.want) {
					t.Errorf("got %q, want %q", list, tt.want)
				}
			})
		})
	}
}

func TestNamedPortsAndTwoSlices(t *testing.T) {
	f := newFabric()
	s, endpoints := shop(f, func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "admin", Port: 81})
	})
	endpoints.Ports = append(endpoints.Ports, discoveryv1.EndpointPort{Name: new("admin"), Port: new(int32(9090))})
	f.pods[mustAddr("10.244.1.1")].ports = []int32{9090}
	f.pods[mustAddr("10.244.2.1")].ports = []int32{9090}
	f.program([]*corev1.Service{s}, endpoints, endpoints.DeepCopy())
	n := New(f, 1)
	if got := outcome(t, n, "n3", "10.0.1.1:81"); got != "default/shop-1" && got != "default/shop-2" {
		t.Errorf("admin: got %s, want an answer", got)
	}
	if got := outcome(t, n, "n3", "10.0.1.1:80"); got != "refused" {
		t.Errorf("http: got %s, want refused: nothing listens on 8080", got)
	}
	if got := len(f.rules["n1"].virtual[socket{AddrPort: mustAddrPort("10.0.1.1:81")}].cluster); got != 2 {
		t.Errorf("got %d endpoints, want 2: both slices name the same", got)
	}
}

func TestSessionAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		s, endpoints := shop(f, func(s *corev1.Service) {
			s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
			s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: new(int32(60))}}
		})
		f.program([]*corev1.Service{s}, endpoints)
		n := New(f, 1)
		first := outcome(t, n, "n3", "10.0.1.1:80")
		for range 20 {
			time.Sleep(50 * time.Second) // each use prolongs it
			if got := outcome(t, n, "n3", "10.0.1.1:80"); got != first {
				t.Fatalf("got %s, want %s again", got, first)
			}
		}
		seen := map[string]bool{}
		for range 20 {
			time.Sleep(time.Minute)
			seen[outcome(t, n, "n3", "10.0.1.1:80")] = true
		}
		if len(seen) != 2 {
			t.Errorf("got %v, want both: the affinity has run out each time", seen)
		}
	})
}

func TestDialErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		f.program(nil)
		n := New(f, 1)
		_, err := n.Dial(within(t, time.Second), Origin{Node: "n1"}, "10.244.7.7:80")
		if got, want := err.Error(), "dial tcp 10.244.7.7:80: i/o timeout"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		start := time.Now()
		_, err = n.Dial(t.Context(), Origin{Node: "n1"}, "10.244.7.7:80")
		if !errors.Is(err, syscall.ETIMEDOUT) || time.Since(start) != connectTimeout {
			t.Errorf("without a deadline: got %v after %v, want ETIMEDOUT after %v", err, time.Since(start), connectTimeout)
		}
		if os.IsTimeout(errors.New("x")) || !os.IsTimeout(err) {
			t.Errorf("%v is not a timeout", err)
		}
		for _, bad := range []string{"", "10.0.0.1", "10.0.0.1:http", "10.0.0.1:70000"} {
			if _, err := n.Dial(t.Context(), Origin{Node: "n1"}, bad); err == nil {
				t.Errorf("%q: got no error", bad)
			}
		}
	})
}

func TestSameSeedSameChoices(t *testing.T) {
	run := func(seed uint64) (out []string) {
		f := newFabric()
		s, endpoints := shop(f)
		f.program([]*corev1.Service{s}, endpoints)
		n := New(f, seed)
		for range 20 {
			out = append(out, outcome(t, n, "n3", "10.0.1.1:80"))
		}
		return out
	}
	if !slices.Equal(run(7), run(7)) {
		t.Error("the same seed chose differently")
	}
	if slices.Equal(run(7), run(8)) {
		t.Error("another seed chose the same 20 times")
	}
}

// What is labelled for others is not kube-proxy's, and an external address leads to pods from
// within the cluster alone.
func TestLabelsAndExternalAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name, from, to, want string
			change               func(*corev1.Service, *discoveryv1.EndpointSlice)
		}{
			{"external address", "n3", "203.0.113.250:80", "default/shop", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) {
				s.Spec.ExternalIPs = []string{"203.0.113.250"}
			}},
			{"external address from outside", "", "203.0.113.250:80", "timeout", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) {
				s.Spec.ExternalIPs = []string{"203.0.113.250"}
			}},
			{"another proxy", "n3", "10.0.1.1:80", "timeout", func(s *corev1.Service, _ *discoveryv1.EndpointSlice) {
				s.Labels = map[string]string{proxyName: "other"}
			}},
			{"headless endpoints", "n3", "10.0.1.1:80", "refused", func(_ *corev1.Service, e *discoveryv1.EndpointSlice) {
				e.Labels[corev1.IsHeadlessService] = ""
			}},
		} {
			f := newFabric()
			s := svc("shop", "10.0.1.1")
			f.pod("n1", "shop", "10.244.1.1", 80)
			e := slice(s, 80, ep("10.244.1.1", "n1"))
			tt.change(s, e)
			f.program([]*corev1.Service{s}, e)
			if got := outcome(t, New(f, 1), tt.from, tt.to); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
			if records, err := New(withDNS(f, s, e), 1).Resolve(t.Context(), Origin{Node: "n3"}, "shop"); err != nil || len(records) != 1 {
				t.Errorf("%s: DNS has %v, %v", tt.name, records, err)
			}
		}
	})
}

// withDNS adds CoreDNS to what is programmed.
func withDNS(f *fabric, s *corev1.Service, e *discoveryv1.EndpointSlice) *fabric {
	dns, endpoints := f.dns("n2")
	f.program([]*corev1.Service{s, dns}, e, endpoints)
	return f
}
