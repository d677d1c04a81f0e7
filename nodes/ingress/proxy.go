package ingress

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Times and tries of nginx as the program configures it by default (ingress-nginx, ConfigMap:
// proxy-connect-timeout, proxy-read-timeout, proxy-next-upstream-tries).
const (
	connectTimeout = 5 * time.Second
	readTimeout    = 60 * time.Second
	maxTries       = 3
)

// Listens says whether something answers at a port: nginx does not before its first table.
func (c *Controller) Listens(port int32) bool {
	o := c.options.Load()
	switch {
	case o == nil:
		return false
	case port == o.http || port == o.https:
		return c.table.Load() != nil
	}
	return true
}

// dialled is the port at which a request has come.
func dialled(r *http.Request) int32 {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return int32(at.Port)
	}
	return 0
}

// ServeHTTP implements [http.Handler].
func (c *Controller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, t := c.options.Load(), c.table.Load()
	if o == nil {
		panic(http.ErrAbortHandler) // it has just ended
	}
	switch port := dialled(r); {
	case port == o.health && r.URL.Path == o.healthPath:
		if t == nil {
			http.Error(w, "[+]ping ok\n[-]nginx-ingress-controller failed: reason withheld\nhealthz check failed", http.StatusInternalServerError)
			return
		}
		say(w, http.StatusOK, "ok")
	case port != o.http && port != o.https:
		say(w, http.StatusOK, "")
	case t == nil:
		panic(http.ErrAbortHandler)
	default:
		c.route(w, r, t, port == o.https)
	}
}

// say answers with a text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // ends when the client does
}

