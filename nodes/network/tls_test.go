package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
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
				return n.serve("a", b, netip.AddrPortFrom(netip.MustParseAddr("10.244.0.9"), port), true), nil
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
