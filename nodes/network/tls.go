package network

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"
)

// authority signs the certificates that simulated servers show: whatever name a client
// wants to see. A real program would have one of its own, and would have told its clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	// config is shared by all servers, whose sessions a client may resume at any of them. A
	// key exchange that outlives quantum computers is not needed in memory.
	config *tls.Config

	mu    sync.Mutex
	names map[string]*tls.Certificate
}

// ours is made when it is first asked for.
var ours = sync.OnceValue(newAuthority)

// Authority is the certificate, in PEM, of who signs what simulated servers show.
func Authority() []byte { return ours().pem }

func newAuthority() *authority {
	a := &authority{names: map[string]*tls.Certificate{}}
	t := template("demarc simulated workloads")
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	a.key = newKey()
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.key.Public(), a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		panic(err) // of constants
	}
	a.config = &tls.Config{GetCertificate: a.certificate, CurvePreferences: []tls.CurveID{tls.X25519}}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// template is a certificate that is valid at any virtual time.
func template(name string) *x509.Certificate {
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: year(2000), NotAfter: year(2100)}
}

func newKey() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // there is no randomness
	}
	return k
}

// certificate is one for the name that a client wants to see, or for the address that it
// has come to.
func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.names[name]; c != nil {
		return c, nil
	}
	t := template(name)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(name); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{name}
	}
	key := newKey()
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	a.names[name] = c
	return c, nil
}

// plainPort is where a web server speaks no TLS.
const plainPort = 80

// handshake is the first byte of a client that speaks TLS.
const handshake = 22

// either is a server's end of a connection that speaks TLS if its client does.
type either struct {
	*end
	port        int32
	certificate func(port int32) func(name string) *tls.Certificate // the server's own; may be nil

	once  sync.Once
	chose net.Conn
	err   error
}

// choose waits for the first byte.
func (e *either) choose() (net.Conn, error) {
	e.once.Do(func() {
		first := make([]byte, 1)
		if _, e.err = e.end.Read(first); e.err != nil {
			return
		}
		e.chose = &begun{e.end, first}
		if first[0] == handshake {
			e.chose = tls.Server(e.chose, e.config())
		}
	})
	return e.chose, e.err
}

// config has the server's own certificate, or one that is made for its client.
func (e *either) config() *tls.Config {
	if e.certificate != nil {
		if own := e.certificate(e.port); own != nil {
			shown := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return own(hello.ServerName), nil }
			return &tls.Config{GetCertificate: shown, ClientAuth: tls.RequestClientCert, CurvePreferences: ours().config.CurvePreferences}
		}
	}
	return ours().config
}

// state is that of the TLS connection; nil if the client speaks none.
func (e *either) state() *tls.ConnectionState {
	if c, ok := e.chose.(*tls.Conn); ok {
		s := c.ConnectionState()
		return &s
	}
	return nil
}

// Read implements [net.Conn].
func (e *either) Read(b []byte) (int, error) {
	c, err := e.choose()
	if err != nil {
		return 0, err
	}
	return c.Read(b)
}

// Write implements [net.Conn]. A server writes only when it has read.
func (e *either) Write(b []byte) (int, error) {
	c, err := e.choose()
	if err != nil {
		return 0, err
	}
	return c.Write(b)
}

// begun is a connection whose first bytes have been read.
type begun struct {
	net.Conn
	first []byte
}

// Read implements [net.Conn].
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}
