package server

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"

	"demarc/sim/api"
	"demarc/sim/strictjson"
)

// MaxBody bounds what a request says, in bytes: much of it is kept in the provider's log
// and on the timeline.
const MaxBody = 128 << 10

// serve answers a request for a route. What it changes goes on when the client goes.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, route *api.Route) {
	args, err := arguments(w, r, route)
	if err != nil {
		fail(w, err)
		return
	}
	understood(r)
	switch route.Name {
	case "Stream":
		s.stream(w, r)
		return
	case "Metrics":
		s.Metrics.ServeHTTP(w, r)
		return
	}
	ctx := r.Context()
	if route.Changes() {
		ctx = context.WithoutCancel(ctx)
	}
	answer, err := route.Call(ctx, s.Actions[s.role(r)], args...)
	if err != nil {
		fail(w, err)
		return
	}
	if text, ok := answer.([]byte); ok {
		_, _ = w.Write(text) // the client is gone if it fails
		return
	}
	if answer == nil {
		answer = struct{}{}
	}
	reply(w, http.StatusOK, answer)
}

// arguments are those of a route's action, as a request has them.
func arguments(w http.ResponseWriter, r *http.Request, route *api.Route) (args []reflect.Value, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, api.Errorf(http.StatusRequestEntityTooLarge, "the request is larger than %d bytes", large.Limit)
	}
	if err != nil {
		return nil, api.Errorf(http.StatusBadRequest, "read the request: %v", err)
	}
	for i, t := range route.Args {
		v := reflect.New(t).Elem()
		switch {
		case i < len(route.Params):
			v.SetString(r.PathValue(route.Params[i]))
		case t.Kind() == reflect.String:
			v.SetString(r.URL.Query().Get(route.Query[i-len(route.Params)]))
		default:
			v.SetInt(number(r, route.Query[i-len(route.Params)]))
		}
		args = append(args, v)
	}
	if route.Request == nil {
		return args, nil
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, api.Errorf(http.StatusUnsupportedMediaType, "%s takes JSON (Content-Type: application/json), not %q", route.Path, kind)
		}
	}
	if err := route.CheckBody(body); err != nil {
		return nil, api.WithStatus(http.StatusBadRequest, err)
	}
	request := reflect.New(route.Request)
	err = strictjson.Decode(body, request.Interface())
	return append(args, request.Elem()), api.WithStatus(http.StatusBadRequest, err)
}

// number is a number of the query, 0 if there is none.
func number(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func reply(w http.ResponseWriter, status int, v any) {
	text, err := api.Marshal(v, api.Unready)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte("{}") // these types always marshal
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client is gone if it fails
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	e := api.ErrorOf(err)
	reply(w, e.Status, e)
}
