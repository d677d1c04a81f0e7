package kubelet

import (
	"context"
	"io"
	"slices"
	"sync"
)

// stdio is what the program of a container that has an open input reads and writes.
type stdio struct {
	in   *flow
	log  *logBuffer
	once bool          // the input ends with the first client's
	over chan struct{} // closed when the program has ended

	typed []byte // was taken from the input; the program's, who reads

	mu    sync.Mutex
	ended bool
	shown []*io.Writer // who is attached
}

func newStdio(log *logBuffer, once bool) *stdio {
	return &stdio{in: newFlow(), log: log, once: once, over: make(chan struct{})}
}

// Read implements [io.Reader]: it waits for what is typed.
func (s *stdio) Read(p []byte) (int, error) {
	if len(s.typed) == 0 {
		var b [4096]byte
		n, err := s.in.read(b[:])
		if err != nil {
			return 0, err
		}
		s.typed = append(s.typed, b[:n]...)
	}
	n := copy(p, firstLine(s.typed))
	s.typed = s.typed[n:]
	return n, nil
}

// Write implements [io.Writer]: all who are attached see it, and the log has it.
func (s *stdio) Write(p []byte) (int, error) {
	_, _ = s.log.Write(p) // never fails
	s.mu.Lock()
	shown := slices.Clone(s.shown)
	s.mu.Unlock()
	for _, to := range shown {
		_, _ = (*to).Write(p) // who is gone detaches
	}
	return len(p), nil
}

// end says that the program has ended.
func (s *stdio) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.in.finish()
		close(s.over)
	}
}

// attach lets a client type and see, until the program ends or the client goes.
func (s *stdio) attach(ctx context.Context, in io.Reader, out io.Writer) {
	s.mu.Lock()
	s.shown = append(s.shown, &out)
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if in == nil {
			<-ctx.Done()
			return
		}
		_, _ = io.Copy(flowWriter{s.in}, in) // ends with the client
		if s.once {
			s.in.finish()
			<-ctx.Done() // it may still have something to say
		}
	}()
	select {
	case <-s.over:
	case <-gone:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = slices.DeleteFunc(s.shown, func(o *io.Writer) bool { return o == &out })
}

// flowWriter writes to a flow.
type flowWriter struct{ *flow }

// Write implements [io.Writer].
func (w flowWriter) Write(p []byte) (int, error) { return w.write(p) }
