//go:build faketime

package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/cmd/demarc-engine/cluster/server"
	"demarc/sim/api"
	"demarc/sim/state"
	"demarc/sim/timeline"
)

// apiWorld is a management API over a cluster whose control plane does not run.
type apiWorld struct {
	t       *testing.T
	server  http.Handler
	cluster *Cluster
	tokens  map[api.Role]string
}

func newAPIWorld(t *testing.T) *apiWorld {
	cfg := api.EngineConfig{
		Ephemeral: true, Cluster: api.ClusterSpec{Name: "api", Nodes: 1, Edition: api.DefaultEdition, Start: time.Now(), Seed: 1},
	}
	c, err := Open(t.TempDir(), cfg, dial, state.Loaded{State: &state.State{Cluster: cfg.Cluster, Starting: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	s, err := c.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	text, err := os.ReadFile(filepath.Join(c.dir, "engine.json"))
	if err != nil {
		t.Fatal(err)
	}
	handle, err := api.ReadHandle(text)
	if err != nil {
		t.Fatal(err)
	}
	w := &apiWorld{t: t, server: s, cluster: c, tokens: map[api.Role]string{"": "nobody's", api.RoleCustomer: handle.Token}}
	for _, role := range []api.Role{api.RoleProvider, api.RoleDirector} {
		file := filepath.Join(c.dir, string(role)+".token")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", file, info.Mode(), err)
		}
		w.tokens[role] = strings.TrimSpace(string(b))
	}
	return w
}

// ask sends a request by itself, without a connection. A stream ends at once.
func (w *apiWorld) ask(role api.Role, method, path, body string, set ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.tokens[role])
	for _, f := range set {
		f(r)
	}
	if path == "/v1/stream" {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		r = r.WithContext(ctx)
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	return rec
}

// want checks a status, and that errors are one JSON object with a message in one line.
func (w *apiWorld) want(rec *httptest.ResponseRecorder, status int, what ...any) {
	w.t.Helper()
	if rec.Code != status {
		w.t.Errorf("%v: got %d %.200s, want %d", what, rec.Code, rec.Body, status)
	}
	var e api.Error
	if rec.Code >= 400 && (json.Unmarshal(rec.Body.Bytes(), &e) != nil || e.Message == "" || e.Code == "" || e.Status != rec.Code || strings.Contains(e.Message, "\n") || strings.Contains(e.Message, "goroutine")) {
		w.t.Errorf("%v: got %.200q, want an error in one line", what, rec.Body)
	}
}

var anyMethod = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// malformed are bodies that are not one JSON object.
var malformed = []string{
	"", "null", "[]", `"x"`, "7", "true", "{", "{}{}", "{} x", "{}\x00", "[{}]", `{"a":}`, "\xff", strings.Repeat(`{"a":`, 20_000),
}

// TestEveryRoute asks for every route of the table as everybody, by every method, with
// whatever may come: each answer is of the right kind, nothing is done, and the engine
// goes on answering.
func TestEveryRoute(t *testing.T) {
	w := newAPIWorld(t)
	fill := strings.NewReplacer("{id}", "x", "{name}", "x", "{package}", "x", "{version}", "1")
	byPath := map[string][]string{}
	for _, r := range api.Routes() {
		byPath[r.Path] = append(byPath[r.Path], r.Method)
	}
	for _, route := range api.Routes() {
		path := fill.Replace(route.Path)
		for _, body := range append(slices.Clone(malformed), "{}", strings.Repeat("x", server.MaxBody+1)) {
			w.want(w.ask("", route.Method, path, body), http.StatusUnauthorized, "nobody", route.Pattern())
		}
		for _, method := range anyMethod {
			known := byPath[route.Path]
			if slices.Contains(known, method) || method == http.MethodHead && slices.Contains(known, http.MethodGet) {
				continue
			}
			rec := w.ask(api.RoleDirector, method, path, "{}")
			w.want(rec, http.StatusMethodNotAllowed, method, path)
			for _, m := range known {
				if !strings.Contains(rec.Header().Get("Allow"), m) {
					t.Errorf("%s %s: got Allow %q, want %s", method, path, rec.Header().Get("Allow"), known)
				}
			}
		}
		for _, role := range api.Roles {
			before := w.cluster.log.Last().Seq
			if !slices.Contains(route.Roles, role) {
				w.want(w.ask(role, route.Method, path, "{}"), http.StatusForbidden, role, route.Pattern())
				if e := w.cluster.log.Last(); e.Seq != before+1 || e.Verb != "was refused" || e.Actor != role.Actor() {
					t.Errorf("%s %s: got the event %+v", role, route.Pattern(), e)
				}
				continue
			}
			w.want(w.ask(role, route.Method, path, strings.Repeat("x", server.MaxBody+1)), http.StatusRequestEntityTooLarge, role, route.Pattern())
			if route.Request == nil {
				continue
			}
			for _, body := range malformed {
				w.want(w.ask(role, route.Method, path, body), http.StatusBadRequest, role, route.Pattern(), body)
			}
			w.want(w.ask(role, route.Method, path, `{"no-such-field": 1}`), http.StatusBadRequest, role, route.Pattern())
			w.want(w.ask(role, route.Method, path, "{}", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), http.StatusUnsupportedMediaType, role, route.Pattern())
			for _, field := range route.Needs {
				w.want(w.ask(role, route.Method, path, `{}`), http.StatusBadRequest, role, route.Pattern(), field)
				w.want(w.ask(role, route.Method, path, `{"`+field+`": null}`), http.StatusBadRequest, role, route.Pattern(), field)
			}
			if e := w.cluster.log.Last(); e.Seq != before {
				t.Errorf("%s %s: something was done: %+v", role, route.Pattern(), e)
			}
		}
	}
	w.want(w.ask(api.RoleCustomer, "GET", "/v1/nothing", ""), http.StatusNotFound, "no route")
	w.want(w.ask(api.RoleCustomer, "GET", "/v1/status", ""), http.StatusOK, "afterwards")
}

// TestRoutesAnswer asks for every route as whoever may, with as little as it takes: none
// panics, though the control plane does not run, and the engine is not at fault.
func TestRoutesAnswer(t *testing.T) {
	w := newAPIWorld(t)
	fill := strings.NewReplacer("{id}", "x", "{name}", "x", "{package}", "x", "{version}", "1")
	for _, route := range api.Routes() {
		fields := map[string]any{}
		for _, name := range route.Needs {
			fields[name] = "x"
		}
		body, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range route.Roles {
			rec := w.ask(role, route.Method, fill.Replace(route.Path), string(body))
			if rec.Code >= 500 && rec.Code != http.StatusServiceUnavailable {
				t.Errorf("%s %s: got %d %s", role, route.Pattern(), rec.Code, rec.Body)
			}
		}
	}
	w.want(w.ask(api.RoleCustomer, "GET", "/v1/status", ""), http.StatusOK, "afterwards")
}

// TestTable checks that each action is documented, can be asked for over HTTP and by
// scenarios, and is in the OpenAPI document, as what it takes and answers.
func TestTable(t *testing.T) {
	w := newAPIWorld(t)
	local, client := w.cluster.As(api.RoleDirector), api.NewClient(api.Handle{})
	rec := w.ask(api.RoleCustomer, "GET", "/v1/openapi.json", "")
	w.want(rec, http.StatusOK, "the document")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID, Description string
			Parameters               []struct{ Name, In string }
			RequestBody              *struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Responses map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("%v: %.300s", err, rec.Body)
	}
	refs := regexp.MustCompile(`"#/components/schemas/([^"]*)"`).FindAllStringSubmatch(rec.Body.String(), -1)
	if len(refs) == 0 {
		t.Error("no schema is used")
	}
	for _, ref := range refs {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
	seen := map[string]bool{}
	for _, r := range api.Routes() {
		if seen[r.Pattern()] || !strings.HasPrefix(r.Path, "/") {
			t.Errorf("%s: %q is no pattern of its own", r.Name, r.Pattern())
		}
		seen[r.Pattern()] = true
		if docs := api.Docs()[r.Name]; !strings.HasPrefix(docs, r.Name+" ") {
			t.Errorf("%s has the documentation %q", r.Name, docs)
		}
		if !r.Has(&client.Actions) {
			t.Errorf("the client has no %s", r.Name)
		}
		if byHTTP := r.Name == "Stream" || r.Name == "Metrics"; r.Has(local) == byHTTP {
			t.Errorf("%s: the cluster has it: %t", r.Name, r.Has(local))
		}
		if !r.Streams() && r.Timeout <= 0 {
			t.Errorf("%s has no timeout", r.Name)
		}
		op, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok || op.OperationID != r.Name || op.Description == "" || op.Responses["200"] == nil || op.Responses["default"] == nil {
			t.Errorf("%s is in the document as %+v", r.Pattern(), op)
		}
		if len(op.Parameters) != len(r.Args) || (op.RequestBody != nil) != (r.Request != nil) {
			t.Errorf("%s takes %+v and %v", r.Pattern(), op.Parameters, op.RequestBody)
		}
	}
}

// TestStatusOfAPausedClock checks that a status does not wait for a health check that
// cannot even time out, and says so.
func TestStatusOfAPausedClock(t *testing.T) {
	w := newAPIWorld(t)
	answered := make(chan struct{})
	defer close(answered)
	w.cluster.health.Components = func() []incident.Component {
		return []incident.Component{{Component: api.Component{Name: "etcd", State: "running"}, Check: func(context.Context) error {
			<-answered
			return nil
		}}}
	}
	w.want(w.ask(api.RoleCustomer, "PUT", "/v1/clock", `{"rate":"pause"}`), http.StatusOK, "pause")
	defer w.ask(api.RoleCustomer, "PUT", "/v1/clock", `{"rate":"max"}`)
	rec := w.ask(api.RoleCustomer, "GET", "/v1/status", "")
	var s api.Status
	if err := json.Unmarshal(rec.Body.Bytes(), &s); err != nil || len(s.Components) != 1 || s.Components[0].Message != "no answer to its health check yet" {
		t.Errorf("%v: got %+v", err, s.Components)
	}
}

// TestOnlyLocalPrograms checks that a web page gets no answer, token or not.
func TestOnlyLocalPrograms(t *testing.T) {
	w := newAPIWorld(t)
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, name := range []string{"evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "0.0.0.0:1", "[::1]:1"} {
		w.want(w.ask(api.RoleDirector, "GET", "/v1/status", "", host(name)), http.StatusForbidden, "host", name)
	}
	for _, name := range []string{"localhost", "localhost:1", "127.0.0.1", "127.0.0.1:7"} {
		w.want(w.ask(api.RoleDirector, "GET", "/v1/status", "", host(name)), http.StatusOK, "host", name)
	}
	for _, origin := range []string{"http://evil.example", "null", "http://127.0.0.1:1"} {
		w.want(w.ask(api.RoleDirector, "GET", "/v1/status", "", func(r *http.Request) { r.Header.Set("Origin", origin) }), http.StatusForbidden, "origin", origin)
	}
	for _, auth := range []string{"", "Bearer", "Bearer ", w.tokens[api.RoleDirector], "Basic " + w.tokens[api.RoleDirector]} {
		w.want(w.ask("", "GET", "/v1/status", "", func(r *http.Request) { r.Header.Set("Authorization", auth) }), http.StatusUnauthorized, "authorization", auth)
	}
}

// TestFaultsAndConsentsByRole checks what customers and the provider are refused by the
// routes through which they harmed and served themselves.
func TestFaultsAndConsentsByRole(t *testing.T) {
	w := newAPIWorld(t)
	node := w.cluster.fleet.NodeNames()[0]
	for _, tt := range []struct {
		role         api.Role
		method, path string
		body         string
		status       int
		actor        timeline.Actor // of the event; empty for none
		asker        string
	}{
		{api.RoleCustomer, "POST", "/v1/faults", `{"verb":"fill","target":"backup-store","by":"provider"}`, 403, timeline.Customer, ""},
		{api.RoleCustomer, "POST", "/v1/faults", `{"verb":"crash","target":"provider/0"}`, 403, timeline.Customer, ""},
		{api.RoleCustomer, "POST", "/v1/faults", `{"verb":"power-off","target":"node/0","by":"provider"}`, 403, timeline.Customer, ""},
		{api.RoleCustomer, "POST", "/v1/faults", `{"verb":"crsh","target":"node/0"}`, 400, "", ""},
		{api.RoleProvider, "POST", "/v1/faults", `{"verb":"cut","target":"node/0","by":"customer"}`, 403, timeline.Provider, ""},
		{api.RoleDirector, "POST", "/v1/faults", `{"verb":"fill","target":"backup-store"}`, 200, timeline.Platform, ""},
		{api.RoleCustomer, "DELETE", "/v1/faults/f1", "", 403, timeline.Customer, ""},
		{api.RoleDirector, "DELETE", "/v1/faults/f1", "", 200, timeline.Platform, ""},
		{api.RoleProvider, "POST", "/v1/consents", `{"node":"` + node + `","for":"1h"}`, 403, timeline.Provider, ""},
		{api.RoleCustomer, "POST", "/v1/consents", `{"node":"` + node + `","for":"1h"}`, 200, timeline.Customer, ""},
		{api.RoleDirector, "POST", "/v1/consents", `{"node":"` + node + `","for":"1h"}`, 200, timeline.Customer, "director"},
		{api.RoleProvider, "DELETE", "/v1/consents/x", "", 403, timeline.Provider, ""},
		{api.RoleProvider, "POST", "/v1/cases", `{"symptom":"DNS"}`, 403, timeline.Provider, ""},
		{api.RoleDirector, "POST", "/v1/cases", `{"symptom":"DNS"}`, 200, timeline.Customer, "director"},
		{api.RoleDirector, "POST", "/v1/cases/1/close", `{}`, 200, timeline.Customer, "director"},
		{api.RoleCustomer, "GET", "/v1/provider/backups", "", 403, timeline.Customer, ""},
		{api.RoleCustomer, "POST", "/v1/patches", `{"package":"openssl"}`, 403, timeline.Customer, ""},
	} {
		before := w.cluster.log.Last().Seq
		w.want(w.ask(tt.role, tt.method, tt.path, tt.body), tt.status, tt.role, tt.method, tt.path, tt.body)
		e := w.cluster.log.Last()
		if (e.Seq == before) != (tt.actor == "") || e.Seq > before && (e.Actor != tt.actor || e.Asker != tt.asker || (e.Verb == "was refused") != (tt.status == 403)) {
			t.Errorf("%s %s %s %s: got the event %+v", tt.role, tt.method, tt.path, tt.body, e)
		}
	}
	if n := len(w.cluster.Consents()); n != 2 {
		t.Errorf("%d consents, want the customer's and the director's", n)
	}
}
