package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Route is one thing that the management API can be asked for.
type Route struct {
	// Method and Path are as in the patterns of [http.ServeMux].
	Method, Path string
	// Roles may ask for it.
	Roles []Role
	// Action says in a refusal what it is, Because why not everybody may, and Subject
	// what it is about on the timeline; the owner's if empty.
	Action, Because, Subject string
	// Body says that it takes a JSON object, and Needs which of its fields must be there.
	Body  bool
	Needs []string
}

// Pattern is the route as [http.ServeMux] reads it.
func (r Route) Pattern() string { return r.Method + " " + r.Path }

// Check refuses a role that may not ask for the route. The error is a [Refusal].
func (r Route) Check(role Role) error {
	if slices.Contains(r.Roles, role) {
		return nil
	}
	owner := r.Roles[0]
	return &Refusal{Role: role, Action: r.Action, Owner: owner, Because: r.Because, Hint: fmt.Sprintf("as the %s: demarc --as %[1]s …", owner)}
}

// CheckBody checks that a request says what the route takes: one JSON object, with the
// fields that it needs.
func (r Route) CheckBody(text []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("the request is not one JSON object: %w", err)
	}
	if fields == nil {
		return errors.New("the request is null: want a JSON object")
	}
	for _, name := range r.Needs {
		if value, ok := fields[name]; !ok || string(value) == "null" {
			return fmt.Errorf("the request lacks %q", name)
		}
	}
	return nil
}

// FindRoute is the route of a pattern, such as GET /v1/status.
func FindRoute(pattern string) (r Route, ok bool) {
	i := slices.IndexFunc(Routes, func(r Route) bool { return r.Pattern() == pattern })
	if i < 0 {
		return r, false
	}
	return Routes[i], true
}

const (
	get    = http.MethodGet
	put    = http.MethodPut
	post   = http.MethodPost
	remove = http.MethodDelete
)

// noBackups is why customers have no part in backups.
const noBackups = "support policy of 2019-04-01, section on etcd backups: automatic, transparent, not directly available to customers"

