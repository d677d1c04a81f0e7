package cluster

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/disk"
)

// Server answers the management API of an engine. It answers before the
// cluster is ready, so that its start can be followed.
type Server struct {
	cluster  *Cluster
	handle   api.Handle
	director string // the director's token
	listener net.Listener
	http     *http.Server
}

// NewServer opens a loopback port and writes the handle to DIR/engine.json.
func NewServer(c *Cluster) (*Server, error) {
	director, err := c.token(api.RoleDirector)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		cluster: c, director: director, listener: l,
		handle: api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: api.NewToken()},
	}
	b, err := json.Marshal(s.handle)
	if err == nil {
		err = disk.Replace(s.file(), b, false)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	all := newClients(l)
	s.http = &http.Server{Handler: s.handler(), ConnState: noteState, ConnContext: withClient, MaxHeaderBytes: 64 << 10}
	go func() { _ = s.http.Serve(all) }() // ends with Close
	clock.EveryReal(patrol, all.closeSlow)
	return s, nil
}

func (s *Server) file() string { return filepath.Join(s.cluster.dir, "engine.json") }

// StopRequested receives when somebody asks the engine to end.
func (s *Server) StopRequested() <-chan struct{} { return s.cluster.stop }

// Close ends the server and removes its handle. Answers under way have a
// moment to leave.
func (s *Server) Close() {
	os.Remove(s.file())
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}
