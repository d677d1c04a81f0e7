package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"demarc/sim/fault"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// requestTimeout bounds one request, in real time. An engine answers within
// milliseconds; one that is busy with a thousand nodes within seconds.
const requestTimeout = 30 * time.Second

// Client speaks the management API. Its methods may be called from any
// goroutine.
type Client struct {
	handle Handle
	http   *http.Client
}

// NewClient makes a client of the engine that a handle names. It sends nothing.
func NewClient(h Handle) *Client {
	// Proxies of the environment are not meant for the loopback interface.
	return &Client{handle: h, http: &http.Client{Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 2}}}
}

// Error is an answer of the engine that says why it did not do what was asked.
type Error struct {
	// Status is the HTTP status: 4xx if the request was wrong.
	Status  int    `json:"-"`
	Message string `json:"error"`
	// Hint says what to do about it, if there is something.
	Hint string `json:"hint,omitempty"`
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// ErrUnreachable says that no engine answers: it has ended, or it is stuck.
var ErrUnreachable = errors.New("the engine does not answer")

// Handle is what the client was made of.
func (c *Client) Handle() Handle { return c.handle }

// Status asks how the cluster is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, PathStatus, nil, &s)
}

// Clock reads the virtual clock.
func (c *Client) Clock(ctx context.Context) (k Clock, err error) {
	return k, c.call(ctx, http.MethodGet, PathClock, nil, &k)
}

// SetClock changes the rate of the virtual clock and returns the clock as it is
// then.
func (c *Client) SetClock(ctx context.Context, r ClockRequest) (k Clock, err error) {
	return k, c.call(ctx, http.MethodPut, PathClock, r, &k)
}

// Faults lists the faults that are in force.
func (c *Client) Faults(ctx context.Context) (list []fault.Active, err error) {
	return list, c.call(ctx, http.MethodGet, PathFaults, nil, &list)
}

// Inject makes a fault happen.
func (c *Client) Inject(ctx context.Context, s fault.Spec) (a fault.Active, err error) {
	return a, c.call(ctx, http.MethodPost, PathFaults, s, &a)
}

// Heal ends the fault of that identifier.
func (c *Client) Heal(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, PathFault+url.PathEscape(id), nil, nil)
}

// StartTraffic starts a client of a service.
func (c *Client) StartTraffic(ctx context.Context, s traffic.Spec) error {
	return c.call(ctx, http.MethodPost, PathTraffic, s, nil)
}

// StopTraffic stops the traffic of that name.
func (c *Client) StopTraffic(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, PathTraffic+"/"+url.PathEscape(name), nil, nil)
}

// Timeline returns the events after sequence number from, the oldest first.
func (c *Client) Timeline(ctx context.Context, from int64) (list []timeline.Event, err error) {
	return list, c.call(ctx, http.MethodGet, PathTimeline+"?from="+strconv.FormatInt(from, 10), nil, &list)
}

// Report returns the report of the scenario that has ended in the engine.
func (c *Client) Report(ctx context.Context) (*Report, error) {
	var r Report
	if err := c.call(ctx, http.MethodGet, PathReport, nil, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// Stop asks the engine to end in good order. It returns when the engine has
// heard it, not when it has ended.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, PathStop, nil, nil)
}

// Stacks returns the stacks of all goroutines of the engine, as text.
func (c *Client) Stacks(ctx context.Context) ([]byte, error) {
	var text bytes.Buffer
	err := c.call(ctx, http.MethodGet, PathStacks, nil, &text)
	return text.Bytes(), err
}

// call sends one request. The answer goes into out: JSON, or plain text if out
// is a buffer; nil takes nothing.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch out := out.(type) {
	case nil:
		_, err = io.Copy(io.Discard, resp.Body)
	case *bytes.Buffer:
		_, err = out.ReadFrom(resp.Body)
	default:
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("read the engine's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send sends one request and turns a bad status into an error. The caller
// closes the body.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.handle.Address+path, body)
	if err != nil {
		return nil, fmt.Errorf("address of the engine: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.handle.Token)
	resp, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			return nil, cause
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	e := &Error{Status: resp.StatusCode}
	if json.NewDecoder(resp.Body).Decode(e) != nil || e.Message == "" {
		e.Message = "the engine answered " + resp.Status
	}
	return nil, e
}
