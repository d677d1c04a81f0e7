package cluster

import (
	"context"
	"errors"
	"net/http"

	"demarc/backup"
	"demarc/sim/api"
)

// providerRoutes are the routes of the provider's plane.
func (s *Server) providerRoutes(mux handlers) {
	c := s.cluster
	mux.HandleFunc("GET "+api.PathIncidents, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Incidents()) })
	for action, pattern := range backupRoutes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answerBackup(w, r, action, r.PathValue("id")) })
	}
	mux.HandleFunc("GET "+api.PathRestores, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Restores()) })
	mux.HandleFunc("GET "+api.PathReplicas, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.Replicas()) })
	mux.HandleFunc(backupRoutes["restore"], posted(func(ctx context.Context, r *http.Request, req api.RestoreRequest) (any, error) {
		return c.backupAction(ctx, s.role(r), "restore", req.Backup)
	}))
}

// answerBackup does something with backups on behalf of whoever asks. That a
// backup is bad is an answer, and no failure of the question.
func (s *Server) answerBackup(w http.ResponseWriter, r *http.Request, action, id string) {
	v, err := s.cluster.backupAction(context.WithoutCancel(r.Context()), s.role(r), action, id)
	var bad *backup.BadError
	if errors.As(err, &bad) && action == "verify" {
		err = nil
	}
	answer(w, v, err)
}
