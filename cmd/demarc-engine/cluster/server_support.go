package cluster

import (
	"context"
	"net/http"

	"demarc/sim/api"
)

// supportRoutes are the support desk.
func (s *Server) supportRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathCases, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Cases()) })
	mux.HandleFunc("GET "+api.PathCase+"{id}", func(w http.ResponseWriter, r *http.Request) {
		x, err := c.Case(r.PathValue("id"))
		answer(w, x, err)
	})
	mux.HandleFunc("POST "+api.PathCases, posted(func(ctx context.Context, _ *http.Request, req api.CaseRequest) (any, error) {
		return c.OpenCase(ctx, req)
	}))
	mux.HandleFunc("POST "+api.PathCase+"{id}/escalate", posted(func(ctx context.Context, r *http.Request, n api.CaseNote) (any, error) {
		return c.EscalateCase(ctx, r.PathValue("id"), n.Text)
	}))
	mux.HandleFunc("POST "+api.PathCase+"{id}/close", posted(func(ctx context.Context, r *http.Request, n api.CaseNote) (any, error) {
		return c.CloseCase(ctx, r.PathValue("id"), n.Text, s.role(r))
	}))
}
