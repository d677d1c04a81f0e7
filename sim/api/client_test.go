package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"demarc/sim/timeline"
)

// testClient is a client of a server that the test plays.
func testClient(t *testing.T, h http.HandlerFunc) *Client {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return NewClient(Handle{Address: strings.TrimPrefix(s.URL, "http://"), Token: "secret"})
}

func TestErrors(t *testing.T) {
	c := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Error("the token was not sent")
		}
		switch r.URL.Path {
		case "/v1/clock":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error": "no such rate", "hint": "try 1x"}`)
		case "/v1/status":
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "oops")
		}
	})
	var e *Error
	if _, err := c.SetClock(t.Context(), ClockRequest{}); !errors.As(err, &e) || e.Status != 400 || err.Error() != "no such rate (try 1x)" {
		t.Errorf("a refusal with a hint: got %v", err)
	}
	if _, err := c.Status(t.Context()); !errors.As(err, &e) || e.Status != 500 || !strings.Contains(err.Error(), "500") {
		t.Errorf("an error that is not JSON: got %v", err)
	}
	gone := NewClient(Handle{Address: "127.0.0.1:1"})
	if _, err := gone.Status(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody there: got %v, want %v", err, ErrUnreachable)
	}
}

// TestProviderRequests checks what each method asks for, with which token.
func TestProviderRequests(t *testing.T) {
	var asked string
	c := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = strings.TrimSpace(r.Method + " " + r.URL.EscapedPath() + " " + string(body))
		if r.Header.Get("Authorization") != "Bearer provider's" && r.URL.Path != "/v1/incidents" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error": "backups are the provider's"}`)
			return
		}
		if r.URL.Path == "/v1/incidents" || r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/v1/provider/backups/") {
			fmt.Fprint(w, "[{}]")
			return
		}
		fmt.Fprint(w, `{"id": "x"}`)
	})
	ctx := t.Context()
	var e *Error
	if _, err := c.Backups(ctx); !errors.As(err, &e) || e.Status != http.StatusForbidden {
		t.Errorf("with the customer's token: got %v, want 403", err)
	}
	if list, err := c.Incidents(ctx); err != nil || len(list) != 1 {
		t.Errorf("incidents: got %v, %v", list, err)
	}
	p := c.WithToken("provider's")
	if c.Handle().Token != "secret" {
		t.Error("WithToken changed the client that it was called on")
	}
	for want, do := range map[string]func() error{
		"GET /v1/provider/backups":                  func() error { _, err := p.Backups(ctx); return err },
		"GET /v1/provider/backups/a%2Fb":            func() error { _, err := p.Backup(ctx, "a/b"); return err },
		"POST /v1/provider/backups/x/verify":        func() error { _, err := p.VerifyBackup(ctx, "x"); return err },
		"POST /v1/provider/backups":                 func() error { _, err := p.TakeBackup(ctx); return err },
		"DELETE /v1/provider/backups/x":             func() error { return p.DeleteBackup(ctx, "x") },
		"GET /v1/provider/restores":                 func() error { _, err := p.Restores(ctx); return err },
		`POST /v1/provider/restores {"backup":"x"}`: func() error { _, err := p.Restore(ctx, RestoreRequest{Backup: "x"}); return err },
		"GET /v1/provider/replicas":                 func() error { _, err := p.Replicas(ctx); return err },
	} {
		if err := do(); err != nil || asked != want {
			t.Errorf("asked for %q, %v; want %q", asked, err, want)
		}
	}
}

// TestStreamReconnects checks that a stream that breaks goes on where it was,
// with each event and step once.
func TestStreamReconnects(t *testing.T) {
	var asked []string
	c := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		send := func(name string, v any) {
			b, _ := json.Marshal(v)
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
		}
		if len(asked) == 1 {
			send(StreamTimeline, timeline.Event{Seq: 4})
			send(StreamDrill, Step{N: 1})
			fmt.Fprint(w, "event: timeline\ndata: {\"seq\": 5")
			return // it breaks in the middle of an event
		}
		send(StreamTimeline, timeline.Event{Seq: 5})
		send("news", "of a later version")
		send(StreamEnd, Report{Verdict: VerdictFailed})
	})
	var got []string
	err := c.Stream(t.Context(), 3, 0, StreamHandler{
		Timeline: func(e timeline.Event) { got = append(got, fmt.Sprint("event ", e.Seq)) },
		Drill:    func(s Step) { got = append(got, fmt.Sprint("step ", s.N)) },
		End:      func(r *Report) { got = append(got, r.Verdict) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"event 4", "step 1", "event 5", "failed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"from=3&drill=0", "from=4&drill=1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestStreamOfAnEngineThatHasGone(t *testing.T) {
	c := NewClient(Handle{Address: "127.0.0.1:1"})
	if err := c.Stream(t.Context(), 0, 0, StreamHandler{}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v, want %v", err, ErrUnreachable)
	}
}
