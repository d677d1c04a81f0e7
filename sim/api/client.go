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

// backupTimeout bounds a request that reads or writes a whole backup, in real
// time. It takes virtual time, much of it if the disk is slow.
const backupTimeout = 10 * time.Minute

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

// WithToken is a client of the same engine with another token, and so perhaps
// another role.
func (c *Client) WithToken(token string) *Client {
	other := *c
	other.handle.Token = token
	return &other
}

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

// Incidents lists the incidents, the oldest first.
func (c *Client) Incidents(ctx context.Context) (list []Incident, err error) {
	return list, c.call(ctx, http.MethodGet, PathIncidents, nil, &list)
}

// Backups lists the provider's catalogue of backups. This and everything below
// that is about backups, restores and replicas is refused without the provider's
// token: [Error] with status 403.
func (c *Client) Backups(ctx context.Context) (list []Backup, err error) {
	return list, c.call(ctx, http.MethodGet, PathBackups, nil, &list)
}

// Backup returns one entry of the catalogue.
func (c *Client) Backup(ctx context.Context, id string) (b Backup, err error) {
	return b, c.call(ctx, http.MethodGet, PathBackup+url.PathEscape(id), nil, &b)
}

// VerifyBackup reads a backup back and returns its entry: not Verified, with a
// Problem, if it is not whole.
func (c *Client) VerifyBackup(ctx context.Context, id string) (b Backup, err error) {
	return b, c.callWithin(ctx, backupTimeout, http.MethodPost, PathBackup+url.PathEscape(id)+"/verify", nil, &b)
}

// TakeBackup takes a backup now.
func (c *Client) TakeBackup(ctx context.Context) (b Backup, err error) {
	return b, c.callWithin(ctx, backupTimeout, http.MethodPost, PathBackups, nil, &b)
}

// DeleteBackup deletes a backup.
func (c *Client) DeleteBackup(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, PathBackup+url.PathEscape(id), nil, nil)
}

// Restores lists the restores, the oldest first.
func (c *Client) Restores(ctx context.Context) (list []Restore, err error) {
	return list, c.call(ctx, http.MethodGet, PathRestores, nil, &list)
}

// Restore asks for a restore and returns it as it was decided; [Client.Restores]
// tells how it goes on.
func (c *Client) Restore(ctx context.Context, r RestoreRequest) (x Restore, err error) {
	return x, c.call(ctx, http.MethodPost, PathRestores, r, &x)
}

// Replicas lists the replicas of the provider's plane.
func (c *Client) Replicas(ctx context.Context) (list []Replica, err error) {
	return list, c.call(ctx, http.MethodGet, PathReplicas, nil, &list)
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
	return c.callWithin(ctx, requestTimeout, method, path, in, out)
}

// callWithin is call with a timeout of its own.
func (c *Client) callWithin(ctx context.Context, timeout time.Duration, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
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
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
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
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, context.Cause(ctx)
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
