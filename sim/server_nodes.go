package sim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// nodeRoutes are the shared ground: nodes, their repair, and support's access.
func (s *Server) nodeRoutes(mux *http.ServeMux) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathRepairs, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Repairs()) })
	mux.HandleFunc("GET "+api.PathConsents, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Consents()) })
	mux.HandleFunc("POST "+api.PathConsents, posted(func(ctx context.Context, _ *http.Request, req api.ConsentRequest) (any, error) {
		return c.Consent(ctx, req)
	}))
	mux.HandleFunc("DELETE "+api.PathConsents+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		answerNode(w, struct{}{}, c.RevokeConsent(r.Context(), r.PathValue("id")))
	})
	mux.HandleFunc("POST "+api.PathEscalations, posted(func(ctx context.Context, _ *http.Request, req api.EscalationRequest) (any, error) {
		return c.Escalate(ctx, req)
	}))
	mux.HandleFunc("GET "+api.PathVMs, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.fleet.VMs()) })
	mux.HandleFunc("POST "+api.PathVMs, posted(func(_ context.Context, r *http.Request, req api.VMRequest) (any, error) {
		if err := c.unlocked(s.actor(r), req.Action+" vm/"+req.VM); err != nil {
			return nil, err
		}
		vm, err := c.fleet.DoVM(req, s.actor(r))
		return vm, errors.Join(err, c.saveState())
	}))
	mux.HandleFunc("GET "+api.PathNSG, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.fleet.NSG()) })
	mux.HandleFunc("POST "+api.PathNSG, posted(func(ctx context.Context, r *http.Request, rule api.NSGRule) (any, error) {
		return rule, errors.Join(c.NSG(ctx, "set", rule, s.actor(r)), c.saveState())
	}))
	mux.HandleFunc("DELETE "+api.PathNSG+"/{name}", func(w http.ResponseWriter, r *http.Request) {
		answerNode(w, struct{}{}, errors.Join(c.NSG(r.Context(), "delete", api.NSGRule{Name: r.PathValue("name")}, s.actor(r)), c.saveState()))
	})
	mux.HandleFunc("POST "+api.PathRun, posted(func(ctx context.Context, r *http.Request, req api.RunRequest) (any, error) {
		return c.Run(ctx, s.role(r), req.Node, req.Command)
	}))
}

// actor is who a request acts for on the timeline.
func (s *Server) actor(r *http.Request) timeline.Actor {
	if s.role(r) == api.RoleProvider {
		return timeline.Provider
	}
	return timeline.Customer
}

// posted reads a request and answers it.
func posted[T any](do func(ctx context.Context, r *http.Request, req T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req T
		if !read(w, r, &req) {
			return
		}
		v, err := do(context.WithoutCancel(r.Context()), r, req)
		answerNode(w, v, err)
	}
}

func answerNode(w http.ResponseWriter, v any, err error) {
	var none *provider.ConsentError
	switch {
	case err == nil:
		reply(w, v)
	case errors.As(err, &none):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
	case errors.Is(err, provider.ErrNoLeader):
		fail(w, http.StatusServiceUnavailable, err)
	default:
		fail(w, http.StatusConflict, err)
	}
}
