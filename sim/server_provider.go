package sim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"demarc/backup"
	"demarc/controlplane/provider"
	"demarc/sim/api"
)

// providerRoutes are the routes of the provider's plane.
func (s *Server) providerRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api.PathIncidents, func(w http.ResponseWriter, _ *http.Request) { reply(w, s.cluster.Incidents()) })
	mux.HandleFunc("GET "+api.PathBackups, s.backupRoute("list"))
	mux.HandleFunc("POST "+api.PathBackups, s.backupRoute("take"))
	mux.HandleFunc("GET "+api.PathBackup+"{id}", s.backupRoute("show"))
	mux.HandleFunc("DELETE "+api.PathBackup+"{id}", s.backupRoute("delete"))
	mux.HandleFunc("POST "+api.PathBackup+"{id}/verify", s.backupRoute("verify"))
	mux.HandleFunc("GET "+api.PathRestores, s.providerOnly("see", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.cluster.Restores()) }))
	mux.HandleFunc("GET "+api.PathReplicas, s.providerOnly("see", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.cluster.Replicas()) }))
	mux.HandleFunc("POST "+api.PathRestores, func(w http.ResponseWriter, r *http.Request) {
		var req api.RestoreRequest
		if read(w, r, &req) {
			s.answerBackup(w, r, "restore", req.Backup)
		}
	})
}

func (s *Server) backupRoute(action string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.answerBackup(w, r, action, r.PathValue("id")) }
}

// answerBackup does something with backups on behalf of whoever asks. That a
// backup is bad is an answer, and no failure of the question.
func (s *Server) answerBackup(w http.ResponseWriter, r *http.Request, action, id string) {
	v, err := s.cluster.backupAction(context.WithoutCancel(r.Context()), s.role(r), action, id)
	var (
		denied  *deniedError
		unknown *provider.NotFoundError
		bad     *backup.BadError
	)
	switch {
	case err == nil, errors.As(err, &bad) && action == "verify":
		reply(w, v)
	case errors.As(err, &denied):
		deny(w, denied)
	case errors.As(err, &unknown):
		fail(w, http.StatusNotFound, err)
	case errors.Is(err, provider.ErrNoLeader):
		fail(w, http.StatusServiceUnavailable, err)
	default:
		fail(w, http.StatusConflict, err)
	}
}

// providerOnly keeps a route from customers.
func (s *Server) providerOnly(action string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.role(r) != api.RoleProvider {
			deny(w, &deniedError{action})
			return
		}
		next(w, r)
	}
}

func deny(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error(), "hint": "as the provider: demarc --as provider …"})
}
