package sshd

import (
	"errors"
	"io"
	"sync"
)

// maxInput bounds what waits to be read by a session, in bytes.
const maxInput = 64 << 10

// input is what a client has sent and nobody has read, in the pieces in which it was
// put in. There is one reader at a time.
type input struct {
	mu     sync.Mutex
	change *sync.Cond
	pieces [][]byte
	size   int
	closed bool
	err    error // for the reader, once
}

func newInput() *input {
	in := &input{}
	in.change = sync.NewCond(&in.mu)
	return in
}

// put adds a piece. It waits while there is no room. After close nothing is added.
func (in *input) put(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.size >= maxInput && !in.closed {
		in.change.Wait()
	}
	in.add(b)
}

// offer adds a piece if there is room.
func (in *input) offer(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.size < maxInput {
		in.add(b)
	}
}

// insist adds a piece whether or not there is room.
func (in *input) insist(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.add(b)
}

func (in *input) add(b []byte) {
	if in.closed {
		return
	}
	in.pieces, in.size = append(in.pieces, b), in.size+len(b)
	in.change.Broadcast()
}

// unread puts something before everything else.
func (in *input) unread(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.pieces, in.size = append([][]byte{b}, in.pieces...), in.size+len(b)
	in.change.Broadcast()
}

// drop forgets what waits to be read.
func (in *input) drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.pieces, in.size = nil, 0
	in.change.Broadcast()
}

// fail makes the reader fail once, now or at its next read; nil takes that back.
func (in *input) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.err = err
	in.change.Broadcast()
}

// close says that nothing follows.
func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.change.Broadcast()
}

// Read waits for a piece and returns it, or as much of it as there is room for.
func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.err == nil && len(in.pieces) == 0 && !in.closed {
		in.change.Wait()
	}
	if err := in.err; err != nil {
		in.err = nil
		return 0, err
	}
	if len(in.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, in.pieces[0])
	in.pieces[0], in.size = in.pieces[0][n:], in.size-n
	if len(in.pieces[0]) == 0 {
		in.pieces = in.pieces[1:]
	}
	in.change.Broadcast()
	return n, nil
}

// pump moves what a client sends into a queue until it sends no more.
func pump(from io.Reader, in *input, put func([]byte)) {
	defer in.close()
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			put(append([]byte(nil), buf[:n]...))
		}
		if err != nil {
			return
		}
	}
}

// errOver makes a reader give up that has outlived its command.
var errOver = errors.New("the command is over")

// stdin is the standard input of one command of several that share an input. When the
// command is over it takes nothing more, even if somebody still reads from it.
type stdin struct {
	in *input
	// read reads for the command.
	read func([]byte) (int, error)
	// back takes what was read too late.
	back func([]byte)

	mu     sync.Mutex
	change *sync.Cond
	over   bool
	busy   bool
}

func newStdin(in *input, read func([]byte) (int, error), back func([]byte)) *stdin {
	s := &stdin{in: in, read: read, back: back}
	s.change = sync.NewCond(&s.mu)
	return s
}

// Read implements [io.Reader].
func (s *stdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy && !s.over {
		s.change.Wait()
	}
	if s.over {
		return 0, io.EOF
	}
	s.busy = true
	s.mu.Unlock()
	n, err := s.read(p)
	s.mu.Lock()
	s.busy = false
	s.change.Broadcast()
	if s.over {
		if n > 0 {
			s.back(append([]byte(nil), p[:n]...))
		}
		return 0, io.EOF
	}
	return n, err
}

// stop makes reads return the end of the input.
func (s *stdin) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.busy {
		s.in.fail(errOver)
	}
	s.change.Broadcast()
}

// end stops it, and returns when nobody reads any more.
func (s *stdin) end() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy {
		s.change.Wait()
	}
	s.in.fail(nil)
}
