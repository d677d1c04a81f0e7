package ingress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

// run is a controller that has read some objects, and its log.
func run(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), argv []string, objects ...metav1.Object) (*Controller, *fake.Clientset) {
	t.Helper()
	var list []runtime.Object
	for _, o := range objects {
		list = append(list, o.(runtime.Object))
	}
	client := fake.NewClientset(list...)
	c := New(client, Pod{Namespace: "ingress-nginx", Name: "controller-1", Dial: dial, ReachesAPI: func() bool { return true }})
	s := stored(t, objects...)
	c.now = s
	c.options.Store(flags(t, argv...))
	c.sync(t.Context())
	return c, client
}

// ask asks a controller at a port.
func ask(c *Controller, port int, url string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{Port: port})))
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

// web dials a web server that says as whom it was asked, at one address.
func web(t *testing.T, at string) func(context.Context, string, string) (net.Conn, error) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.URL.Path+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-For"))
	}))
	t.Cleanup(s.Close)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != at {
			return nil, &net.OpError{Op: "dial", Net: network, Err: io.ErrUnexpectedEOF}
		}
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
}

func TestServeHTTP(t *testing.T) {
	list := append(service("a", "10.244.0.1"), service("gone", "10.244.0.2")...)
	list = append(list, class(), routes("shop", rule{"shop.example", "/cart", networkingv1.PathTypePrefix, "a"}, rule{"gone.example", "/", networkingv1.PathTypePrefix, "gone"}, rule{"none.example", "/", networkingv1.PathTypePrefix, "nobody"}))
	c, client := run(t, web(t, "10.244.0.1:8080"), nil, list...)
	for _, x := range []struct {
		url    string
		status int
		body   string
	}{
		{"http://shop.example/cart/1?q", 200, "shop.example /cart/1 http 192.0.2.1"},
		{"http://shop.example:8080/cart", 200, "shop.example:8080 /cart"},
		{"http://shop.example/", 404, "404 Not Found"}, {"http://other.example/cart", 404, "nginx"},
		{"http://none.example/", 503, "503 Service Temporarily Unavailable"}, {"http://gone.example/", 502, "502 Bad Gateway"},
	} {
		if w := ask(c, 80, x.url); w.Code != x.status || !strings.Contains(w.Body.String(), x.body) {
			t.Errorf("%s: got %d %q, want %d %q", x.url, w.Code, w.Body, x.status, x.body)
		}
	}
	if w := ask(c, 10254, "http://x/healthz"); w.Code != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
	events, err := client.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(events.Items) != 1 || events.Items[0].Reason != "Sync" || events.Items[0].Message != "Scheduled for sync" {
		t.Errorf("events: %+v, %v", events, err)
	}
}

// With a certificate a host is shown that, and HTTP is sent on to HTTPS.
func TestCertificate(t *testing.T) {
	made := fakeCertificate()
	key, err := x509.MarshalPKCS8PrivateKey(made.pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "cert"}, Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.pair.Certificate[0]}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}}
	i := routes("tls", rule{"ingress.local", "/", networkingv1.PathTypePrefix, "a"}, rule{"wrong.example", "/", networkingv1.PathTypePrefix, "a"})
	i.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{"ingress.local", "wrong.example"}, SecretName: "cert"}}
	c, _ := run(t, web(t, "10.244.0.1:8080"), nil, append(service("a", "10.244.0.1"), class(), secret, i)...)
	shown := func(name string) string {
		x := c.Certificate(443, name)
		return string(x.Certificate[0])
	}
	if shown("ingress.local") != string(made.pair.Certificate[0]) {
		t.Error("the Secret's certificate is not shown")
	}
	if x := c.Certificate(443, "wrong.example"); x == nil || shown("wrong.example") == string(made.pair.Certificate[0]) || shown("wrong.example") != shown("other") {
		t.Error("a host that the certificate is not for has not the program's own")
	}
	if c.Certificate(80, "ingress.local") != nil || c.Certificate(8443, "ingress.local") != nil {
		t.Error("it shows a certificate at another port")
	}
	if w := ask(c, 80, "http://ingress.local/a?b=c"); w.Code != 308 || w.Header().Get("Location") != "https://ingress.local/a?b=c" {
		t.Errorf("got %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := ask(c, 443, "https://ingress.local/a"); w.Code != 200 || !strings.Contains(w.Body.String(), " /a https ") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	var _ *tls.Certificate = c.Certificate(443, "")
}

// The address of the published Service is written into the Ingresses.
func TestStatus(t *testing.T) {
	lb := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ingress-nginx", Name: "lb"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	lb.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "20.1.2.3"}}
	c, client := run(t, nil, []string{"--publish-service=ingress-nginx/lb"}, class(), lb, routes("shop"))
	if !c.tell(t.Context(), c.options.Load()) {
		t.Error("it was not written")
	}
	i, err := client.NetworkingV1().Ingresses("default").Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil || len(i.Status.LoadBalancer.Ingress) != 1 || i.Status.LoadBalancer.Ingress[0].IP != "20.1.2.3" {
		t.Errorf("got %+v, %v", i, err)
	}
}

// A controller that starts while the API server is away serves nothing, and ends.
func TestStartWithoutAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(fake.NewClientset(), Pod{Namespace: "default", Name: "c", ReachesAPI: func() bool { return false }})
		var code atomic.Int32
		code.Store(-1)
		go func() { code.Store(int32(c.Run(t.Context(), io.Discard, []string{"/nginx-ingress-controller"}))) }()
		synctest.Wait()
		if c.Listens(80) || !c.Listens(10254) {
			t.Error("it listens for clients, or not for probes")
		}
		if w := ask(c, 10254, "http://x/healthz"); w.Code != 500 {
			t.Errorf("healthz: %d", w.Code)
		}
		time.Sleep(70 * time.Second)
		if code.Load() != -1 {
			t.Error("it gave up too early")
		}
		time.Sleep(10 * time.Second)
		if code.Load() != exitFatal {
			t.Errorf("got exit code %d, want %d", code.Load(), exitFatal)
		}
	})
}
