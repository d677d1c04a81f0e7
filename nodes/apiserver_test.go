package nodes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// What runs on a node reaches the API server at its Service, as long as it is up, and the
// node's network lets packets there.
func TestAPIServerIsReachedFromNodes(t *testing.T) {
	at := netip.MustParseAddrPort("198.51.100.1:443")
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kubernetes", Namespace: "default"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.1", Ports: []corev1.ServicePort{{Name: "https", Port: 443}}},
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "kubernetes", Namespace: "default", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{at.Addr().String()}}},
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To("https"), Port: ptr.To(int32(at.Port()))}},
	}
	synctest.Test(t, func(t *testing.T) {
		down := false
		dial := func(context.Context) (net.Conn, error) {
			if down {
				return nil, syscall.ECONNREFUSED
			}
			inner, outer := net.Pipe()
			go func() {
				defer inner.Close()
				if _, err := inner.Read(make([]byte, 1)); err == nil {
					_, _ = io.WriteString(inner, "served")
				}
			}()
			return outer, nil
		}
		w := makeWorld(t, Config{Nodes: 2, APIServer: at, DialAPIServer: dial}, service, slice)
		defer w.stop()
		w.create(testPod(w.f, "proxy", func(p *corev1.Pod) {
			p.Namespace, p.Labels = "kube-system", map[string]string{"component": "kube-proxy"}
		}))
		w.pass(10 * time.Second)
		node := w.f.NodeNames()[0]
		ask := func(address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			return w.f.Network().Dial(ctx, network.Origin{Node: node}, address)
		}
		for _, address := range []string{"10.0.0.1:443", at.String()} {
			conn, err := ask(address)
			if err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			if _, err := conn.Write([]byte("?")); err != nil {
				t.Error(err)
			}
			if b, err := io.ReadAll(conn); err != nil || string(b) != "served" {
				t.Errorf("%s answers %q, %v", address, b, err)
			}
			conn.Close()
		}
		if _, err := ask("198.51.100.1:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("another port: %v", err)
		}
		down = true
		if _, err := ask("10.0.0.1:443"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("it is down: %v", err)
		}
		down = false
		open, err := ask("10.0.0.1:443")
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		if err := w.f.SetNSGRule(api.NSGRule{Name: "no-api", Priority: 100, Direction: "Outbound", Access: "Deny", Protocol: "Tcp", Destination: "*", Ports: []string{"443"}}, timeline.Customer); err != nil {
			t.Fatal(err)
		}
		if _, err := ask("10.0.0.1:443"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a security rule keeps the node from it: %v", err)
		}
		_, _ = open.Write([]byte("?"))
		_ = open.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := open.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection that was open: %v", err)
		}
	})
}
