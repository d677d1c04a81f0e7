package kubelet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"demarc/nodes/timers"
	"demarc/sim/clock"
)

// dialTimeout is how long a connection to a machine that does not answer is
// tried (apiserver-network-proxy, agent: dial timeout).
const dialTimeout = 5 * time.Second

// server serves the kubelet APIs of all nodes: one HTTPS server, behind
// connections in memory that know which node was dialled.
type server struct {
	ks     *Kubelets
	server *http.Server
	accept chan net.Conn
	done   chan struct{}

	mu    sync.Mutex
	conns map[*kubeletConn]struct{}
}

// kubeletConn is a connection to one node's kubelet.
type kubeletConn struct {
	net.Conn
	s *server
	k *Kubelet
}

// Close closes the connection and forgets it.
func (c *kubeletConn) Close() error {
	c.s.mu.Lock()
	delete(c.s.conns, c)
	c.s.mu.Unlock()
	return c.Conn.Close()
}

type nodeKey struct{}

func newServer(ks *Kubelets) (*server, error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make the kubelets' certificate: %w", err)
	}
	s := &server{ks: ks, accept: make(chan net.Conn), done: make(chan struct{}), conns: map[*kubeletConn]struct{}{}}
	s.server = &http.Server{
		Handler: s.handler(),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{cert},
			// Whose it is does not matter: only the control plane gets here.
			ClientAuth: tls.RequestClientCert,
			NextProtos: []string{"http/1.1"}, // streams are upgraded connections
			MinVersion: tls.VersionTLS12,
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			if k, ok := c.(*kubeletConn); ok {
				ctx = context.WithValue(ctx, nodeKey{}, k.k)
			}
			return ctx
		},
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are the client's to report
	}
	return s, nil
}

// selfSigned makes a certificate that is valid at any time a clock may show.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "kubelet"},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// serve answers until ctx ends.
func (s *server) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		close(s.done)
		s.server.Close()
	})
	defer stop()
	_ = s.server.ServeTLS(s, "", "") // ends with ctx
}

// Accept, Close and Addr make it the net.Listener of its own server.
func (s *server) Accept() (net.Conn, error) {
	select {
	case c := <-s.accept:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the server ends with the fleet.
func (s *server) Close() error { return nil }

// Addr is a placeholder; connections come from memory.
func (s *server) Addr() net.Addr { return &net.TCPAddr{Port: Port} }

// drop breaks the connections to a node, or to all if it is nil. The fleet's lock
// may be held.
func (s *server) drop(k *Kubelet) {
	s.mu.Lock()
	var broken []*kubeletConn
	for c := range s.conns {
		if k == nil || c.k == k {
			broken = append(broken, c)
		}
	}
	s.mu.Unlock()
	for _, c := range broken {
		c.Close()
	}
}

// Dial connects to a port of the kubelet, whose machine answers at the address that
// an error names. The lock is not held.
func (k *Kubelet) Dial(ctx context.Context, address string, port int) (net.Conn, error) {
	k.ks.Lock.Lock()
	listens := k.Running && port == Port
	k.ks.Lock.Unlock()
	if !listens {
		return nil, refused(address)
	}
	client, far := newPipe()
	s := k.ks.server
	conn := &kubeletConn{Conn: far, s: s, k: k}
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	var err error
	select {
	case s.accept <- conn:
		return client, nil
	case <-s.done:
		err = refused(address)
	case <-ctx.Done():
		err = timedOut(address)
	}
	conn.Close()
	return nil, err
}

// Timeout waits as long as one waits for an answer that does not come, and returns
// the error of that.
func Timeout(ctx context.Context, address string) error {
	clock.Sleep(ctx, time.Until(timers.Tick(time.Now().Add(dialTimeout))))
	return timedOut(address)
}

// place is an address for an error's text.
type place string

// Network and String make it a net.Addr.
func (place) Network() string  { return "tcp" }
func (p place) String() string { return string(p) }

func timedOut(address string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: place(address), Err: os.ErrDeadlineExceeded}
}

func refused(address string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: place(address), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// errNotFound is why the kubelet API has no answer.
var errNotFound = errors.New("not found")
