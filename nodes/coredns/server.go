package coredns

import (
	"cmp"
	"context"
	"crypto/sha512"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/nodes/network"
)

// Server is a CoreDNS that runs. Its methods may be called from any goroutine.
type Server struct {
	file    string
	env     func(string) string
	started time.Time

	mu     sync.Mutex
	config *config
	seen   [sha512.Size]byte // what was read last, be it broken
	out    io.Writer
}

var _ network.NameServer = (*Server)(nil)

// config is a Corefile that is in force.
type config struct {
	files  Files
	sum    [sha512.Size]byte
	zones  []*zone
	reload time.Duration // 0 is never
	ready  bool
	health bool
	// metrics says that the plugin prometheus is there.
	metrics  bool
	warnings []string
}

// zone is one of the zones that a server block is for.
type zone struct {
	name string // "" is the root
	port int
	*chain
}

// chain is the plugins of a server block.
type chain struct {
	plugins []plugin
	errors  bool // they are logged
	log     bool // every question is
	shuffle bool
}

// plugin answers a question, or passes it on.
type plugin interface {
	serve(ctx context.Context, q query, next func(context.Context, query) network.Reply) network.Reply
}

// query is a question on its way through a chain.
type query struct {
	name, kind string
	tcp        bool
	at         network.Standpoint
	// whole is the chain, for who looks up another name, and nested how often that was done.
	whole  *chain
	nested int
	// failed takes why there is no answer.
	failed func(error)
}

// Load makes a server of a Corefile. An error is what CoreDNS says before it ends with 1.
// Env has the variables of the environment; jitter below 1 says when in its period the
// server looks for changes.
func Load(file string, files Files, env func(string) string, now time.Time, jitter float64) (*Server, error) {
	c, err := load(file, files, env, jitter)
	if err != nil {
		return nil, err
	}
	return &Server{file: file, env: env, started: now, config: c, seen: c.sum, out: io.Discard}, nil
}

// LogTo has the server log there.
func (s *Server) LogTo(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = w
}

// Ports are those where it answers: names at the first ones.
func (s *Server) Ports() (names, web []int32) {
	c := s.now()
	for _, z := range c.zones {
		if !slices.Contains(names, int32(z.port)) {
			names = append(names, int32(z.port))
		}
	}
	for port, on := range map[int32]bool{healthPort: c.health, readyPort: c.ready, metricsPort: c.metrics} {
		if on {
			web = append(web, port)
		}
	}
	slices.Sort(web)
	return names, web
}

// Where plugins answer requests of HTTP unless they are told otherwise (CoreDNS, plugins
// health, ready and prometheus).
const (
	healthPort  = 8080
	readyPort   = 8181
	metricsPort = 9153
)

func (s *Server) now() *config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// File is the path of its Corefile.
func (s *Server) File() string { return s.file }

// Files are the configuration in force.
func (s *Server) Files() Files { return s.now().files }

// Greeting is what it logs when it starts.
func (s *Server) Greeting(version string) (lines []string) {
	c := s.now()
	for _, w := range c.warnings {
		lines = append(lines, "[WARNING] "+w)
	}
	for _, z := range c.zones {
		lines = append(lines, fmt.Sprintf("%s.:%d", z.name, z.port))
	}
	if c.reload > 0 {
		lines = append(lines, running(c))
	}
	return append(lines, "CoreDNS-"+cmp.Or(strings.TrimPrefix(version, "v"), "1.12.1"), "linux/amd64")
}

func running(c *config) string {
	return fmt.Sprintf("[INFO] plugin/reload: Running configuration SHA512 = %x", c.sum)
}

// LooksAt is when the server looks for changes next: the zero time is never.
func (s *Server) LooksAt(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	every := s.config.reload
	if every == 0 {
		return time.Time{}
	}
	return s.started.Add(now.Sub(s.started).Truncate(every) + every)
}

// Reload takes over a configuration that has changed. If it is broken the server says so,
// and goes on with the one it has; the same one is not tried again.
func (s *Server) Reload(files Files, jitter float64) {
	p := parser{files: files, env: s.env, file: s.file}
	if blocks, err := p.parse(); err != nil {
		s.say("[WARNING] plugin/reload: Corefile parse failed: %s", err)
		return
	} else if sum := sumOf(blocks); sum == s.sawLast(sum) {
		return
	}
	s.say("[INFO] Reloading")
	c, err := load(s.file, files, s.env, jitter)
	if err != nil {
		s.say("[ERROR] Restart failed: %s", err)
		s.say("[ERROR] plugin/reload: Corefile changed but reload failed: %s", err)
		return
	}
	s.mu.Lock()
	s.config = c
	s.mu.Unlock()
	for _, w := range c.warnings {
		s.say("[WARNING] %s", w)
	}
	if c.reload > 0 {
		s.say("%s", running(c))
	}
	s.say("[INFO] Reloading complete")
}

