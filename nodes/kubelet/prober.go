package kubelet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/network"
	"demarc/nodes/program"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// question is a probe on its way: everything it needs, taken under the lock.
type question struct {
	c       *container
	id      string
	kind    int
	spec    *corev1.Probe
	ports   []corev1.ContainerPort
	ip      string
	timeout time.Duration
	program program.Spec
	find    func(port int32) (http.Handler, bool)
	real    func(port int32) (network.Real, bool)
	first   bool // that this instance of the container is asked
}

// ask sends a probe. A port that only has to be open is looked at at once, if no real
// program is behind it; a program that has to answer gets a goroutine for as long as it
// takes. The lock is held.
func (c *container) ask(kind int, spec *corev1.Probe, now time.Time) {
	q := question{
		c: c, id: c.id, kind: kind, spec: spec, ports: c.spec().Ports, ip: c.p.ip.String(),
		timeout: time.Duration(max(spec.TimeoutSeconds, 1)) * time.Second,
		program: c.program, find: c.p.handler, real: c.p.real, first: c.probes[kind].run == 0,
	}
	if spec.TCPSocket != nil && len(c.behaviour.Backend) == 0 {
		ok, output := q.connect(c.p.listening)
		c.answered(q.id, q.kind, ok, output, now)
		return
	}
	ks := c.p.k.ks
	ks.scripts.Go(func() {
		ctx, cancel := context.WithTimeout(ks.ctx, q.timeout)
		defer cancel()
		ok, output := q.ask(ctx)
		if ks.ctx.Err() != nil {
			return
		}
		ks.Lock.Lock()
		defer ks.Lock.Unlock()
		c.answered(q.id, q.kind, ok, output, time.Now())
	})
}

// ask puts the question to the program.
func (q *question) ask(ctx context.Context) (ok bool, output string) {
	switch {
	case q.spec.HTTPGet != nil:
		return q.get(ctx)
	case q.spec.Exec != nil:
		return q.exec(ctx)
	case q.spec.TCPSocket != nil:
		if ok, output := q.connect(q.find); !ok {
			return false, output
		}
		port, _ := portNumber(q.ports, q.spec.TCPSocket.Port) // it was found just now
		return q.open(ctx, q.spec.TCPSocket.Host, port)
	}
	return q.grpc(ctx)
}

// grpc asks by gRPC, which no program of ours speaks: a port that answers is well, and one
// that does not is waited for as long as a kubelet does.
func (q *question) grpc(ctx context.Context) (bool, string) {
	if _, ok := q.find(q.spec.GRPC.Port); ok {
		if ok, _ := q.open(ctx, "", q.spec.GRPC.Port); ok {
			return true, ""
		}
	}
	<-ctx.Done()
	return false, fmt.Sprintf("timeout: failed to connect service %q within %v: %v", q.host("", q.spec.GRPC.Port), q.timeout, context.DeadlineExceeded)
}

// portNumber is the number of a port that may be named.
func portNumber(ports []corev1.ContainerPort, p intstr.IntOrString) (int32, error) {
	if p.Type == intstr.Int {
		return p.IntVal, nil
	}
	for _, c := range ports {
		if c.Name == p.StrVal {
			return c.ContainerPort, nil
		}
	}
	if n, err := strconv.Atoi(p.StrVal); err == nil && n > 0 && n < 65536 {
		return int32(n), nil
	}
	return 0, fmt.Errorf("couldn't find port: %q", p.StrVal)
}

