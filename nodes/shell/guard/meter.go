package guard

import (
	"context"
	"io"
	"sync"
	"time"
)

// A script is input like any other: it must not stop the engine. Time stands still while it
// computes, so one that never waits would stop time itself; it pays for its commands
// instead, and waits when it has no more to pay with.
const (
	maxBurst     = 20_000 // commands that cost no time
	commandsRate = 200    // commands a second after that
	// priced is how many bytes may be written for the price of one more command, and
	// writing what each time counts as so many.
	priced  = 4 << 10
	writing = 64
	// reading is how many bytes of a script may be read for the price of a command.
	reading = 64
)

// Meter counts a script's commands. Its zero value is ready for use.
type Meter struct {
	mu   sync.Mutex
	left float64
	last time.Time
}

// Spend pays for one command, and waits for the next second if there is nothing left.
func (m *Meter) Spend(ctx context.Context) error { return m.SpendAll(ctx, 1) }

// SpendAll pays for n commands. What is dearer than all that can be saved leaves a debt.
func (m *Meter) SpendAll(ctx context.Context, n float64) error {
	for !m.spent(n) {
		select {
		case <-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// Read pays for the reading of a script.
func (m *Meter) Read(ctx context.Context, script string) error {
	return m.SpendAll(ctx, float64(len(script))/reading)
}

func (m *Meter) spent(n float64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.last.IsZero() {
		m.left = maxBurst
	} else {
		m.left = min(maxBurst, m.left+now.Sub(m.last).Seconds()*commandsRate)
	}
	m.last = now
	if m.left < 1 {
		return false
	}
	m.left -= n
	return true
}

// Sink is a command's output. It remembers that writing failed, so that a command that
// prints much can stop, and has much output paid for: it costs time of ours.
type Sink struct {
	Ctx   context.Context
	Meter *Meter
	To    io.Writer
	Err   error
	owed  int // bytes that are not paid for
}

// Write implements [io.Writer].
func (s *Sink) Write(p []byte) (int, error) {
	if s.Err != nil {
		return 0, s.Err
	}
	if s.owed += len(p) + writing; s.owed >= priced {
		if s.Err = s.Meter.SpendAll(s.Ctx, float64(s.owed/priced)); s.Err != nil {
			return 0, s.Err
		}
		s.owed %= priced
	}
	n, err := s.To.Write(p)
	s.Err = err
	return n, err
}
