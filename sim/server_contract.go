package sim

import (
	"net/http"

	"demarc/sim/api"
)

// contractRoutes are whose everything is, and why.
func (s *Server) contractRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api.PathExplain, func(w http.ResponseWriter, r *http.Request) {
		x, err := s.cluster.Explain(r.FormValue("what"), r.FormValue("edition"))
		found(w, x, err)
	})
	mux.HandleFunc("GET "+api.PathJudgements, func(w http.ResponseWriter, r *http.Request) {
		x, err := s.cluster.Contract(r.FormValue("edition"))
		found(w, x, err)
	})
}

// found answers what was looked for; its absence is no mistake of the engine's.
func found(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	reply(w, v)
}
