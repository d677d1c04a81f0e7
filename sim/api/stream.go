package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"demarc/sim/timeline"
)

// Reconnecting: a stream that breaks is taken up again this often, this long
// apart, in real time. After that the engine is taken to be gone.
const (
	streamAttempts = 5
	streamPause    = 200 * time.Millisecond
)

// StreamHandler is what [Client.Stream] calls, on one goroutine. Functions that
// are nil are not called.
type StreamHandler struct {
	Timeline func(timeline.Event)
	Drill    func(Step)
	End      func(*Report)
}

// Stream follows the engine from timeline event from and drill step drillFrom,
// exclusive, and calls the handler with each event and step once, in their
// order. It returns nil when the scenario has ended, the context's error when
// that is over, and otherwise an error that is [ErrUnreachable] if the engine
// has gone.
func (c *Client) Stream(ctx context.Context, from int64, drillFrom int, h StreamHandler) error {
	s := &streamReader{handler: h, seq: from, step: drillFrom}
	for attempt := 0; ; attempt++ {
		seq, step := s.seq, s.step
		err := c.streamOnce(ctx, s)
		if s.ended || ctx.Err() != nil {
			return ctx.Err()
		}
		var refused *Error
		if errors.As(err, &refused) || errors.Is(err, errStreamData) {
			return err
		}
		if s.seq > seq || s.step > step {
			attempt = 0
		}
		if attempt >= streamAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(streamPause):
		}
	}
}

func (c *Client) streamOnce(ctx context.Context, s *streamReader) error {
	body, err := c.Actions.Stream(ctx, s.seq, s.step)
	if err != nil {
		return err
	}
	defer body.Close()
	return s.read(body)
}

var errStreamData = errors.New("the engine's stream cannot be understood")

// streamReader takes server-sent events apart and remembers how far it came.
type streamReader struct {
	handler StreamHandler
	seq     int64
	step    int
	ended   bool
}

// read reads until the stream breaks or the scenario has ended.
func (s *streamReader) read(body io.Reader) error {
	br := bufio.NewReader(body)
	var name, data string
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%w: its stream ended: %w", ErrUnreachable, err)
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			name = value
		case field == "data":
			data += value
		case line == "" && data != "":
			if err := s.dispatch(name, []byte(data)); err != nil {
				return fmt.Errorf("%w: %w", errStreamData, err)
			}
			if s.ended {
				return nil
			}
			name, data = "", ""
		}
	}
}

// dispatch hands on one event. Those of unknown names are of a newer engine.
func (s *streamReader) dispatch(name string, data []byte) error {
	switch name {
	case StreamTimeline:
		var e timeline.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		s.seq = e.Seq
		if s.handler.Timeline != nil {
			s.handler.Timeline(e)
		}
	case StreamDrill:
		var x Step
		if err := json.Unmarshal(data, &x); err != nil {
			return err
		}
		s.step = x.N
		if s.handler.Drill != nil {
			s.handler.Drill(x)
		}
	case StreamEnd:
		var r Report
		if err := json.Unmarshal(data, &r); err != nil {
			return err
		}
		s.ended = true
		if s.handler.End != nil {
			s.handler.End(&r)
		}
	}
	return nil
}
