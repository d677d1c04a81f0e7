package network

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestRecords(t *testing.T) {
	f := named()
	n := New(f, 1)
	for _, tt := range []struct{ name, kind, want string }{
		{"shop.default.svc.cluster.local", "A", "A 10.0.1.1"},
		{"shop.default.svc.cluster.local", "AAAA", ""},
		{"shop", "A", "NXDOMAIN"}, // it is not completed
		{"_http._tcp.shop.default.svc.cluster.local", "SRV", "SRV 0 100 80 shop.default.svc.cluster.local."},
		{"_http._udp.shop.default.svc.cluster.local", "SRV", "NXDOMAIN"},
		{"_http._tcp.db.default.svc.cluster.local", "SRV", "SRV 0 100 5432 db-0.db.default.svc.cluster.local."},
		{"_http._tcp.db.default.svc.cluster.local", "A", ""},
		{"away.default.svc.cluster.local", "CNAME", "CNAME example.com."},
		{"away.default.svc.cluster.local.", "A", "CNAME example.com."},
		{"alias.default.svc.cluster.local", "CNAME", "CNAME shop.default.svc.cluster.local."},
		{"alias.default.svc.cluster.local", "A", "CNAME shop.default.svc.cluster.local., A 10.0.1.1"},
		{"1.1.0.10.in-addr.arpa.", "PTR", "PTR shop.default.svc.cluster.local."},
		{"5.1.244.10.in-addr.arpa", "PTR", "PTR db-0.db.default.svc.cluster.local."},
		{"9.9.9.9.in-addr.arpa", "PTR", "NXDOMAIN"},
		{"10-244-7-7.default.pod.cluster.local", "A", "A 10.244.7.7"},
	} {
		records, err := n.Query(t.Context(), Origin{Node: "n3"}, Question{Name: tt.name, Type: tt.kind})
		var got []string
		for _, r := range records {
			got = append(got, r.Type+" "+r.Data)
		}
		text := strings.Join(got, ", ")
		if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
			text = "NXDOMAIN"
		}
		if text != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.name, tt.kind, text, tt.want)
		}
	}
}

// CoreDNS has two ports, each of which must answer.
func TestQuestionsByTCP(t *testing.T) {
	f := named()
	n := New(f, 1)
	q := Question{Name: "shop.default.svc.cluster.local", Type: "A", Server: mustAddr("10.244.9.9")}
	for _, tcp := range []bool{false, true} {
		q.TCP = tcp
		if _, err := n.Query(t.Context(), Origin{Node: "n3"}, q); err != nil {
			t.Errorf("tcp %t: %v", tcp, err)
		}
	}
	f.pods[mustAddr("10.244.9.9")].udp = nil
	q.TCP = false
	if _, err := n.Query(t.Context(), Origin{Node: "n3"}, q); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("by a datagram to none that listens: got %v", err)
	}
}

func TestRotate(t *testing.T) {
	records := []Record{{Type: "CNAME"}, {Type: "A", Data: "1"}, {Type: "A", Data: "2"}}
	if got := Rotate(records, func(int) int { return 1 }); !slices.Equal(got, []Record{records[0], records[2], records[1]}) {
		t.Error(fmt.Sprint(got))
	}
}