// sawLast notes what was read, and returns what was read before.
func (s *Server) sawLast(sum [sha512.Size]byte) (before [sha512.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.seen = s.seen, sum
	return before
}

func (s *Server) say(format string, args ...any) {
	s.mu.Lock()
	out := s.out
	s.mu.Unlock()
	fmt.Fprintf(out, format+"\n", args...)
}

// sumOf is a sum of what blocks say, whatever their lines look like.
func sumOf(blocks []block) [sha512.Size]byte {
	h := sha512.New()
	for _, b := range blocks {
		fmt.Fprintf(h, "%q\n", b.keys)
		for _, d := range b.directives {
			for _, t := range d {
				fmt.Fprintf(h, "%q %s:%d\n", t.text, t.file, t.line)
			}
		}
	}
	return [sha512.Size]byte(h.Sum(nil))
}

// At is the server at one of its ports.
func (s *Server) At(port int32) network.NameServer { return listener{s, int(port)} }

// listener is a server at a port.
type listener struct {
	*Server
	port int
}

// ServeDNS implements [network.NameServer].
func (l listener) ServeDNS(ctx context.Context, q network.Question, at network.Standpoint) network.Reply {
	return l.serve(ctx, l.port, q, at)
}

// ServeDNS implements [network.NameServer]: it answers at the port of DNS.
func (s *Server) ServeDNS(ctx context.Context, q network.Question, at network.Standpoint) network.Reply {
	return s.serve(ctx, dnsPort, q, at)
}

const dnsPort = 53

func (s *Server) serve(ctx context.Context, port int, q network.Question, at network.Standpoint) network.Reply {
	name := normal(q.Name)
	z := s.now().zone(name, port)
	if z == nil {
		return network.Reply{Code: network.Refused}
	}
	var failure error
	began := time.Now()
	r := z.answer(ctx, query{name: name, kind: q.Type, tcp: q.TCP, at: at, whole: z.chain, failed: func(err error) { failure = err }})
	if z.errors && failure != nil {
		s.say("[ERROR] plugin/errors: 2 %s. %s: %s", name, q.Type, failure)
	}
	if z.log {
		s.say("[INFO] - \"%s IN %s. udp %d false 512\" %s %.9fs", q.Type, name, len(name)+18, r.Code, time.Since(began).Seconds())
	}
	if z.shuffle && len(r.Records) > 1 {
		r.Records = network.Rotate(r.Records, at.Random)
	}
	return r
}

// zone is the most specific one that a name is in.
func (c *config) zone(name string, port int) (best *zone) {
	for _, z := range c.zones {
		if z.port == port && inZone(name, z.name) && (best == nil || len(z.name) > len(best.name)) {
			best = z
		}
	}
	return best
}

// inZone says whether a name is that of a zone, or below it.
func inZone(name, zone string) bool {
	rest, ok := strings.CutSuffix(name, zone)
	return ok && (zone == "" || rest == "" || rest[len(rest)-1] == '.')
}

// inZones says so of one of several; none are all.
func inZones(name string, zones []string) bool {
	return slices.ContainsFunc(zones, func(z string) bool { return inZone(name, z) })
}

// answer takes a question through the chain. What no plugin answers fails.
func (c *chain) answer(ctx context.Context, q query) network.Reply { return c.from(0)(ctx, q) }

func (c *chain) from(n int) func(context.Context, query) network.Reply {
	return func(ctx context.Context, q query) network.Reply {
		if n == len(c.plugins) {
			q.failed(errNoPlugin)
			return network.Reply{Code: network.ServFail}
		}
		return c.plugins[n].serve(ctx, q, c.from(n+1))
	}
}

var errNoPlugin = fmt.Errorf("no next plugin found")

// maxNested is how many names are looked up for one question: what aliases stand for.
const maxNested = 8

// follow adds what the alias at the end of an answer stands for.
func follow(ctx context.Context, q query, r network.Reply) network.Reply {
	n := len(r.Records)
	if n == 0 || r.Records[n-1].Type != "CNAME" || q.kind == "CNAME" || q.nested >= maxNested {
		return r
	}
	q.name, q.nested = normal(r.Records[n-1].Data), q.nested+1
	more := q.whole.answer(ctx, q)
	r.Records = append(slices.Clip(r.Records), more.Records...)
	r.TTL = min(r.TTL, more.TTL)
	return r
}
