package controlplane

import (
	"context"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"

	"demarc/controlplane/upstream"

	"k8s.io/klog/v2"
)

// called is what clients inside the engine call of one life of an API server.
type called struct {
	life    context.Context // ends when it is killed
	kill    context.CancelCauseFunc
	accepts chan struct{} // closed when it takes requests
	accept  sync.Once

	handler http.Handler   // of all requests; set before accepts is closed
	marks   upstream.Marks // of its goroutines
}

func newCalled() *called {
	c := &called{accepts: make(chan struct{})}
	// By it reverse proxies know that they may abort an answer.
	server := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{})
	c.life, c.kill = context.WithCancelCause(server)
	return c
}

// serve calls the handler in the caller's goroutine. What that starts is the API server's.
func (c *called) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer r.Body.Close()
	defer c.marks.Lend()()
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				klog.ErrorS(nil, "Panic while an API server served", "panic", p, "path", r.URL.Path, "stack", string(debug.Stack()))
			}
			err = errAPIReset
		}
	}()
	c.handler.ServeHTTP(w, r)
	return nil
}

// request is a client's request as it reaches the handler.
func (x *apiCalls) request(ctx context.Context, r *http.Request) *http.Request {
	in := r.WithContext(ctx)
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	in.Host, in.RemoteAddr = x.addr.String(), "127.0.0.1:0"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/2.0", 2, 0
	if in.Header = r.Header.Clone(); in.Header == nil { // authenticators take headers off
		in.Header = http.Header{}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.TLS = x.as.certified; in.Header.Get("Authorization") != "" {
		in.TLS = x.as.bare
	}
	return in
}

// streams says whether the answer comes bit by bit.
func streams(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, "watch=") || strings.Contains(r.URL.RawQuery, "follow=")
}
