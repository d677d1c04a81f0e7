package sim

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/disk"
	"demarc/sim/fault"
	"demarc/sim/traffic"
)

// Server answers the management API of an engine. It answers before the
// cluster is ready, so that its start can be followed.
type Server struct {
	cluster  *Cluster
	handle   api.Handle
	listener net.Listener
	http     *http.Server
	stop     chan struct{}
}

// NewServer opens a loopback port and writes the handle to DIR/engine.json.
func NewServer(c *Cluster) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		cluster: c, listener: l, stop: make(chan struct{}, 1),
		handle: api.Handle{PID: os.Getpid(), Address: l.Addr().String(), Token: newSecret()},
	}
	b, err := json.Marshal(s.handle)
	if err == nil {
		err = disk.Replace(s.file(), b, false)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	s.http = &http.Server{Handler: s.authenticate(s.routes())}
	go func() { _ = s.http.Serve(l) }() // ends with Close
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

func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.role(r) == "" {
			fail(w, http.StatusUnauthorized, errors.New("the management API wants the token of the cluster's engine.json"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// role is on whose behalf a request speaks; empty for nobody's. The provider may
// do all that a customer may.
func (s *Server) role(r *http.Request) api.Role {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	is := func(secret string) bool { return subtle.ConstantTimeCompare([]byte(token), []byte(secret)) == 1 }
	switch {
	case is(s.cluster.operations.token):
		return api.RoleProvider
	case is(s.handle.Token):
		return api.RoleCustomer
	}
	return ""
}

func (s *Server) routes() http.Handler {
	c, mux := s.cluster, http.NewServeMux()
	mux.HandleFunc("GET "+api.PathStatus, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Status()) })
	mux.HandleFunc("GET "+api.PathClock, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.dial.Clock()) })
	mux.HandleFunc("PUT "+api.PathClock, func(w http.ResponseWriter, r *http.Request) {
		var req api.ClockRequest
		if !read(w, r, &req) {
			return
		}
		if err := c.dial.Set(req.Rate, req.Until); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		reply(w, c.dial.Clock())
	})
	mux.HandleFunc("GET "+api.PathFaults, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Faults()) })
	mux.HandleFunc("POST "+api.PathFaults, func(w http.ResponseWriter, r *http.Request) {
		var spec fault.Spec
		if !read(w, r, &spec) {
			return
		}
		a, err := c.Inject(r.Context(), spec)
		answer(w, a, errors.Join(err, c.saveState()))
	})
	mux.HandleFunc("DELETE "+api.PathFault+"{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, c.Heal(r.Context(), r.PathValue("id")))
	})
	mux.HandleFunc("POST "+api.PathTraffic, func(w http.ResponseWriter, r *http.Request) {
		var spec traffic.Spec
		if read(w, r, &spec) {
			answer(w, spec, c.StartTraffic(spec))
		}
	})
	mux.HandleFunc("DELETE "+api.PathTraffic+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, c.StopTraffic(r.PathValue("name")))
	})
	mux.HandleFunc("GET "+api.PathTimeline, func(w http.ResponseWriter, r *http.Request) {
		events, _ := c.log.Since(number(r, "from"))
		reply(w, events)
	})
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
	mux.Handle("GET "+api.PathMetrics, c.telemetry.metrics())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, errors.New("no such thing in the management API: "+r.Method+" "+r.URL.Path))
	})
	return mux
}

// stream sends the timeline, and the steps of the drill, from the beginning or
// from where the client left off, until the drill ends or the client goes.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		fail(w, http.StatusInternalServerError, errors.New("cannot stream"))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	seq, step := number(r, "from"), int(number(r, "drill"))
	for {
		events, moreEvents := s.cluster.log.Since(seq)
		steps, end, moreSteps := s.cluster.drill.since(step)
		for _, e := range events {
			seq = e.Seq
			send(w, api.StreamTimeline, e)
		}
		for _, x := range steps {
			step = x.N
			send(w, api.StreamDrill, x)
		}
		if end != nil {
			send(w, api.StreamEnd, end)
		}
		flusher.Flush()
		if end != nil {
			return
		}
		select {
		case <-moreEvents:
		case <-moreSteps:
		case <-r.Context().Done():
			return
		case <-s.cluster.ctx.Done():
			return
		}
	}
}

func send(w http.ResponseWriter, event string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		return // these types always marshal
	}
	// A client that has gone is noticed by its context.
	_, _ = w.Write([]byte("event: " + event + "\ndata: " + string(b) + "\n\n"))
}

func number(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	reply(w, v)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone if it fails
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
