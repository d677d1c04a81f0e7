package network

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func mustAddr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// named is a cluster with services of every kind, and CoreDNS on n2.
func named() *fabric {
	f := newFabric()
	dns, dnsSlice := f.dns("n2")
	web, webSlice := shop(f)
	db := svc("db", "None")
	dbSlice := slice(db, 5432, ep("10.244.1.5", "n1"), terminating("10.244.2.5", "n2", true))
	dbSlice.Endpoints[0].Hostname = new("db-0")
	f.pod("n1", "db-0", "10.244.1.5", 5432)
	external := func(name, to string) *corev1.Service {
		return svc(name, "", func(s *corev1.Service) {
			s.Spec.Type, s.Spec.ExternalName = corev1.ServiceTypeExternalName, to
		})
	}
	f.program([]*corev1.Service{
		dns, web, db, external("alias", "shop.default.svc.cluster.local."), external("loop", "loop.default.svc.cluster.local"),
		external("away", "example.com"),
	}, dnsSlice, webSlice, dbSlice)
	return f
}

func TestResolve(t *testing.T) {
	tests := []struct {
		namespace, name, want string // address, or part of the error
	}{
		{"", "shop", "10.0.1.1"},
		{"default", "SHOP", "10.0.1.1"},
		{"prod", "shop", "no such host"},
		{"prod", "shop.default", "10.0.1.1"},
		{"prod", "shop.default.svc", "10.0.1.1"},
		{"prod", "shop.default.svc.cluster.local", "10.0.1.1"},
		{"prod", "shop.default.svc.cluster.local.", "10.0.1.1"},
		{"", "shop.", "no such host"},
		{"", "shop.default.svc.example.com", "no such host"},
		{"", "db", "10.244.1.5"}, // the one that is ready
		{"", "db-0.db", "10.244.1.5"},
		{"", "db-1.db", "no such host"},
		{"", "10-244-1-5.db", "no such host"}, // it has a hostname
		{"", "10-244-1-1.shop", "10.244.1.1"},
		{"", "10-244-7-7.default.pod.cluster.local", "10.244.7.7"},
		{"", "alias", "10.0.1.1"},
		{"", "loop", "no such host"},
		{"", "away", "no such host"},
		{"", "example.com", "no such host"},
		{"", "", "no such host"},
	}
	n := New(named(), 1)
	for _, tt := range tests {
		ips, err := n.Resolve(t.Context(), Origin{Node: "n3", Namespace: tt.namespace}, tt.name)
		switch {
		case err == nil && (len(ips) != 1 || ips[0].String() != tt.want):
			t.Errorf("%q from %q: got %v, want %s", tt.name, tt.namespace, ips, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%q from %q: got %v, want %s", tt.name, tt.namespace, err, tt.want)
		}
	}
}

func TestDNSFailures(t *testing.T) {
	tests := []struct {
		name    string
		node    string
		change  func(*fabric)
		limit   time.Duration
		want    string
		timeout bool
		waited  time.Duration
	}{
		{"machine of CoreDNS is dead", "n3", func(f *fabric) { f.down["n2"] = true }, 2 * time.Second,
			"lookup shop on 10.0.0.10:53: read udp: i/o timeout", true, 2 * time.Second},
		{"the same, patient client", "n3", func(f *fabric) { f.down["n2"] = true }, time.Minute,
			"lookup shop on 10.0.0.10:53: read udp: i/o timeout", true, 10 * time.Second},
		{"CoreDNS does not run", "n3", func(f *fabric) { f.pods[mustAddr("10.244.9.9")].stopped = true }, time.Minute,
			"lookup shop on 10.0.0.10:53: read udp: connection refused", false, 0},
		{"no CoreDNS pod is ready", "n3", func(f *fabric) {
			dns, _ := f.dns("n2")
			f.program([]*corev1.Service{dns})
		}, time.Minute, "lookup shop on 10.0.0.10:53: read udp: connection refused", false, 0},
		{"client's machine has no rules", "n3", func(f *fabric) { f.rules["n3"] = nil }, 2 * time.Second, "i/o timeout", true, 2 * time.Second},
		{"client is cut off", "n3", func(f *fabric) { f.down["n3"] = true }, 2 * time.Second, "i/o timeout", true, 2 * time.Second},
		{"outside", "", func(*fabric) {}, time.Minute, "lookup shop: no such host", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := named()
				tt.change(f)
				start := time.Now()
				_, err := New(f, 1).Resolve(within(t, tt.limit), Origin{Node: tt.node}, "shop")
				var dns *net.DNSError
				if !errors.As(err, &dns) || !strings.HasSuffix(err.Error(), tt.want) || dns.IsTimeout != tt.timeout {
					t.Errorf("got %v, want %s (timeout: %v)", err, tt.want, tt.timeout)
				}
				if got := time.Since(start); got != tt.waited {
					t.Errorf("waited %v, want %v", got, tt.waited)
				}
			})
		})
	}
}

func TestDNSRetriesAnotherPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFabric()
		dns, endpoints := f.dns("n2")
		f.pod("n1", "coredns-2", "10.244.1.9", 53)
		endpoints.Endpoints = append(endpoints.Endpoints, ep("10.244.1.9", "n1"))
		web, webSlice := shop(f)
		f.program([]*corev1.Service{dns, web}, endpoints, webSlice)
		f.down["n2"] = true
		n := New(f, 1)
		waited := map[time.Duration]int{}
		for range 60 {
			start := time.Now()
			if _, err := n.Resolve(within(t, time.Minute), Origin{Node: "n3"}, "shop"); err == nil {
				waited[time.Since(start)]++
			}
		}
		if waited[0] < 20 || waited[dnsTimeout] < 5 || len(waited) != 2 {
			t.Errorf("got %v, want about 30 at once and 15 at the second attempt", waited)
		}
	})
}

// CoreDNS knows what its own machine was last told, not what the client's was.
func TestDNSKnowledgeIsCoreDNSs(t *testing.T) {
	f := named()
	old := f.rules["n2"]
	web, webSlice := shop(f)
	dns, dnsSlice := f.dns("n2")
	f.program([]*corev1.Service{dns, web, svc("new", "10.0.1.9")}, dnsSlice, webSlice)
	f.rules["n2"] = old
	if _, err := New(f, 1).Resolve(t.Context(), Origin{Node: "n3"}, "new"); err == nil {
		t.Error("got an answer that CoreDNS cannot know")
	}
}

func TestDialByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := named()
		n := New(f, 1)
		if got := outcome(t, n, "n3", "shop:80"); !strings.HasPrefix(got, "default/shop-") {
			t.Errorf("got %s, want a pod of shop", got)
		}
		if got := outcome(t, n, "n3", "db:5432"); got != "default/db-0" {
			t.Errorf("got %s, want the pod itself", got)
		}
		_, err := n.Dial(within(t, time.Second), Origin{Node: "n3"}, "nowhere:80")
		if got, want := err.Error(), "dial tcp: lookup nowhere on 10.0.0.10:53: no such host"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A client that is given several addresses tries the next when one refuses.
func TestDialTriesAllAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := named()
		s := svc("set", "None")
		f.pod("n1", "set-0", "10.244.1.6", 80).stopped = true
		f.pod("n2", "set-1", "10.244.2.6", 80)
		dns, dnsSlice := f.dns("n2")
		f.program([]*corev1.Service{dns, s}, dnsSlice, slice(s, 80, ep("10.244.1.6", "n1"), ep("10.244.2.6", "n2")))
		n := New(f, 1)
		for range 20 {
			if got := outcome(t, n, "n3", "set:80"); got != "default/set-1" {
				t.Fatalf("got %s, want the pod that listens", got)
			}
		}
	})
}