// page answers as nginx does that has nothing else.
func page(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	if status == http.StatusServiceUnavailable {
		text = "Service Temporarily Unavailable"
	}
	if status == http.StatusGatewayTimeout {
		text = "Gateway Time-out"
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%[1]d %[2]s</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", status, text)
}

// served is what the access log says of a request.
type served struct {
	http.ResponseWriter
	status int
	bytes  int64
	u      *upstream
	at     string // the endpoint that was asked last
	id     string
	began  time.Time
}

// WriteHeader implements [http.ResponseWriter].
func (s *served) WriteHeader(status int) {
	if s.status == 0 || s.status < http.StatusOK {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *served) Write(b []byte) (int, error) {
	s.status = cmp.Or(s.status, http.StatusOK)
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}

// Unwrap lets a response controller reach the writer below.
func (s *served) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// route sends a request where the table says.
func (c *Controller) route(w http.ResponseWriter, r *http.Request, t *table, secure bool) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	s := &served{ResponseWriter: w, id: hex.EncodeToString(id), began: time.Now()}
	defer c.accessed(s, r, r.URL.RequestURI())
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	v, l := t.find(host, r.URL.Path)
	if secure && v.tls {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	switch {
	case l == nil && t.otherwise != nil:
		l = &location{upstream: t.otherwise}
	case l == nil:
		s.u = &upstream{name: "upstream-default-backend"}
		page(s, http.StatusNotFound)
		return
	}
	if s.u = l.upstream; !secure && (l.redirect && v.tls || l.force) {
		to := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		page(s, http.StatusPermanentRedirect)
		return
	}
	endpoints := l.upstream.take()
	if len(endpoints) == 0 {
		page(s, http.StatusServiceUnavailable)
		return
	}
	c.forward(s, r, l, endpoints, secure)
}

// forward sends a request to an endpoint, and to the next one if that does not answer.
func (c *Controller) forward(s *served, r *http.Request, l *location, endpoints []string, secure bool) {
	clear := func(h http.Header) {
		for name := range h {
			delete(h, name)
		}
	}
	kept := s.Header().Clone()
	clear(s.Header()) // which pod has answered is the backend's to say
	for name, values := range kept {
		if name == "Strict-Transport-Security" {
			s.Header()[name] = values
		}
	}
	p := httputil.ReverseProxy{
		Transport: &tries{c: c, s: s, endpoints: endpoints[:min(len(endpoints), maxTries)], https: l.https},
		Rewrite: func(q *httputil.ProxyRequest) {
			q.Out.Host = r.Host
			q.Out.URL.Host = endpoints[0]
			if q.Out.URL.Scheme = "http"; l.https {
				q.Out.URL.Scheme = "https"
			}
			if l.rewrite != "" {
				q.Out.URL.Path, q.Out.URL.RawPath = l.rewritten(r.URL.Path), ""
			}
			s.forwarded(q.Out.Header, r, secure)
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			var late net.Error
			switch {
			case errors.Is(err, context.Canceled):
				s.status = 499 // nginx's word for a client that has gone
			case errors.As(err, &late) && late.Timeout(), errors.Is(err, context.DeadlineExceeded):
				page(s, http.StatusGatewayTimeout)
			default:
				page(s, http.StatusBadGateway)
			}
		},
		ErrorLog: log.New(io.Discard, "", 0), // the access log has it
	}
	p.ServeHTTP(s, r)
}

// forwarded sets the headers that tell a backend of the client.
func (s *served) forwarded(h http.Header, r *http.Request, secure bool) {
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	scheme, port := "http", "80"
	if secure {
		scheme, port = "https", "443"
	}
	for name, value := range map[string]string{
		"X-Request-Id": s.id, "X-Real-Ip": client, "X-Forwarded-For": client, "X-Forwarded-Host": r.Host,
		"X-Forwarded-Port": port, "X-Forwarded-Proto": scheme, "X-Forwarded-Scheme": scheme, "X-Scheme": scheme,
	} {
		h.Set(name, value)
	}
}

// group is a group of a regular expression in the target of a rewrite, as nginx writes it.
var group = regexp.MustCompile(`\$(\d)`)

// rewritten is the path that a backend is asked for.
func (l *location) rewritten(path string) string {
	to := l.rewrite
	if l.re != nil {
		if m := l.re.FindStringSubmatchIndex(path); m != nil {
			to = string(l.re.ExpandString(nil, group.ReplaceAllString(to, "$${$1}"), path, m))
		}
	}
	if !strings.HasPrefix(to, "/") {
		to = "/" + to
	}
	return to
}

// tries is how a request gets to an endpoint: a connection of its own, and another endpoint if
// one does not answer and the request may be sent twice.
type tries struct {
	c         *Controller
	s         *served
	endpoints []string
	https     bool
}

// RoundTrip implements [http.RoundTripper].
func (t *tries) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	var body []byte
	again := !slices.Contains([]string{http.MethodPost, http.MethodPatch, "LOCK"}, r.Method)
	if again && r.Body != nil && r.Body != http.NoBody {
		const most = 1 << 20 // proxy-body-size
		if body, err = io.ReadAll(io.LimitReader(r.Body, most+1)); err != nil {
			return nil, err
		}
		if again = len(body) <= most; !again {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
		}
	}
	if !again && r.Body != nil {
		r.Body = io.NopCloser(r.Body) // which an endpoint that cannot be reached does not read
	}
	for _, at := range t.endpoints {
		if t.s.at = at; again && body != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if resp, err = t.transport(at).RoundTrip(r); err == nil || r.Context().Err() != nil {
			return resp, err
		}
		if op := (*net.OpError)(nil); !again && !(errors.As(err, &op) && op.Op == "dial") {
			return nil, err
		}
	}
	return resp, err
}

// transport opens a connection with an endpoint, for one request.
func (t *tries) transport(at string) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: readTimeout,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as nginx: proxy_ssl_verify off
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			return t.c.pod.Dial(ctx, network, at)
		},
	}
}

// accessed writes a line into the access log, in the form that the program gives nginx
// (log-format-upstream).
func (c *Controller) accessed(s *served, r *http.Request, uri string) {
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	took := fmt.Sprintf("%.3f", time.Since(s.began).Seconds())
	name, at, length, status := "", "-", "-", "-"
	if s.u != nil {
		name = s.u.name
	}
	if s.at != "" {
		at, length, status = s.at, fmt.Sprint(s.bytes), fmt.Sprint(s.status)
	}
	c.write(fmt.Sprintf(`%s - - [%s] "%s %s %s" %d %d "%s" "%s" %d %s [%s] [] %s %s %s %s %s`,
		client, s.began.UTC().Format("02/Jan/2006:15:04:05 -0700"), r.Method, uri, r.Proto, s.status, s.bytes,
		cmp.Or(r.Referer(), "-"), cmp.Or(r.UserAgent(), "-"), r.ContentLength, took, name, at, length, took, status, s.id))
}
