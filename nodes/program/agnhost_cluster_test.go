package program

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const serverName = "kubernetes.default.svc.cluster.local"

// identity is a key with a certificate that it has signed itself, in PEM.
func identity(t *testing.T, uri string) (key *ecdsa.PrivateKey, keyPEM, certPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{serverName}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		c.URIs = []*url.URL{u}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// behind has a server answer whatever address a program dials, with a certificate.
func behind(t *testing.T, s *Spec, keyPEM, certPEM []byte, h http.Handler) {
	t.Helper()
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
}

// signed is a token for an audience.
func signed(t *testing.T, key *ecdsa.PrivateKey, audience string) string {
	t.Helper()
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	text := part(`{"alg":"ES256","kid":"k"}`) + "." + part(fmt.Sprintf(`{"iss":"https://%s","aud":[%q],"sub":"x","exp":%d}`, serverName, audience, time.Now().Add(time.Hour).Unix()))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	both := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(both)
}

// clusterSpec is a container that has what a pod is given to ask the API server.
func clusterSpec(ca []byte) Spec {
	s := testSpec()
	s.Image, s.Command = testImage, nil
	s.Env = []string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "KUBERNETES_SERVICE_PORT=443"}
	s.Files = map[string][]byte{accountDir + "/token": []byte("pods-token"), accountDir + "/ca.crt": ca}
	return s
}

func TestIssuerDiscovery(t *testing.T) {
	key, keyPEM, ca := identity(t, "")
	s := clusterSpec(ca)
	coordinate := func(n *big.Int) string {
		return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32)))
	}
	behind(t, &s, keyPEM, ca, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer pods-token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":"https://%s","jwks_uri":"https://%[1]s/openid/v1/jwks"}`, serverName)
		case r.URL.Path == "/openid/v1/jwks":
			fmt.Fprintf(w, `{"keys":[{"use":"sig","kty":"EC","kid":"k","crv":"P-256","alg":"ES256","x":%q,"y":%q}]}`, coordinate(key.X), coordinate(key.Y))
		}
	}))
	other, _, _ := identity(t, "")
	for _, c := range []struct {
		name, token string
		code        int
		want        string
	}{
		{"good", signed(t, key, "me"), 0, "OK: Got valid claims from token!"},
		{"for somebody else", signed(t, key, "you"), 1, `expected audience "me" got ["you"]`},
		{"forged", signed(t, other, "me"), 1, "failed to verify signature"},
	} {
		s.Files["/tokens/sa"] = []byte(c.token)
		s.Disk = NewDisk()
		if _, text, code := output(t, s, "agnhost", "test-service-account-issuer-discovery", "--token-path", "/tokens/sa", "--audience", "me"); code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: got %d:\n%s", c.name, code, text)
		}
	}
}

// A program that has no certificate of the server's authority does not trust it.
func TestContainersLookAtCertificates(t *testing.T) {
	_, keyPEM, ca := identity(t, "")
	s := clusterSpec(ca)
	s.Trust = func() []byte { return nil }
	behind(t, &s, keyPEM, ca, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method+" "+r.Header.Get("Authorization"))
	}))
	const address = "https://10.0.0.1:443/"
	for _, c := range []struct {
		line, out, err string
		code           int
	}{
		{"curl -sS --cacert " + accountDir + "/ca.crt -H 'Authorization: Bearer x' " + address, "GET Bearer x", "", 0},
		{"curl -sSk -X PUT " + address, "PUT ", "", 0},
		{"curl -sS " + address, "", "curl: (60) SSL certificate problem: unable to get local issuer certificate", 60},
		{"curl -sS --cacert " + accountDir + "/ca.crt https://elsewhere/", "", "curl: (60) SSL: no alternative certificate subject name matches target host name 'elsewhere'", 60},
		{"curl -sS --cacert /none " + address, "", "curl: (77) error setting certificate verify locations:  CAfile: /none CApath: none", 77},
		{"wget -qO- " + address, "GET ", "", 0},
	} {
		out, text, code := output(t, s, "sh", "-c", c.line)
		if out != c.out || !strings.HasPrefix(text, c.err) || code != c.code {
			t.Errorf("%s: got %d, %q, %q", c.line, code, out, text)
		}
	}
	s.Trust = func() []byte { return ca }
	if out, text, code := output(t, s, "curl", "-sS", address); code != 0 || out != "GET " {
		t.Errorf("of whom all trust: got %d, %q, %q", code, out, text)
	}
}

func TestMutualTLS(t *testing.T) {
	const who = "spiffe://cluster.local/ns/a/sa/b"
	_, keyPEM, certPEM := identity(t, who)
	s := clusterSpec(nil)
	s.Files["/tls/bundle"], s.Files["/tls/trust"] = append(keyPEM, certPEM...), certPEM
	s.Args = []string{"mtlsserver", "--listen=0.0.0.0:8443", "--server-creds=/tls/bundle", "--spiffe-trust-bundle=/tls/trust"}
	b := Plan(s)
	if len(b.Ports) != 1 || b.Ports[0] != 8443 {
		t.Fatalf("ports %v", b.Ports)
	}
	if code, _ := ask(b.Handler, "/spiffe-echo"); code != http.StatusUnauthorized {
		t.Errorf("without a certificate: %d", code)
	}
	behind(t, &s, keyPEM, certPEM, b.Handler)
	s.Args = []string{"mtlsclient", "--fetch-url=https://" + serverName + "/spiffe-echo", "--server-trust-bundle=/tls/trust", "--client-cred-bundle=/tls/bundle"}
	ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
	defer cancel()
	var out bytes.Buffer
	if script := Plan(s).Script; script != nil {
		script(ctx, io.Writer(&out))
	}
	if want := "Got response body: Client Identity: " + who; !strings.Contains(out.String(), want) {
		t.Errorf("got %q, want %s", out.String(), want)
	}
}
