package guard

import (
	"bytes"
	"context"
	"io"
)

// Memory is what one command holds of its process's memory, until that is given back.
// It is for one goroutine at a time.
type Memory struct {
	Process *Process
	held    []func()
}

// Hold takes n bytes.
func (m *Memory) Hold(n int) error {
	release, err := m.Process.Hold(int64(n))
	if err == nil {
		m.held = append(m.held, release)
	}
	return err
}

// HoldLines takes what a text is in lines.
func (m *Memory) HoldLines(text []byte) error {
	return m.Hold(len(text) + elementSize*bytes.Count(text, []byte("\n")))
}

// ReadAll is what comes in, for as long as there is memory for it.
func (m *Memory) ReadAll(ctx context.Context, in io.Reader) (all []byte, err error) {
	piece := make([]byte, 32<<10)
	for {
		n, err := in.Read(piece)
		if n > 0 {
			if err := m.Hold(2 * n); err != nil { // it grows by copies
				return nil, err
			}
			if err := m.Process.Meter.Spend(ctx); err != nil {
				return nil, err
			}
			all = append(all, piece[:n]...)
		}
		if err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}

// Release gives all back.
func (m *Memory) Release() {
	for _, release := range m.held {
		release()
	}
	m.held = nil
}
