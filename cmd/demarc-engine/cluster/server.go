package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/disk"
	"demarc/sim/fault"
	"demarc/sim/traffic"
)

// Server answers the management API of an engine. It answers before the
// cluster is ready, so that its start can be followed.
type Server struct {
	cluster  *Cluster
	handle   api.Handle
	director string // the director's token
	listener net.Listener
	http     *http.Server
	stop     chan struct{}
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
		cluster: c, director: director, listener: l, stop: make(chan struct{}, 1),
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
	s.http = &http.Server{Handler: s.guard(s.handlers()), ConnState: noteState, ConnContext: withClient, MaxHeaderBytes: 64 << 10}
	go func() { _ = s.http.Serve(all) }() // ends with Close
	clock.EveryReal(patrol, all.closeSlow)
	return s, nil
}

func (s *Server) file() string { return filepath.Join(s.cluster.dir, "engine.json") }

// StopRequested receives when somebody asks the engine to end.
func (s *Server) StopRequested() <-chan struct{} { return s.stop }

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

// handlers answer the routes of the management API, by their patterns.
type handlers map[string]http.HandlerFunc

// HandleFunc sets the handler of a route.
func (h handlers) HandleFunc(pattern string, f http.HandlerFunc) { h[pattern] = f }

func (s *Server) handlers() handlers {
	c, mux := s.cluster, handlers{}
	mux.HandleFunc("GET "+api.PathStatus, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Status()) })
	mux.HandleFunc("GET "+api.PathClock, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.dial.Clock()) })
	mux.HandleFunc("PUT "+api.PathClock, posted(func(_ context.Context, _ *http.Request, req api.ClockRequest) (any, error) {
		err := c.dial.Set(req.Rate, req.Until)
		return c.dial.Clock(), err
	}))
	mux.HandleFunc("POST "+api.PathTraffic, posted(func(_ context.Context, _ *http.Request, spec traffic.Spec) (any, error) {
		return spec, c.StartTraffic(spec)
	}))
	mux.HandleFunc("DELETE "+api.PathTraffic+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, c.StopTraffic(r.PathValue("name")))
	})
	mux.HandleFunc("GET "+api.PathTimeline, func(w http.ResponseWriter, r *http.Request) {
		events, _ := c.log.Kept(number(r, "from"))
		reply(w, events)
	})
	s.faultRoutes(mux)
	s.providerRoutes(mux)
	s.nodeRoutes(mux)
	s.featureRoutes(mux)
	s.supportRoutes(mux)
	s.upgradeRoutes(mux)
	s.nodePoolRoutes(mux)
	s.contractRoutes(mux)
	s.patchRoutes(mux)
	mux.HandleFunc("GET "+api.PathStream, s.stream)
	mux.HandleFunc("GET "+api.PathReport, func(w http.ResponseWriter, _ *http.Request) {
		if r := c.drill.report(); r != nil {
			reply(w, r)
			return
		}
		fail(w, http.StatusNotFound, errors.New("no scenario has ended in this engine"))
	})
	mux.HandleFunc("POST "+api.PathStop, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, struct{}{})
		select {
		case s.stop <- struct{}{}:
		default: // asked already
		}
	})
	mux.HandleFunc("GET "+api.PathStacks, func(w http.ResponseWriter, _ *http.Request) {
		_ = pprof.Lookup("goroutine").WriteTo(w, 2) // the client is gone if it fails
	})
	mux.HandleFunc("GET "+api.PathMetrics, c.telemetry.metrics().ServeHTTP)
	return mux
}

// faultRoutes are what breaks things, and mends them.
func (s *Server) faultRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathFaults, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Faults()) })
	mux.HandleFunc("POST "+api.PathFaults, posted(func(ctx context.Context, r *http.Request, spec fault.Spec) (any, error) {
		a, err := c.InjectAs(ctx, s.role(r), spec)
		return a, errors.Join(err, c.saveState())
	}))
	mux.HandleFunc("DELETE "+api.PathFault+"{id}", func(w http.ResponseWriter, r *http.Request) {
		err := c.Heal(context.WithoutCancel(r.Context()), s.role(r), r.PathValue("id"))
		answer(w, struct{}{}, errors.Join(err, c.saveState()))
	})
}

func number(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
