package server

import (
	"crypto/subtle"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"demarc/sim/api"
	"demarc/sim/clock"
)

// ServeHTTP implements [http.Handler]. It lets a request in to its route if it comes from
// a program of this machine, with a token, for a route of the table that its role may ask
// for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer answerPanic(w, r)
	if err := checkLocal(r); err != nil {
		fail(w, err)
		return
	}
	role := s.role(r)
	if role == "" {
		fail(w, api.Errorf(http.StatusUnauthorized, "the management API wants the token of the cluster's engine.json"))
		return
	}
	_, pattern := s.mux.Handler(r)
	if pattern == "" {
		failUnknown(w, r, s.mux)
		return
	}
	if err := s.Allow(s.routes[pattern], role); err != nil {
		fail(w, err)
		return
	}
	if s.routes[pattern].Prompt() {
		defer clock.Hold()()
	}
	s.mux.ServeHTTP(w, r)
}

// answerPanic answers for a handler that panics. What happened is in the engine's log.
func answerPanic(w http.ResponseWriter, r *http.Request) {
	if x := recover(); x != nil {
		log.Printf("management API: %s %s: %v\n%s", r.Method, r.URL.Path, x, debug.Stack())
		fail(w, api.Errorf(http.StatusInternalServerError, "the engine made a mistake over this request: its log says which"))
	}
}

// checkLocal refuses what a browser sends for a web page: requests with an Origin, and
// those under a name that somebody's DNS has given to this machine.
func checkLocal(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host != "localhost" && host != "127.0.0.1" {
		return api.Errorf(http.StatusForbidden, "the management API is asked as 127.0.0.1 or localhost, not as %q", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		return api.Errorf(http.StatusForbidden, "the management API is for programs of this machine, not for the web page %q", origin)
	}
	return nil
}

// role is on whose behalf a request speaks; empty for nobody's.
func (s *Server) role(r *http.Request) api.Role {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return ""
	}
	for role, secret := range s.Tokens {
		if subtle.ConstantTimeCompare([]byte(token), []byte(secret)) == 1 {
			return role
		}
	}
	return ""
}

// failUnknown answers a request that is for no route: there is none of that path, or
// none of that method.
func failUnknown(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		fail(w, api.Errorf(http.StatusNotFound, "no such thing in the management API: %s", r.URL.Path))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	fail(w, api.Errorf(http.StatusMethodNotAllowed, "%s cannot be asked with %s, but with %s", r.URL.Path, r.Method, strings.Join(allowed, ", ")))
}
