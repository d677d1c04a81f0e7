// Package traffic is the clients of a cluster, by which availability is judged:
// they send real HTTP requests at a steady rate of virtual time, and every
// result is kept with its time and the reason of a failure.
//
// A [Generator] runs any number of traffics ([Spec]) over a [Network]; each
// has a [Record]. One goroutine starts the requests of all traffics, on common
// instants of each second, so that they share wake-ups of the clock; each request
// is a goroutine of its own, which lives as long as the request waits.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Network is what traffic needs of the cluster's network.
type Network interface {
	// DialService connects from outside, by the load balancer.
	DialService(ctx context.Context, namespace, name string, port int32) (net.Conn, error)
	// Dial connects from a node with host:port.
	Dial(ctx context.Context, node, address string) (net.Conn, error)
	// Port is a Service's first port as clients on a node know it.
	Port(node, namespace, name string) (int32, error)
	// Nodes are the nodes on which clients run now.
	Nodes() []string
	// Backend is the pod that sent a response.
	Backend(*http.Response) string
}

// Generator sends traffic. Its methods may be called from any goroutine.
type Generator struct {
	network Network

	mu      sync.Mutex
	streams map[string]*stream
	changed chan struct{} // closed and replaced when streams change
}

// stream is one traffic.
type stream struct {
	spec   Spec
	target target
	record *Record
	period time.Duration
	next   time.Time // zero if it was stopped
	turn   int       // of the clients inside
}

// New returns a generator that sends nothing yet.
func New(n Network) *Generator {
	return &Generator{network: n, streams: map[string]*stream{}, changed: make(chan struct{})}
}

// Start begins a traffic. Its name must not be in use, unless by one that was
// stopped; that one's results are kept.
func (g *Generator) Start(spec Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	t, err := parseTarget(spec.To)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.streams[spec.Name]
	if old != nil && !old.next.IsZero() {
		return fmt.Errorf("traffic %s runs already", spec.Name)
	}
	s := &stream{spec: spec, target: t, record: NewRecord(spec), period: time.Duration(float64(time.Second) / spec.Rate)}
	if old != nil {
		s.record = old.record
	}
	// From the next whole second on: traffics of one rate share their instants.
	s.next = time.Now().Truncate(time.Second).Add(time.Second)
	g.streams[spec.Name] = s
	g.wake()
	return nil
}

// Stop ends a traffic. Its record stays.
func (g *Generator) Stop(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[name]
	if s == nil || s.next.IsZero() {
		return fmt.Errorf("no traffic %q is running", name)
	}
	s.next = time.Time{}
	g.wake()
	return nil
}

// Record finds the results of a traffic by name.
func (g *Generator) Record(name string) (*Record, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[name]
	if s == nil {
		return nil, false
	}
	return s.record, true
}

// Specs are the traffics that were started, running or not, by name.
func (g *Generator) Specs() []Spec { return g.list(func(*stream) bool { return true }) }

// Running are the traffics that were not stopped, by name: those to start again
// when a cluster resumes.
func (g *Generator) Running() []Spec { return g.list(func(s *stream) bool { return !s.next.IsZero() }) }