// newRequest is the request of a probe or a hook to a port of a pod's.
func newRequest(ctx context.Context, action *corev1.HTTPGetAction, ip string, port int32, agent string) (*http.Request, error) {
	target := url.URL{
		Scheme: cmp.Or(strings.ToLower(string(action.Scheme)), "http"),
		Host:   net.JoinHostPort(cmp.Or(action.Host, ip), fmt.Sprint(port)), Path: "/",
	}
	if u, err := url.Parse(action.Path); err == nil && action.Path != "" {
		target.Path, target.RawQuery = "/"+strings.TrimPrefix(u.Path, "/"), u.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	for _, header := range action.HTTPHeaders {
		req.Header.Add(header.Name, header.Value)
		if strings.EqualFold(header.Name, "Host") {
			req.Host = header.Value
		}
	}
	return req, nil
}

// connect says whether the port is open.
func (q *question) connect(find func(port int32) (http.Handler, bool)) (bool, string) {
	port, err := portNumber(q.ports, q.spec.TCPSocket.Port)
	if err != nil {
		return false, err.Error()
	}
	if _, ok := find(port); !ok {
		return false, refused(q.host(q.spec.TCPSocket.Host, port)).Error()
	}
	return true, ""
}

// open says whether the real program behind a port takes connections; without one the port
// is open.
func (q *question) open(ctx context.Context, host string, port int32) (bool, string) {
	r, ok := q.real(port)
	if !ok {
		return true, ""
	}
	conn, err := r.Dial(ctx)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return false, refused(q.host(host, port)).Error()
	case err != nil:
		return false, err.Error()
	}
	conn.Close()
	return true, ""
}

func (q *question) host(host string, port int32) string {
	if host == "" {
		host = q.ip
	}
	return net.JoinHostPort(host, fmt.Sprint(port))
}

// get asks by HTTP. As with a kubelet, 200 to 399 is success.
func (q *question) get(ctx context.Context) (bool, string) {
	port, err := portNumber(q.ports, q.spec.HTTPGet.Port)
	if err != nil {
		return false, err.Error()
	}
	req, err := newRequest(ctx, q.spec.HTTPGet, q.ip, port, "kube-probe/1.37")
	if err != nil {
		return false, err.Error()
	}
	target := req.URL
	h, ok := q.find(port)
	if !ok {
		return false, fmt.Sprintf("Get %q: %v", target.String(), refused(target.Host))
	}
	req.RequestURI = target.RequestURI()
	req.RemoteAddr = q.host("", 0)
	var status int
	var body string
	if r, ok := q.real(port); ok {
		req.RequestURI = ""
		if status, body, err = getReal(r, req); errors.Is(err, syscall.ECONNREFUSED) {
			err = refused(target.Host)
		}
	} else {
		status, body = serve(ctx, h, req)
	}
	switch {
	case ctx.Err() != nil:
		return false, fmt.Sprintf("Get %q: context deadline exceeded (Client.Timeout exceeded while awaiting headers)", target.String())
	case err != nil:
		return false, fmt.Sprintf("Get %q: %v", target.String(), err)
	case status < 200 || status >= 400:
		return false, fmt.Sprintf("HTTP probe failed with statuscode: %d", status)
	}
	return true, body
}

// answer is what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	limit  int // of the body; the rest is dropped
}

// Header, WriteHeader and Write make it an http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps as much as the limit allows.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body.Write(p[:min(len(p), max(a.limit-a.body.Len(), 0))])
	return len(p), nil
}

// serve lets a handler answer, and gives up on it when ctx ends.
func serve(ctx context.Context, h http.Handler, req *http.Request) (status int, body string) {
	done := make(chan *answer, 1)
	go func() {
		a := &answer{header: http.Header{}, limit: maxProbeOutput}
		defer func() {
			if recover() != nil { // as in net/http, only the connection breaks
				a = &answer{status: http.StatusBadGateway}
			}
			done <- a
		}()
		h.ServeHTTP(a, req)
		a.WriteHeader(http.StatusOK)
	}()
	select {
	case a := <-done:
		return a.status, a.body.String()
	case <-ctx.Done():
		return 0, ""
	}
}

// maxProbeOutput is how much of a command's output goes into an event
// (kubernetes 1.37, pkg/probe/exec: maxReadLength).
const maxProbeOutput = 10 << 10

func (q *question) exec(ctx context.Context) (bool, string) {
	out := &answer{limit: maxProbeOutput}
	var err error
	ask := func() (code int) {
		code, err = program.Exec(ctx, q.program, q.spec.Exec.Command, nil, out, out)
		return code
	}
	code := 0
	if q.first { // of many like it
		code = q.c.guarded(ask)
	} else {
		code = ask()
	}
	output := out.body.String()
	switch {
	case ctx.Err() != nil:
		return false, fmt.Sprintf("command timed out: %q timed out after %v", strings.Join(q.spec.Exec.Command, " "), q.timeout)
	case err != nil:
		return false, err.Error()
	}
	return code == 0, output
}
