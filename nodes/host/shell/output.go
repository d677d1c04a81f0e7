package shell

import (
	"context"
	"errors"
	"io"
	"sync"

	"demarc/nodes/program"
)

// errOutput ends what writes without end.
var errOutput = errors.New("too much output")

// budget is how many bytes a run may still write.
type budget struct {
	mu   sync.Mutex
	left int
}

func (b *budget) take(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, b.left)
	b.left -= n
	return n
}

// bounded is a run's output. Parts of a pipeline may write to it side by side.
type bounded struct {
	mu     sync.Mutex
	to     io.Writer
	budget *budget
}

// Write implements [io.Writer].
func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.budget.take(len(p))
	if b.to != nil {
		if n, err := b.to.Write(p[:n]); err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, errOutput
	}
	return n, nil
}

// priced is how many bytes a command may write for the price of one more command.
const priced = 16 << 10

// sink is a command's output. It remembers that writing failed, so that a command that
// prints much can stop, and has much output paid for: it costs time of ours.
type sink struct {
	ctx   context.Context
	meter *program.Meter
	to    io.Writer
	owed  int // bytes that are not paid for
	err   error
}

// Write implements [io.Writer].
func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	for s.owed += len(p); s.owed >= priced; s.owed -= priced {
		if s.err = s.meter.Spend(s.ctx); s.err != nil {
			return 0, s.err
		}
	}
	n, err := s.to.Write(p)
	s.err = err
	return n, err
}

// wording is an error in the words of a program that is imitated.
type wording string

// Error implements error.
func (w wording) Error() string { return string(w) }