func (g *Generator) list(wanted func(*stream) bool) []Spec {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Spec, 0, len(g.streams))
	for _, s := range g.streams {
		if wanted(s) {
			out = append(out, s.spec)
		}
	}
	slices.SortFunc(out, func(a, b Spec) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// wake makes Run look again; the caller holds mu.
func (g *Generator) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// Run sends requests until ctx ends.
func (g *Generator) Run(ctx context.Context) {
	for ctx.Err() == nil {
		due, next, changed := g.due(time.Now())
		for _, s := range due {
			go s.send(ctx, g.network, s.turn)
		}
		var alarm <-chan time.Time
		if !next.IsZero() {
			alarm = time.After(time.Until(next))
		}
		select {
		case <-alarm:
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// catchUp is how late a request may be sent. A clock that goes in steps of a
// second passes several instants at once; none of them is left out.
const catchUp = time.Second

// due takes the traffics whose time has come, and says when the next one's is.
func (g *Generator) due(now time.Time) (due []*stream, next time.Time, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.streams {
		if s.next.IsZero() {
			continue
		}
		for !s.next.After(now) {
			s.turn++
			due = append(due, &stream{spec: s.spec, target: s.target, record: s.record, turn: s.turn})
			s.next = following(s.next, s.spec.Rate, s.period, now.Add(-catchUp))
		}
		if next.IsZero() || s.next.Before(next) {
			next = s.next
		}
	}
	slices.SortFunc(due, func(a, b *stream) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	return due, next, g.changed
}

// following is the instant of the next request after last. Whole rates keep to
// fixed fractions of each second, without rounding away from them. What was
// missed, because the clock was ahead, is not made up for.
func following(last time.Time, rate float64, period time.Duration, now time.Time) time.Time {
	if late := now.Sub(last); late > period {
		last = last.Add(late.Truncate(period))
	}
	if rate < 1 || rate != math.Trunc(rate) {
		return last.Add(period)
	}
	second := last.Truncate(time.Second)
	k := math.Round(last.Sub(second).Seconds()*rate) + 1
	return second.Add(time.Duration(k * float64(time.Second) / rate))
}

// send sends one request and records what became of it.
func (s *stream) send(ctx context.Context, n Network, turn int) {
	start := time.Now()
	r := Result{Time: start}
	limit := s.spec.Timeout
	if limit == 0 {
		limit = DefaultTimeout
	}
	rctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := s.ask(rctx, n, turn)
	switch {
	case errors.Is(err, errNoClient) || ctx.Err() != nil:
		return // nobody asked
	case err != nil:
		r.Reason = reason(err)
	default:
		r.Status, r.Backend = resp.StatusCode, n.Backend(resp)
		if resp.StatusCode >= 400 {
			r.Reason = fmt.Sprintf("HTTP %d", resp.StatusCode)
		}
	}
	r.Latency = time.Since(start)
	s.record.Add(r)
}

var errNoClient = errors.New("the client's machine does not run")

func (s *stream) ask(ctx context.Context, n Network, turn int) (*http.Response, error) {
	node, err := s.client(n, turn)
	if err != nil {
		return nil, err
	}
	u, dial, err := s.route(n, node)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d) // pipes take deadlines
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	if s.spec.Host != "" {
		req.Host = s.spec.Host
	}
	req.Close = true
	req.Header.Set("User-Agent", "demarc-traffic/"+s.spec.Name)
	return exchange(conn, req)
}

// client is the node whose client asks now; empty for outside.
func (s *stream) client(n Network, turn int) (string, error) {
	if s.spec.From == "outside" {
		return "", nil
	}
	running := n.Nodes()
	if want, ok := strings.CutPrefix(s.spec.From, "node/"); ok {
		if !slices.Contains(running, want) {
			return "", errNoClient
		}
		return want, nil
	}
	if len(running) == 0 {
		return "", errNoClient
	}
	return running[turn%len(running)], nil
}

// route is the URL to ask and the way to get there.
func (s *stream) route(n Network, node string) (string, func(context.Context) (net.Conn, error), error) {
	t, path := s.target, s.spec.Path
	if t.url != nil {
		host := t.url.Host
		if t.url.Port() == "" {
			host = net.JoinHostPort(t.url.Hostname(), "80")
		}
		u := t.url
		if path != "" {
			var err error
			if u, err = u.Parse(path); err != nil {
				return "", nil, err
			}
		}
		return u.String(), func(ctx context.Context) (net.Conn, error) { return n.Dial(ctx, node, host) }, nil
	}
	if path == "" {
		path = "/"
	}
	if node == "" {
		return "http://" + t.service + "." + t.namespace + path, func(ctx context.Context) (net.Conn, error) {
			return n.DialService(ctx, t.namespace, t.service, t.port)
		}, nil
	}
	port := t.port
	if port == 0 {
		var err error
		if port, err = n.Port(node, t.namespace, t.service); err != nil {
			return "", nil, &net.DNSError{Err: "no such host", Name: t.service + "." + t.namespace, IsNotFound: true}
		}
	}
	host := fmt.Sprintf("%s.%s.svc.cluster.local:%d", t.service, t.namespace, port)
	return "http://" + host + path, func(ctx context.Context) (net.Conn, error) { return n.Dial(ctx, node, host) }, nil
}

// reason is why a request failed, in the words of package net.
func reason(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsTimeout:
		return "dns: i/o timeout"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "dns: no such host"
	case errors.As(err, &dns) && strings.Contains(dns.Err, syscall.ECONNREFUSED.Error()):
		return "dns: connection refused"
	case errors.As(err, &dns):
		return "dns: " + dns.Err
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "i/o timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	}
	return err.Error()
}
