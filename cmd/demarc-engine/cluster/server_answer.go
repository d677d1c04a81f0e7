package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/sim/api"
	"demarc/sim/fault"
)

// maxBody bounds what a request says, in bytes: much of it is kept in the provider's log
// and on the timeline.
const maxBody = 128 << 10

// checkBody reads what a request says, and answers one that says something else than
// its route takes: one JSON object, with the fields that it needs.
func checkBody(w http.ResponseWriter, r *http.Request, route api.Route) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the request is larger than %d bytes", large.Limit))
		return false
	case err != nil:
		fail(w, http.StatusBadRequest, fmt.Errorf("read the request: %w", err))
		return false
	case !route.Body:
		return true
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			fail(w, http.StatusUnsupportedMediaType, fmt.Errorf("%s takes JSON (Content-Type: application/json), not %q", route.Path, kind))
			return false
		}
	}
	if err := route.CheckBody(body); err != nil {
		fail(w, http.StatusBadRequest, err)
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return true
}

// posted reads a request and answers it. What it does goes on when the client goes.
func posted[T any](do func(ctx context.Context, r *http.Request, req T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req T
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&req); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		v, err := do(context.WithoutCancel(r.Context()), r, req)
		answer(w, v, err)
	}
}

// answer answers with a value, or with why there is none.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	reply(w, v)
}

// statusOf is the HTTP status of an error: 409 for what cannot be done as it was asked.
func statusOf(err error) int {
	var (
		refused *api.Refusal
		none    *provider.ConsentError
		unknown *provider.NotFoundError
		words   *fault.Error
	)
	switch {
	case errors.As(err, &refused), errors.As(err, &none):
		return http.StatusForbidden
	case errors.As(err, &unknown), errors.Is(err, ErrUnknownCase), errors.Is(err, provider.ErrUnknownConsent):
		return http.StatusNotFound
	case errors.As(err, &words):
		return http.StatusBadRequest
	case errors.Is(err, provider.ErrNoLeader), errors.Is(err, nodes.ErrNotSynced):
		return http.StatusServiceUnavailable
	}
	return http.StatusConflict
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone if it fails
}

// fail answers with an error, and with what to do about it if that is known.
func fail(w http.ResponseWriter, status int, err error) {
	e := api.Error{Message: err.Error()}
	var refused *api.Refusal
	if errors.As(err, &refused) {
		e.Hint = refused.Hint
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e)
}

// found answers what was looked for; its absence is no mistake of the engine's.
func found(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	reply(w, v)
}
