// Package server answers the management API of an engine over HTTP: it asks for the
// actions of package sim/api on behalf of whoever has the token of a role.
//
// [New] opens a loopback port and writes the handle of the engine; [Server] is also an
// [http.Handler]. The routes come from the API's table: what is not an action of a role
// here is the stream of what happens, and the metrics.
package server

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/disk"
	"demarc/sim/timeline"
)

// Config is what a [Server] has of its cluster.
type Config struct {
	// Dir is the cluster's: the handle is engine.json there.
	Dir string
	// Tokens are those of the provider and of the director. A customer's is made, and in
	// the handle.
	Tokens map[api.Role]string
	// Actions are what each role can ask for, and Allow refuses it what it may not.
	Actions  map[api.Role]*api.Actions
	Allow    func(*api.Route, api.Role) error
	Timeline *timeline.Log
	// Drill is the scenario that the engine runs; nil for none.
	Drill   *Drill
	Metrics http.Handler
	// Context ends with the cluster.
	Context context.Context
}

// Server answers the management API of an engine. It answers before the
// cluster is ready, so that its start can be followed.
type Server struct {
	Config
	mux    *http.ServeMux
	routes map[string]*api.Route // by their patterns
	http   *http.Server
}

// New opens a loopback port and writes the handle.
func New(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	handle := api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: api.NewToken()}
	cfg.Tokens = maps.Clone(cfg.Tokens)
	cfg.Tokens[api.RoleCustomer] = handle.Token
	s := newServer(cfg)
	b, err := json.Marshal(handle)
	if err == nil {
		err = disk.Replace(s.file(), b, false)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	all := newClients(l)
	s.http = &http.Server{Handler: s, ConnState: noteState, ConnContext: withClient, MaxHeaderBytes: 64 << 10}
	go func() { _ = s.http.Serve(all) }() // ends with Close
	clock.EveryReal(patrol, all.closeSlow)
	return s, nil
}

// newServer makes a server without a port.
func newServer(cfg Config) *Server {
	s := &Server{Config: cfg, mux: http.NewServeMux(), routes: map[string]*api.Route{}}
	for _, route := range api.Routes() {
		s.mux.HandleFunc(route.Pattern(), func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, route) })
		s.routes[route.Pattern()] = route
	}
	return s
}

func (s *Server) file() string { return filepath.Join(s.Dir, "engine.json") }

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
