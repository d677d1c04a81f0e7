package login

import (
	"errors"
	"io"
	"sync"
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
