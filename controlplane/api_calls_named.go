package controlplane

import (
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
)

// namedScheme is that of the URLs of ways to the API servers that have a name.
const namedScheme = "memory"

// namedCalls is a way to the API servers for a program that is told where they are, by a
// kubeconfig: client-go asks net/http's default transport, which knows the scheme.
type namedCalls struct {
	*apiCalls
	url  string
	name string
}

// named are all such ways of the process, by name. It implements [http.RoundTripper].
type named struct{ ways sync.Map }

var ways = &named{}

func init() { http.DefaultTransport.(*http.Transport).RegisterProtocol(namedScheme, ways) }

// nameCalls gives a way a name that nobody guesses.
func nameCalls(x *apiCalls) *namedCalls {
	n := &namedCalls{apiCalls: x, name: rand.Text()}
	n.url = namedScheme + "://" + n.name
	ways.ways.Store(n.name, n)
	return n
}

// close closes the way, and takes its name away.
func (n *namedCalls) close() {
	ways.ways.Delete(n.name)
	n.apiCalls.close()
}

// RoundTrip implements [http.RoundTripper].
func (w *named) RoundTrip(r *http.Request) (*http.Response, error) {
	if n, ok := w.ways.Load(r.URL.Host); ok {
		return n.(*namedCalls).RoundTrip(r)
	}
	if r.Body != nil {
		r.Body.Close()
	}
	return nil, &net.OpError{Op: "dial", Net: namedScheme, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}
