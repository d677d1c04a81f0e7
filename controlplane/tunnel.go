package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// TunnelDialer reaches an address in the cluster's network from a node on which
// a tunnel agent runs. ErrNoTunnel says that there is none.
type TunnelDialer func(ctx context.Context, address string) (net.Conn, error)

// tunnelTimeout bounds one dial through the tunnel: konnectivity's default
// (apiserver-network-proxy, pkg/server, dial timeout).
const tunnelTimeout = 30 * time.Second

// tunnel is the server side of a path from the API server to the nodes, or to
// webhooks by URL: an HTTP CONNECT proxy, as konnectivity-server is one.
//
// It listens on a Unix socket, as konnectivity-server does beside its API
// server.
type tunnel struct {
	socket string
	temp   string // a folder to remove, if there is one
	server *http.Server
}

// maxSocketPath is the longest path that a Unix socket can have everywhere.
const maxSocketPath = 100

// noTunnel is the status line that says that a node cannot be reached.
func noTunnel(error) string { return "500 Internal Server Error" }

// newTunnel listens on a socket of that name in dir, or if its path is too long
// for that in a temporary folder. What cannot be dialled is refused with a status
// line.
func newTunnel(dir, name string, dial TunnelDialer, refusal func(error) string) (*tunnel, error) {
	t := &tunnel{socket: filepath.Join(dir, name), server: &http.Server{Handler: connectHandler(dial, refusal)}}
	if len(t.socket) > maxSocketPath {
		temp, err := os.MkdirTemp("", "demarc-")
		if err != nil {
			return nil, err
		}
		t.temp, t.socket = temp, filepath.Join(temp, name)
	}
	_ = os.Remove(t.socket) // left behind by an engine that was killed, if it is there
	l, err := net.Listen("unix", t.socket)
	if err == nil {
		err = os.Chmod(t.socket, 0o600)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	go func() { _ = t.server.Serve(l) }() // ends with close
	return t, nil
}

func (t *tunnel) close() {
	t.server.Close()
	if t.temp != "" {
		os.RemoveAll(t.temp)
	}
}

func connectHandler(dial TunnelDialer, refusal func(error) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "this proxy only supports CONNECT passthrough", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), tunnelTimeout)
		defer cancel()
		out, refused := dial(ctx, r.Host)
		in, buf, err := w.(http.Hijacker).Hijack()
		if refused != nil && err == nil {
			fmt.Fprintf(in, "HTTP/1.1 %s\r\n\r\n", refusal(refused)) // to whoever has not gone away
			in.Close()
			return
		}
		if err != nil {
			if out != nil {
				out.Close()
			}
			return
		}
		_, err = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		if err != nil || buf.Reader.Buffered() > 0 { // TLS: the client waits for us
			in.Close()
			out.Close()
			return
		}
		go func() {
			_, _ = io.Copy(out, in) // ends when either side does
			out.Close()
		}()
		_, _ = io.Copy(in, out)
		in.Close()
		out.Close()
	}
}

// dialAggregated has an API server reach aggregated APIs through the tunnel by calls: it asks
// each of them ten times a minute whether it is there.
func (p *Plane) dialAggregated(config *app.Config) {
	if p.cfg.Tunnel == nil {
		return
	}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, tunnelTimeout)
		defer cancel()
		return p.cfg.Tunnel(ctx, address)
	}
	config.Aggregator.GenericConfig.EgressSelector = egressselector.NewEgressSelectorWithMap(map[egressselector.EgressType]utilnet.DialFunc{egressselector.Cluster: dial})
}
