package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
)

// TestTLS asks a simulated server as an API server asks a webhook: by a Service's name, at
// an address.
func TestTLS(t *testing.T) {
	b := Backend{Node: "a", Handler: func(int32) (http.Handler, bool) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }), true
	}}
	n := New(newFabric(), 1)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(Authority()) {
		t.Fatal("the authority is no certificate")
	}
	get := func(url string, port uint16) (string, error) {
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return n.serve(route{node: "a", backend: b, to: socket{AddrPort: netip.AddrPortFrom(mustAddr("10.244.0.9"), port)}, once: true}), nil
			},
		}
		defer tr.CloseIdleConnections()
		r, err := (&http.Client{Transport: tr}).Get(url)
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return string(body), err
	}
	for _, url := range []string{"https://policy.default.svc:9443/v", "https://10.244.0.9:9443/", "http://policy.default.svc:9443/"} {
		if _, err := get(url, 9443); err != nil {
			t.Errorf("GET %s: %v", url, err)
		}
	}
	if body, err := get("https://web.default.svc:80/", 80); err == nil {
		t.Errorf("port 80 speaks TLS: %q", body)
	}
}

// A server that has a certificate of its own shows that, which only who knows it trusts.
func TestOwnCertificate(t *testing.T) {
	own := newAuthority()
	pair, err := own.certificate(&tls.ClientHelloInfo{ServerName: "policy.default.svc"})
	if err != nil {
		t.Fatal(err)
	}
	b := Backend{
		Node: "a", Certificate: func(int32) func(string) *tls.Certificate { return func(string) *tls.Certificate { return pair } },
		Handler: func(int32) (http.Handler, bool) { return http.NotFoundHandler(), true },
	}
	n := New(newFabric(), 1)
	for name, c := range map[string]struct {
		authority []byte
		trusted   bool
	}{"its own": {own.pem, true}, "ours": {Authority(), false}} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(c.authority)
		conn := tls.Client(n.serve(route{node: "a", backend: b, to: socket{AddrPort: mustAddrPort("10.244.0.9:9443")}, once: true}), &tls.Config{RootCAs: roots, ServerName: "policy.default.svc"})
		if err := conn.HandshakeContext(t.Context()); (err == nil) != c.trusted {
			t.Errorf("by the authority that is %s: %v", name, err)
		}
		conn.Close()
	}
}

// A server with a certificate of its own hears who its client is.
func TestClientCertificate(t *testing.T) {
	own := newAuthority()
	pair, err := own.certificate(&tls.ClientHelloInfo{ServerName: "a"})
	if err != nil {
		t.Fatal(err)
	}
	b := Backend{
		Node: "a", Certificate: func(int32) func(string) *tls.Certificate { return func(string) *tls.Certificate { return pair } },
		Handler: func(int32) (http.Handler, bool) {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
					_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
				}
			}), true
		},
	}
	n := New(newFabric(), 1)
	for want, certificates := range map[string][]tls.Certificate{"": nil, "a": {*pair}} {
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates},
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return n.serve(route{node: "a", backend: b, to: socket{AddrPort: mustAddrPort("10.244.0.9:9443")}, once: true}), nil
			},
		}
		r, err := tr.RoundTrip(&http.Request{URL: &url.URL{Scheme: "https", Host: "a"}, Header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != want {
			t.Errorf("got %q, %v, want %q", body, err, want)
		}
		r.Body.Close()
		tr.CloseIdleConnections()
	}
}