// Routes are the management API. The clock and the end of the engine are everybody's:
// they are dials of the laptop, and no part of the service.
var Routes = []Route{
	{Method: get, Path: PathStatus, Roles: Roles},
	{Method: get, Path: PathClock, Roles: Roles},
	{Method: put, Path: PathClock, Roles: Roles, Body: true, Needs: []string{"rate"}},
	{Method: get, Path: PathTimeline, Roles: Roles},
	{Method: get, Path: PathStream, Roles: Roles},
	{Method: get, Path: PathReport, Roles: Roles},
	{Method: post, Path: PathStop, Roles: Roles},
	{Method: get, Path: PathStacks, Roles: Roles},
	{Method: get, Path: PathMetrics, Roles: Roles},

	// Who may inject which fault is a table of its own: see [CheckFault].
	{Method: get, Path: PathFaults, Roles: Roles},
	{Method: post, Path: PathFaults, Roles: Roles, Body: true, Needs: []string{"verb", "target"}},
	{Method: remove, Path: PathFault + "{id}", Roles: Roles},
	{Method: post, Path: PathTraffic, Roles: customers, Action: "send traffic", Body: true, Needs: []string{"name", "from", "to", "rate"}},
	{Method: remove, Path: PathTraffic + "/{name}", Roles: customers, Action: "stop traffic"},

	{Method: get, Path: PathIncidents, Roles: Roles},
	{Method: get, Path: PathBackups, Roles: providers, Action: "list backups", Because: noBackups, Subject: "backups"},
	{Method: post, Path: PathBackups, Roles: providers, Action: "take a backup", Because: noBackups, Subject: "backups"},
	{Method: get, Path: PathBackup + "{id}", Roles: providers, Action: "show a backup", Because: noBackups, Subject: "backups"},
	{Method: remove, Path: PathBackup + "{id}", Roles: providers, Action: "delete a backup", Because: noBackups, Subject: "backups"},
	{Method: post, Path: PathBackup + "{id}/verify", Roles: providers, Action: "verify a backup", Because: noBackups, Subject: "backups"},
	{Method: get, Path: PathRestores, Roles: providers, Action: "see restores", Because: noBackups, Subject: "backups"},
	{Method: post, Path: PathRestores, Roles: providers, Action: "restore a backup", Because: noBackups, Subject: "backups", Body: true},
	{Method: get, Path: PathReplicas, Roles: providers, Action: "see the provider's replicas"},

	{Method: get, Path: PathRepairs, Roles: Roles},
	{Method: get, Path: PathConsents, Roles: Roles},
	{Method: post, Path: PathConsents, Roles: customers, Action: "grant consent", Body: true, Needs: []string{"node", "for"}},
	{Method: remove, Path: PathConsents + "/{id}", Roles: customers, Action: "revoke consent"},
	{Method: post, Path: PathEscalations, Roles: customers, Action: "escalate", Body: true, Needs: []string{"node"}},
	{Method: get, Path: PathVMs, Roles: Roles},
	{Method: post, Path: PathVMs, Roles: Roles, Body: true, Needs: []string{"action", "vm"}},
	{Method: get, Path: PathNSG, Roles: Roles},
	{Method: post, Path: PathNSG, Roles: Roles, Body: true, Needs: []string{"name"}},
	{Method: remove, Path: PathNSG + "/{name}", Roles: Roles},
	{Method: post, Path: PathRun, Roles: Roles, Body: true, Needs: []string{"node", "command"}},

	{Method: get, Path: PathFeatures, Roles: Roles},
	{Method: post, Path: PathFeatures + "/{name}/register", Roles: customers, Action: "register previews in the customer's subscription"},
	{Method: post, Path: PathFeatures + "/{name}/unregister", Roles: customers, Action: "unregister previews of the customer's subscription"},
	{Method: get, Path: PathFeatureGates, Roles: Roles},
	{Method: post, Path: PathUpdate, Roles: customers, Action: "change the cluster's settings", Body: true},

	{Method: get, Path: PathCases, Roles: Roles},
	{Method: get, Path: PathCase + "{id}", Roles: Roles},
	{Method: post, Path: PathCases, Roles: customers, Action: "open a support case", Body: true, Needs: []string{"symptom"}},
	{Method: post, Path: PathCase + "{id}/escalate", Roles: customers, Action: "escalate a support case", Body: true},
	{Method: post, Path: PathCase + "{id}/close", Roles: Roles, Body: true},

	{Method: get, Path: PathOperations, Roles: Roles},
	{Method: get, Path: PathUpgrades, Roles: Roles},
	{Method: post, Path: PathUpgrades, Roles: customers, Action: "start an upgrade", Body: true},
	{Method: get, Path: PathNodePools, Roles: Roles},
	{Method: get, Path: PathNodePools + "/{name}", Roles: Roles},
	{Method: post, Path: PathNodePools + "/{name}/scale", Roles: customers, Action: "scale a node pool", Body: true, Needs: []string{"count"}},

	{Method: get, Path: PathExplain, Roles: Roles},
	{Method: get, Path: PathJudgements, Roles: Roles},
	{Method: get, Path: PathPatches, Roles: Roles},
	{Method: post, Path: PathPatches, Roles: providers, Action: "publish patches", Body: true, Needs: []string{"package"}},
	{Method: remove, Path: PathPatches + "/{package}/{version}", Roles: providers, Action: "withdraw patches"},
	{Method: get, Path: PathCVEs, Roles: Roles},
	{Method: get, Path: PathCVEs + "/{id}", Roles: Roles},
	{Method: post, Path: PathCVEs, Roles: providers, Action: "publish vulnerabilities", Body: true, Needs: []string{"id", "component"}},
}
