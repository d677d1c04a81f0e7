package cluster

import (
	"context"
	"errors"
	"net/http"

	"demarc/sim/api"
)

// nodeRoutes are the shared ground: nodes, their repair, and support's access.
func (s *Server) nodeRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathRepairs, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Repairs()) })
	mux.HandleFunc("GET "+api.PathConsents, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Consents()) })
	mux.HandleFunc("POST "+api.PathConsents, posted(func(ctx context.Context, _ *http.Request, req api.ConsentRequest) (any, error) {
		return c.Consent(ctx, req)
	}))
	mux.HandleFunc("DELETE "+api.PathConsents+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, c.RevokeConsent(r.Context(), r.PathValue("id")))
	})
	mux.HandleFunc("POST "+api.PathEscalations, posted(func(ctx context.Context, _ *http.Request, req api.EscalationRequest) (any, error) {
		return c.Escalate(ctx, req)
	}))
	mux.HandleFunc("GET "+api.PathVMs, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.fleet.VMs()) })
	mux.HandleFunc("POST "+api.PathVMs, posted(func(_ context.Context, r *http.Request, req api.VMRequest) (any, error) {
		if err := c.unlocked(s.role(r).Actor(), req.Action+" vm/"+req.VM); err != nil {
			return nil, err
		}
		vm, err := c.fleet.DoVM(req, s.role(r).Actor())
		return vm, errors.Join(err, c.saveState())
	}))
	mux.HandleFunc("GET "+api.PathNSG, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.fleet.NSG()) })
	mux.HandleFunc("POST "+api.PathNSG, posted(func(ctx context.Context, r *http.Request, rule api.NSGRule) (any, error) {
		return rule, errors.Join(c.NSG(ctx, "set", rule, s.role(r).Actor()), c.saveState())
	}))
	mux.HandleFunc("DELETE "+api.PathNSG+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, errors.Join(c.NSG(r.Context(), "delete", api.NSGRule{Name: r.PathValue("name")}, s.role(r).Actor()), c.saveState()))
	})
	mux.HandleFunc("POST "+api.PathRun, posted(func(ctx context.Context, r *http.Request, req api.RunRequest) (any, error) {
		return c.Run(ctx, s.role(r), req.Node, req.Command)
	}))
}
