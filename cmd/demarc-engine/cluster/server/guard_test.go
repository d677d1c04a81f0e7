package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"demarc/sim/api"
)

// TestPanicInAHandler checks that a mistake of ours is one line to whoever asked.
func TestPanicInAHandler(t *testing.T) {
	s := newServer(Config{Tokens: map[api.Role]string{api.RoleCustomer: "secret"}, Allow: func(*api.Route, api.Role) error { panic("nil map") }})
	r := httptest.NewRequest("GET", "http://localhost/v1/status", nil)
	r.Header.Set("Authorization", "Bearer secret")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	var e api.Error
	if rec.Code != http.StatusInternalServerError || json.Unmarshal(rec.Body.Bytes(), &e) != nil || e.Message == "" || strings.ContainsAny(e.Message, "\n") {
		t.Errorf("got %d %s, want an error in one line", rec.Code, rec.Body)
	}
	if strings.Contains(rec.Body.String(), "nil map") {
		t.Errorf("got %s", rec.Body)
	}
}
