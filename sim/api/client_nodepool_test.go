package api

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNodePoolRequests(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = strings.TrimSpace(r.Method + " " + r.URL.EscapedPath() + " " + string(body))
		if r.URL.Path == "/v1/nodepools" {
			fmt.Fprint(w, "[{}]")
			return
		}
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	c := NewClient(Handle{Address: server.Listener.Addr().String()})
	for want, do := range map[string]func() error{
		"GET /v1/nodepools":       func() error { _, err := c.NodePools(t.Context()); return err },
		"GET /v1/nodepools/a%2Fb": func() error { _, err := c.NodePool(t.Context(), "a/b"); return err },
		`POST /v1/nodepools/p/scale {"count":5}`: func() error {
			_, err := c.ScaleNodePool(t.Context(), "p", ScaleRequest{Count: 5})
			return err
		},
	} {
		if err := do(); err != nil || asked != want {
			t.Errorf("asked for %q, %v; want %q", asked, err, want)
		}
	}
}
