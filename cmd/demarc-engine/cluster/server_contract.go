package cluster

import (
	"net/http"

	"demarc/sim/api"
)

// contractRoutes are whose everything is, and why.
func (s *Server) contractRoutes(mux handlers) {
	mux.HandleFunc("GET "+api.PathExplain, func(w http.ResponseWriter, r *http.Request) {
		x, err := s.cluster.Explain(r.FormValue("what"), r.FormValue("edition"))
		found(w, x, err)
	})
	mux.HandleFunc("GET "+api.PathJudgements, func(w http.ResponseWriter, r *http.Request) {
		x, err := s.cluster.Contract(r.FormValue("edition"))
		found(w, x, err)
	})
}
