package cluster

import (
	"context"
	"net/http"

	"demarc/sim/api"
)

// featureRoutes are preview features, feature gates, and the cluster's settings.
func (s *Server) featureRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathFeatures, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Features()) })
	for action, wanted := range map[string]bool{"register": true, "unregister": false} {
		mux.HandleFunc("POST "+api.PathFeatures+"/{name}/"+action, func(w http.ResponseWriter, r *http.Request) {
			f, err := c.RegisterFeature(context.WithoutCancel(r.Context()), r.PathValue("name"), wanted)
			answer(w, f, err)
		})
	}
	mux.HandleFunc("GET "+api.PathFeatureGates, func(w http.ResponseWriter, r *http.Request) {
		list, err := c.FeatureGates(r.Context())
		answer(w, list, err)
	})
	mux.HandleFunc("POST "+api.PathUpdate, posted(func(ctx context.Context, _ *http.Request, req api.UpdateRequest) (any, error) {
		return c.Update(ctx, req)
	}))
}
