package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"k8s.io/apiserver/pkg/endpoints/responsewriter"
)

// maxUnread is how much of a stream waits for its reader: as much as of a stream of
// HTTP/2, by default, for a client in Go.
const maxUnread = 4 << 20

// flushed is how much of a stream is sent on without being flushed.
const flushed = 4 << 10

// answer is what both kinds of answers have in common: headers and a status.
type answer struct {
	header http.Header
	code   int
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// CloseNotify implements [http.CloseNotifier], which upstream wants of every answer that
// can be flushed. Contexts say it.
func (a *answer) CloseNotify() <-chan bool { return nil }

// begin sets the status, if it is not set.
func (a *answer) begin(code int) (first bool) {
	if first = a.code == 0; first {
		a.code = code
	}
	return first
}

// response is what the client gets.
func (a *answer) response(to *http.Request, header http.Header, body io.ReadCloser, length int64) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.code, http.StatusText(a.code)), StatusCode: a.code, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: header, Body: body, ContentLength: length, Request: to,
	}
}

// whole asks for an answer that is read when it is complete.
func (c *apiConn) whole(asked, by *http.Request) (*http.Response, error) {
	w := &wholeAnswer{answer: answer{header: http.Header{}}}
	err := c.server.called.serve(w, asked)
	if !c.pass(asked.Context(), true) {
		return nil, context.Cause(asked.Context())
	}
	if err != nil {
		return nil, err
	}
	w.begin(http.StatusOK)
	return w.response(by, w.header, io.NopCloser(&w.body), int64(w.body.Len())), nil
}

// wholeAnswer is the writer of an answer that is read when it is complete.
type wholeAnswer struct {
	answer
	body bytes.Buffer
}

var _ responsewriter.CloseNotifierFlusher = (*wholeAnswer)(nil)

// WriteHeader implements [http.ResponseWriter].
func (w *wholeAnswer) WriteHeader(code int) { w.begin(code) }

// Write implements [http.ResponseWriter].
func (w *wholeAnswer) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.body.Write(b)
}

// Flush implements [http.Flusher].
func (w *wholeAnswer) Flush() { w.begin(http.StatusOK) }

// stream asks for an answer that comes bit by bit. It is written in a goroutine of its own
// until either side ends it.
func (c *apiConn) stream(asked, by *http.Request, end func()) (*http.Response, error) {
	ctx := asked.Context()
	w := &streamedAnswer{answer: answer{header: http.Header{}}, conn: c, ctx: ctx, end: end, begun: make(chan struct{})}
	w.changed.L = &w.mu
	context.AfterFunc(ctx, func() { w.finish(context.Cause(ctx)) })
	go func() {
		err := c.server.called.serve(w, asked)
		if err == nil {
			w.WriteHeader(http.StatusOK)
			if err = w.FlushError(); err == nil {
				err = io.EOF
			}
		}
		w.finish(err)
	}()
	select {
	case <-w.begun:
	case <-ctx.Done():
		w.finish(context.Cause(ctx))
		select {
		case <-w.begun: // and it has ended since
		default:
			return nil, w.err // it is not changed any more
		}
	}
	return w.response(by, w.sent, w, -1), nil
}

// streamedAnswer is the writer of an answer that comes bit by bit, and its body.
type streamedAnswer struct {
	answer
	conn *apiConn
	ctx  context.Context
	end  func() // ends ctx

	held  bytes.Buffer  // written and not flushed
	sent  http.Header   // as it was when the answer began
	begun chan struct{} // closed when the client has the headers
	start sync.Once

	mu      sync.Mutex
	changed sync.Cond
	unread  bytes.Buffer
	err     error // how it ended, if it has
}

var _ responsewriter.CloseNotifierFlusher = (*streamedAnswer)(nil)

// WriteHeader implements [http.ResponseWriter].
func (w *streamedAnswer) WriteHeader(code int) {
	if w.begin(code) {
		w.sent = w.header.Clone()
	}
}

// Write implements [http.ResponseWriter].
func (w *streamedAnswer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.held.Write(b)
	if w.held.Len() < flushed {
		return len(b), nil
	}
	return len(b), w.FlushError()
}

// Flush implements [http.Flusher].
func (w *streamedAnswer) Flush() { _ = w.FlushError() } // the next write says it too

// FlushError sends on what was written, through the gates, when there is room for it.
func (w *streamedAnswer) FlushError() error {
	w.WriteHeader(http.StatusOK)
	if !w.conn.pass(w.ctx, true) {
		return context.Cause(w.ctx)
	}
	w.start.Do(func() { close(w.begun) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.unread.Len() > 0 && w.unread.Len()+w.held.Len() > maxUnread && w.err == nil {
		w.changed.Wait()
	}
	if w.err != nil {
		return w.err
	}
	_, _ = w.held.WriteTo(&w.unread) // never fails
	w.held = smaller(w.held)
	w.changed.Broadcast()
	return nil
}

// finish ends the answer, unless it has ended.
func (w *streamedAnswer) finish(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	w.changed.Broadcast()
	w.end()
}

// Read implements [io.Reader].
func (w *streamedAnswer) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.unread.Len() == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.changed.Wait()
	}
	n, err := w.unread.Read(b)
	if w.unread.Len() == 0 {
		w.unread = smaller(w.unread)
	}
	w.changed.Broadcast()
	return n, err
}

// Close implements [io.Closer].
func (w *streamedAnswer) Close() error {
	w.finish(http.ErrBodyReadAfterClose)
	return nil
}

// smaller is an empty buffer: a new one if what one event needed is too much to keep for
// every watch.
func smaller(b bytes.Buffer) bytes.Buffer {
	if b.Cap() > 16<<10 {
		return bytes.Buffer{}
	}
	return b
}
