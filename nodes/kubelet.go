package nodes

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
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// dialTimeout is how long a connection to a machine that does not answer is
// tried (apiserver-network-proxy, agent: dial timeout).
const dialTimeout = 5 * time.Second

// kubeletServer serves the kubelet APIs of all nodes: one HTTPS server, behind
// connections in memory that know which node was dialled.
type kubeletServer struct {
	f      *Fleet
	server *http.Server
	accept chan net.Conn
	done   chan struct{}

	mu    sync.Mutex
	conns map[*kubeletConn]struct{}
}

// kubeletConn is a connection to one node's kubelet.
type kubeletConn struct {
	net.Conn
	s    *kubeletServer
	node string
}

// Close closes the connection and forgets it.
func (c *kubeletConn) Close() error {
	c.s.mu.Lock()
	delete(c.s.conns, c)
	c.s.mu.Unlock()
	return c.Conn.Close()
}

type nodeKey struct{}

func newKubeletServer(f *Fleet) (*kubeletServer, error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make the kubelets' certificate: %w", err)
	}
	s := &kubeletServer{f: f, accept: make(chan net.Conn), done: make(chan struct{}), conns: map[*kubeletConn]struct{}{}}
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
				ctx = context.WithValue(ctx, nodeKey{}, k.node)
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
func (s *kubeletServer) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		close(s.done)
		s.server.Close()
	})
	defer stop()
	_ = s.server.ServeTLS(s, "", "") // ends with ctx
}

// Accept, Close and Addr make it the net.Listener of its own server.
func (s *kubeletServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.accept:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the server ends with the fleet.
func (s *kubeletServer) Close() error { return nil }

// Addr is a placeholder; connections come from memory.
func (s *kubeletServer) Addr() net.Addr { return &net.TCPAddr{Port: kubeletPort} }

// everyNode stands for the connections to all nodes.
const everyNode = ""

// drop breaks the connections to a node. The fleet's lock may be held.
func (s *kubeletServer) drop(node string) {
	s.mu.Lock()
	var broken []*kubeletConn
	for c := range s.conns {
		if node == everyNode || c.node == node {
			broken = append(broken, c)
		}
	}
	s.mu.Unlock()
	for _, c := range broken {
		c.Close()
	}
}

// DialKubelet connects to the kubelet API of the node at an address such as
// 10.224.0.4:10250; the host may also be the node's name. It fails as a network
// does: "i/o timeout" if the machine does not answer, "connection refused" if
// its kubelet does not run.
func (f *Fleet) DialKubelet(ctx context.Context, address string) (net.Conn, error) {
	m, port, err := f.kubeletAt(address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	answers := m != nil && m.reachable()
	listens := answers && m.kubelet && port == kubeletPort
	f.mu.Unlock()
	switch {
	case !answers:
		return nil, f.timeout(ctx, address)
	case !listens:
		return nil, refused(address)
	}
	client, server := newPipe()
	conn := &kubeletConn{Conn: server, s: f.kubelet, node: m.name}
	f.kubelet.mu.Lock()
	f.kubelet.conns[conn] = struct{}{}
	f.kubelet.mu.Unlock()
	select {
	case f.kubelet.accept <- conn:
		return client, nil
	case <-f.kubelet.done:
		err = refused(address)
	case <-ctx.Done():
		err = timedOut(address)
	}
	conn.Close()
	return nil, err
}

// kubeletAt finds the machine of an address; nil if nobody has it.
func (f *Fleet) kubeletAt(address string) (*machine, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, fmt.Errorf("dial kubelet: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, 0, fmt.Errorf("dial kubelet: port %q is not a number", port)
	}
	if m := f.named(host); m != nil {
		return m, n, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, 0, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return f.at(ip), n, nil
}

// timeout waits as long as one waits for an answer that does not come.
func (f *Fleet) timeout(ctx context.Context, address string) error {
	timer := time.NewTimer(time.Until(tick(time.Now().Add(dialTimeout))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
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
