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
		if r.URL.Path == "/v1/nodepools" && r.Method == http.MethodGet {
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
		`POST /v1/nodepools {"name":"p","count":0,"mode":"User"}`: func() error {
			_, err := c.AddNodePool(t.Context(), AddPoolRequest{Name: "p", PoolShape: PoolShape{Mode: ModeUser}})
			return err
		},
		`POST /v1/nodepools/p/update {"labels":{},"taints":null}`: func() error {
			_, err := c.UpdateNodePool(t.Context(), "p", UpdatePoolRequest{Labels: map[string]string{}})
			return err
		},
		`POST /v1/nodepools/p/delete {"ignorePDB":true}`: func() error {
			_, err := c.DeleteNodePool(t.Context(), "p", DeletePoolRequest{IgnorePDB: true})
			return err
		},
	} {
		if err := do(); err != nil || asked != want {
			t.Errorf("asked for %q, %v; want %q", asked, err, want)
		}
	}
}
