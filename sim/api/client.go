package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
)

// Client speaks the management API. Its methods may be called from any
// goroutine.
type Client struct {
	Actions
	handle Handle
	http   *http.Client
}

// NewClient makes a client of the engine that a handle names. It sends nothing.
func NewClient(h Handle) *Client {
	// Proxies of the environment are not meant for the loopback interface.
	return newClient(h, &http.Client{Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 2}})
}

func newClient(h Handle, over *http.Client) *Client {
	c := &Client{handle: h, http: over}
	for _, r := range Routes() {
		r.set(&c.Actions, func(ctx context.Context, args []reflect.Value) (reflect.Value, error) { return c.do(ctx, r, args) })
	}
	return c
}

// Offline is a client that asks nobody: it has the actions given.
func Offline(a Actions) *Client { return &Client{Actions: a} }

// WithToken is a client of the same engine with another token, and so perhaps
// another role.
func (c *Client) WithToken(token string) *Client {
	h := c.handle
	h.Token = token
	return newClient(h, c.http)
}

// Handle is what the client was made of.
func (c *Client) Handle() Handle { return c.handle }

// do asks for an action over HTTP.
func (c *Client) do(ctx context.Context, r *Route, args []reflect.Value) (answer reflect.Value, err error) {
	if r.Timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	var request any
	if r.Request != nil {
		request = args[len(args)-1].Interface()
	}
	resp, err := c.send(ctx, r.Method, r.url(args), request)
	if err != nil {
		return answer, err
	}
	if r.Streams() {
		return reflect.ValueOf(resp.Body), nil
	}
	defer resp.Body.Close()
	switch {
	case r.Answer == nil:
		_, err = io.Copy(io.Discard, resp.Body)
	case r.Answer == reflect.TypeFor[[]byte]():
		var text []byte
		text, err = io.ReadAll(resp.Body)
		answer = reflect.ValueOf(text)
	default:
		to := reflect.New(r.Answer)
		err = json.NewDecoder(resp.Body).Decode(to.Interface())
		answer = to.Elem()
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return answer, context.Cause(ctx)
	}
	if err != nil {
		return answer, fmt.Errorf("read the engine's answer to %s: %w", r.Pattern(), err)
	}
	return answer, nil
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
	e := &Error{}
	if json.NewDecoder(resp.Body).Decode(e) != nil || e.Message == "" {
		e.Message = "the engine answered " + resp.Status
	}
	e.Status = resp.StatusCode
	if e.Hint != "" {
		e.Message += " (" + e.Hint + ")"
	}
	return nil, e
}
