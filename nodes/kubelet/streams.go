package kubelet

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"demarc/nodes/program"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// execution runs commands in, and attaches to, one instance of a container.
type execution struct {
	program program.Spec
	log     *logBuffer
	stdio   *stdio // nil if its input is not open
}

// ExecInContainer runs a command.
func (e *execution) ExecInContainer(ctx context.Context, _, _, _ string, cmd []string, in io.Reader, out, errOut io.WriteCloser,
	tty bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	stdout, stderr := writer(out), writer(errOut)
	if tty {
		if in != nil {
			in = &keyboard{from: in, show: stdout}
		}
		stdout = screen{stdout}
	}
	if tty || errOut == nil {
		stderr = stdout
	}
	if in == nil {
		in = bytes.NewReader(nil)
	}
	code, err := program.Exec(ctx, e.program, cmd, in, stdout, stderr)
	if err != nil {
		return err
	}
	if code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	return nil
}

// writer is where output goes; a stream that the client did not ask for takes
// none.
func writer(w io.WriteCloser) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// AttachContainer shows what the container writes from now on, until it ends. Into an open
// input goes what the client types.
func (e *execution) AttachContainer(ctx context.Context, _, _, _ string, in io.Reader, out, _ io.WriteCloser,
	tty bool, _ <-chan remotecommand.TerminalSize) error {
	w := writer(out)
	if e.stdio != nil {
		if tty && in != nil {
			in = &keyboard{from: in, show: w}
		}
		if tty {
			w = screen{w}
		}
		e.stdio.attach(ctx, in, w)
		return nil
	}
	if e.log == nil {
		return nil
	}
	_, next, more := e.log.read(0)
	for more != nil {
		select {
		case <-more:
		case <-ctx.Done():
			return nil
		}
		var lines []logLine
		lines, next, more = e.log.read(next)
		for _, l := range lines {
			if _, err := fmt.Fprint(w, l); err != nil {
				return nil // the client is gone
			}
		}
	}
	return nil
}

// forwarder carries port-forwarded connections to a pod.
type forwarder struct{ p *pod }

// PortForward serves the HTTP requests of one connection to a port of the pod, or hands it
// to the real program behind that.
func (f forwarder) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	if r, ok := f.p.real(port); ok {
		if err := joinReal(ctx, r, stream); err != nil {
			return fmt.Errorf("failed to connect to localhost:%d inside namespace %q: %w", port, f.p.uid, err)
		}
		return nil
	}
	bounded := &io.LimitedReader{R: stream}
	in := bufio.NewReader(bounded)
	for {
		bounded.N = http.DefaultMaxHeaderBytes
		if _, ok := f.p.handler(port); !ok {
			return fmt.Errorf("failed to connect to localhost:%d inside namespace %q: connection refused", port, f.p.uid)
		}
		req, err := http.ReadRequest(in)
		if err != nil {
			return nil // the client has closed, or does not speak HTTP
		}
		bounded.N = math.MaxInt64 // nobody keeps its body
		h, ok := f.p.handler(port)
		if !ok {
			return nil // the container ended meanwhile, and its connections with it
		}
		if err := forward(ctx, h, req, stream); err != nil || req.Close {
			return nil // the client is gone or wants no more
		}
	}
}

// forward lets a handler answer one request.
func forward(ctx context.Context, h http.Handler, req *http.Request, to io.Writer) error {
	req.RemoteAddr = "127.0.0.1:0"
	a := &answer{header: http.Header{}, limit: maxForwarded}
	h.ServeHTTP(a, req.WithContext(ctx))
	a.WriteHeader(http.StatusOK)
	_, _ = io.Copy(io.Discard, req.Body) // the next request follows
	resp := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: req.Close,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	return resp.Write(to)
}

// maxForwarded bounds one answer through a port-forward.
const maxForwarded = 64 << 20
