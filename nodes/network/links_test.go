package network

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// linked is a shop on n1 with a load balancer, and the DNS on n2; n1 and n2 are in zone 1.
func linked() (*fabric, *Network) {
	f := newFabric()
	s := svc("shop", "10.0.1.1", loadBalancer("20.1.1.1"), localExternal)
	s.Spec.HealthCheckNodePort = 31000
	f.balanced.Probe = Probe{Name: "health", Port: 31000, Path: "/healthz", Interval: 5 * time.Second, Threshold: 2}
	f.pod("n1", "shop", "10.244.1.1", 8080)
	dns, dnsSlice := f.dns("n2")
	f.program([]*corev1.Service{s, dns}, slice(s, 8080, ep("10.244.1.1", "n1")), dnsSlice)
	f.zones = map[string]string{"n1": "1", "n2": "1", "n3": "2"}
	return f, New(f, 1)
}

// took is how long something takes.
func took(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func TestDelay(t *testing.T) {
	const pod, delay = "10.244.1.1:8080", 100 * time.Millisecond
	for _, tt := range []struct {
		about    string
		link     Link
		from, to string
		ways     int // that the packets of a connection and its request come by the link
	}{
		{"a node, from another", Link{A: End{Node: "n1"}}, "n3", pod, 4},
		{"a node, to another", Link{A: End{Node: "n3"}}, "n3", pod, 4},
		{"a node, within it", Link{A: End{Node: "n1"}}, "n1", pod, 0},
		{"a node, between others", Link{A: End{Node: "n2"}}, "n3", pod, 0},
		{"a node, from outside", Link{A: End{Node: "n1"}}, "", "20.1.1.1:80", 4},
		{"two nodes", Link{A: End{Node: "n1"}, B: End{Node: "n3"}}, "n3", pod, 4},
		{"two other nodes", Link{A: End{Node: "n1"}, B: End{Node: "n2"}}, "n3", pod, 0},
		{"a zone", Link{A: End{Zone: "1"}}, "n3", pod, 4},
		{"within a zone", Link{A: End{Zone: "1"}}, "n2", pod, 0},
		{"two zones", Link{A: End{Zone: "2"}, B: End{Zone: "1"}}, "n3", pod, 4},
		{"outside", Link{A: End{Outside: true}}, "", "20.1.1.1:80", 4},
		{"outside, from inside", Link{A: End{Outside: true}}, "n3", pod, 0},
		{"outside and a node", Link{A: End{Outside: true}, B: End{Node: "n1"}}, "", "20.1.1.1:80", 4},
		{"a name, too", Link{A: End{Node: "n2"}}, "n3", "shop:80", 2},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, n := linked()
				tt.link.Latency = delay
				n.SetLinks([]Link{tt.link})
				got := took(func() {
					conn, err := n.Dial(t.Context(), Origin{Node: tt.from}, tt.to)
					if err != nil {
						t.Fatal(err)
					}
					ask(t, conn)
				})
				if want := time.Duration(tt.ways) * delay; got != want {
					t.Errorf("took %s, want %s", got, want)
				}
			})
		})
	}
}

// What is lost is sent again, later each time.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := linked()
		// until has the link of n1 lose all for some time.
		until := func(d time.Duration) {
			n.SetLinks([]Link{{A: End{Node: "n1"}, Loss: 1}})
			time.AfterFunc(d, func() { n.SetLinks(nil) })
		}
		var conn net.Conn
		for lost, want := range map[time.Duration]time.Duration{
			500 * time.Millisecond: time.Second, 1500 * time.Millisecond: 3 * time.Second, 6 * time.Second: 7 * time.Second,
		} {
			if conn != nil {
				conn.Close()
			}
			until(lost)
			if got := took(func() { conn, _ = n.Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080") }); got != want || conn == nil {
				t.Errorf("a connection, %s lost: took %s, want %s", lost, got, want)
			}
		}
		for lost, want := range map[time.Duration]time.Duration{
			100 * time.Millisecond: 200 * time.Millisecond, 500 * time.Millisecond: 600 * time.Millisecond, time.Second: 1400 * time.Millisecond,
		} {
			until(lost)
			if got := took(func() { _, _, _ = exchange(conn, false) }); got != want {
				t.Errorf("a request, %s lost: took %s, want %s", lost, got, want)
			}
		}
		n.SetLinks([]Link{{A: End{Node: "n1"}, Loss: 1}})
		got := took(func() {
			if _, err := n.Dial(within(t, 2*time.Second), Origin{Node: "n3"}, "10.244.1.1:1"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("all lost: got %v", err)
			}
		})
		if got != 2*time.Second {
			t.Errorf("all lost: took %s", got)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		if _, _, err := exchange(conn, false); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a request of which all is lost: got %v", err)
		}
		if b, err := n.Exchange(Origin{Node: "n3"}, mustAddrPort("10.244.1.1:8080"), nil); b != nil || err != nil {
			t.Errorf("a datagram: got %q, %v", b, err)
		}
		n.SetLinks([]Link{{A: End{Node: "n2"}, Loss: 1}}) // of the DNS
		time.AfterFunc(time.Second, func() { n.SetLinks(nil) })
		got = took(func() {
			if _, err := n.Resolve(t.Context(), Origin{Node: "n3"}, "shop"); err != nil {
				t.Error(err)
			}
		})
		if got != dnsTimeout {
			t.Errorf("a lookup of which the first try is lost: took %s", got)
		}
	})
}

// A tenth of the packets lost makes a part of the requests slow, the same for a seed, and
// fails none of those that have time.
func TestATenthIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		play := func() (slow int, all time.Duration) {
			_, n := linked()
			n.SetLinks([]Link{{A: End{Node: "n1"}, Loss: .1}})
			for range 300 {
				d := took(func() {
					conn, err := n.Dial(t.Context(), Origin{Node: "n3"}, "10.244.1.1:8080")
					if err != nil {
						t.Fatal(err)
					}
					ask(t, conn)
				})
				if all += d; d > 0 {
					slow++
				}
			}
			return slow, all
		}
		slow, all := play()
		if slow < 70 || slow > 140 { // 1 - 0.9^4 of them
			t.Errorf("%d of 300 are slow, in all %s", slow, all)
		}
		if again, sum := play(); again != slow || sum != all {
			t.Errorf("%d in %s, then %d in %s", slow, all, again, sum)
		}
	})
}
