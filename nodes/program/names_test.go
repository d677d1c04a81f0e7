package program

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"demarc/nodes/network"
)

// named is a container whose DNS knows one Service.
func named() Spec {
	s := testSpec()
	s.Image = testImage
	s.Files["/etc/hosts"] = []byte("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost\n10.244.0.7\tq.sub.ns.svc.cluster.local\tq\n")
	s.Files["/results/"] = nil
	s.Query = func(_ context.Context, q network.Question) ([]network.Record, error) {
		const shop = "shop.default.svc.cluster.local"
		switch {
		case strings.TrimSuffix(q.Name, ".") == shop && q.Type == "A", q.Name == "shop" && q.Search && q.Type == "A":
			return []network.Record{{Name: shop + ".", Type: "A", Data: "10.0.1.1"}}, nil
		case q.Name == shop:
			return nil, nil
		case q.Name == "1.1.0.10.in-addr.arpa" && q.Type == "PTR":
			return []network.Record{{Name: q.Name + ".", Type: "PTR", Data: shop + "."}}, nil
		case q.Name == "away" && q.TCP:
			return []network.Record{{Name: "away.", Type: "CNAME", Data: "example.com."}}, nil
		case q.Name == "dead":
			return nil, &net.DNSError{IsTimeout: true}
		}
		return nil, &net.DNSError{IsNotFound: true}
	}
	return s
}

func TestDig(t *testing.T) {
	for _, tt := range []struct {
		line, want string
		code       int
	}{
		{"dig +short shop.default.svc.cluster.local", "10.0.1.1\n", 0},
		{"dig +short shop", "", 0},
		{"dig +short +search shop A", "10.0.1.1\n", 0},
		{"dig +notcp +noall +answer +search shop", "shop.default.svc.cluster.local.\t30\tIN\tA\t10.0.1.1\n", 0},
		{"dig +noall +answer AAAA shop.default.svc.cluster.local", "", 0},
		{"dig +short -x 10.0.1.1", "shop.default.svc.cluster.local.\n", 0},
		{"dig +noall +answer 1.1.0.10.in-addr.arpa PTR", "1.1.0.10.in-addr.arpa.\t30\tIN\tPTR\tshop.default.svc.cluster.local.\n", 0},
		{"dig +tcp +short away CNAME", "example.com.\n", 0},
		{"dig +notcp +short away CNAME", "", 0},
		{"dig nowhere | grep -c 'status: NXDOMAIN'", "1\n", 0},
		{"dig shop.default.svc.cluster.local | grep -c 'ANSWER: 1,'", "1\n", 0},
		{"dig dead", ";; communications error to 10.0.0.10#53: timed out\n;; no servers could be reached\n", 9},
		{"getent hosts q", "10.244.0.7      q.sub.ns.svc.cluster.local q\n", 0},
		{"getent hosts localhost", "127.0.0.1       localhost\n", 0},
		{"getent hosts shop", "10.0.1.1        shop\n", 0},
		{"getent hosts nowhere", "", 2},
	} {
		var out, errOut bytes.Buffer
		code, err := Exec(t.Context(), named(), []string{"sh", "-c", tt.line}, nil, &out, &errOut)
		if err != nil || code != tt.code || out.String() != tt.want {
			t.Errorf("%s: got %d, %q, %q, %v", tt.line, code, out.String(), errOut.String(), err)
		}
	}
}

// The script by which upstream's tests of DNS look names up, and what it leaves.
func TestAScriptThatLooksUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := named()
		s.Command = []string{"sh", "-c", "for i in `seq 1 600`; do " +
			`check="$(dig +notcp +noall +answer +search shop.default.svc.cluster.local A)" && test -n "$check" && echo OK > /results/udp@shop;` +
			`check="$(dig +tcp +noall +answer +search nowhere A)" && test -n "$check" && echo OK > /results/tcp@nowhere;` +
			`test -n "$(getent hosts q.sub.ns.svc.cluster.local)" && echo OK > /results/hosts@q;` +
			`test -n "$(getent hosts q)" && echo OK > /results/hosts;sleep 1; done`}
		s.Files["/results/"] = nil
		b := Plan(s)
		var log bytes.Buffer
		if code := b.Script(t.Context(), &log); code != 0 || log.Len() > 0 {
			t.Errorf("got %d, %q", code, log.String())
		}
		var out bytes.Buffer
		_, _ = Exec(t.Context(), s, []string{"ls", "/results"}, nil, &out, &out)
		if got := strings.Fields(out.String()); !slices.Equal(got, []string{"hosts", "hosts@q", "udp@shop"}) {
			t.Errorf("got %q", got)
		}
	})
}
