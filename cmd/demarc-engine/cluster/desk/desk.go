// Package desk is the support desk of a cluster: the cases that customers open, and the
// loop of the provider's leader that answers them.
//
// What is answered is decided by package sim/desk from the evidence that is gathered
// here. All that the loop goes by is in the provider's log.
package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/cmd/demarc-engine/cluster/incident"
	"demarc/controlplane/provider"
	"demarc/nodes"
	"demarc/sim/api"
	"demarc/sim/desk"
	"demarc/sim/timeline"

	"k8s.io/client-go/kubernetes"
)

// Config is what a [Desk] sees and uses of its cluster.
type Config struct {
	// Edition is the edition of the support policy that cases are answered by.
	Edition  string
	Log      *timeline.Log
	Replicas *provider.Replicas
	Operator *provider.Operator
	Health   *incident.Health
	Fleet    *nodes.Fleet
	Client   kubernetes.Interface
	// Installed is closed when the cluster has its add-ons: no case is answered before.
	Installed <-chan struct{}
	// Version is the control plane's, Contract whose the incidents are by an edition,
	// and Repairs what was repaired.
	Version  func() string
	Contract func(edition string) (api.Contract, error)
	Repairs  func() []api.Repair
	// Node resolves a reference to a node, and Run runs a command there.
	Node func(ref string) (string, error)
	Run  func(ctx context.Context, by api.Role, r api.RunRequest) (api.RunResult, error)
}

// Desk is the support desk of a cluster.
type Desk struct {
	Config
	// mu guards the cases in the provider's plane: each is read, changed and written as
	// one.
	mu sync.Mutex
}

// New makes the desk of a cluster.
func New(cfg Config) *Desk { return &Desk{Config: cfg} }

// apply puts commands into the provider's log: a leadership's, or whoever leads.
type apply func(ctx context.Context, commands ...provider.Command) error

// Cases implements [run.World].
func (d *Desk) Cases() []api.Case { return casesOf(d.Replicas.State()) }

// casesOf are the cases that the plane remembers, the oldest first.
func casesOf(s provider.State) []api.Case {
	list := make([]api.Case, 0, len(s.Cases))
	for _, record := range s.Cases {
		var x api.Case
		if json.Unmarshal(record, &x) == nil { // it was one when it was put there
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b api.Case) int { return caseNumber(a) - caseNumber(b) })
	return list
}

func caseNumber(x api.Case) int {
	n, err := strconv.Atoi(x.ID)
	if err != nil {
		return 0
	}
	return n
}

// Case is the case that words such as 1 or case/1 name.
func (d *Desk) Case(words string) (api.Case, error) {
	list := d.Cases()
	i := slices.IndexFunc(list, func(x api.Case) bool { return x.Names(words) })
	if i < 0 {
		return api.Case{}, api.Errorf(http.StatusNotFound, "there is no such support case: %q; demarc support list lists them", words)
	}
	return list[i], nil
}

// put puts a case in the log.
func put(ctx context.Context, to apply, x api.Case) error {
	record, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("support case %s: %w", x.ID, err)
	}
	return to(ctx, provider.PutCase(x.ID, record))
}

// note puts what happened to a case on the timeline, because of its opening.
func (d *Desk) note(ctx context.Context, by timeline.Actor, verb timeline.Verb, x api.Case, message string) {
	e := timeline.Event{Actor: by, Verb: verb, Subject: x.Name(), Message: message, Asker: timeline.Asker(ctx)}
	if verb != "opened" {
		events, _ := d.Log.Since(0)
		if i := slices.IndexFunc(events, func(o timeline.Event) bool { return o.Subject == x.Name() }); i >= 0 {
			e.Cause = events[i].Seq
		}
	}
	d.Log.Append(e)
}

// said adds a paragraph to a case's conversation. It shares nothing with what is in the
// log.
func said(x api.Case, by api.Role, text string) api.Case {
	x.Conversation = append(slices.Clip(x.Conversation), api.CaseEntry{At: time.Now().UTC(), By: by, Text: text})
	return x
}

// OpenCase asks the support desk something.
func (d *Desk) OpenCase(ctx context.Context, r api.CaseRequest) (api.Case, error) {
	if err := desk.Check(r); err != nil {
		return api.Case{}, err
	}
	if r.Node != "" {
		var err error
		if r.Node, err = d.Node(r.Node); err != nil {
			return api.Case{}, err
		}
	}
	if r.Severity == "" {
		r.Severity = api.SeverityC
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := 1
	if list := d.Cases(); len(list) > 0 {
		id = caseNumber(list[len(list)-1]) + 1
	}
	now := time.Now().UTC()
	x := api.Case{
		ID: strconv.Itoa(id), CaseAbout: r.CaseAbout, Symptom: strings.TrimSpace(r.Symptom), Severity: r.Severity, Edition: d.Edition,
		State: api.CaseOpened, Verdict: api.Verdict{Clauses: []string{}}, Findings: []api.CaseFinding{},
		Opened: now, Due: now.Add(r.Severity.InitialResponse()),
	}
	x = said(x, api.RoleCustomer, x.Symptom)
	if err := put(ctx, d.Replicas.Apply, x); err != nil {
		return x, err
	}
	d.note(ctx, timeline.Customer, "opened", x, x.Symptom)
	return x, nil
}

// EscalateCase is what a customer does who will not wait. A case without an answer gets the next worse
// severity; one with an answer has its node restarted.
func (d *Desk) EscalateCase(ctx context.Context, id string, note api.CaseNote) (api.Case, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.Case(id)
	if err != nil {
		return x, err
	}
	what := ""
	switch {
	case x.State == api.CaseOpened:
		higher, ok := x.Severity.Higher()
		if !ok {
			return x, fmt.Errorf("case %s has severity A already: it is answered by %s", x.ID, x.Due.Format(time.RFC3339))
		}
		x.Severity, x.Due = higher, x.Opened.Add(higher.InitialResponse())
		what = "severity " + string(higher)
	case x.State != api.CaseOffersEscalation:
		return x, fmt.Errorf("case %s is %s: there is no node whose restart it offers%s", x.ID, x.State, asksFor(x))
	default:
		node, err := d.Node(x.Restarts)
		if err != nil {
			return x, err
		}
		repair, err := d.Operator.Escalate(ctx, d.Replicas, node, strings.TrimSpace("case "+x.ID+" "+note.Text))
		if err != nil {
			return x, err
		}
		x.State, x.Repair, x.Asks = api.CaseEscalated, repair.ID, ""
		what = "restart of node/" + x.Restarts
	}
	x = said(x, api.RoleCustomer, strings.TrimSpace("Escalated: "+what+". "+note.Text))
	if err := put(ctx, d.Replicas.Apply, x); err != nil {
		return x, err
	}
	d.note(ctx, timeline.Customer, "escalated", x, what)
	return x, nil
}

// asksFor repeats what a case waits for.
func asksFor(x api.Case) string {
	if x.Asks == "" {
		return ""
	}
	return "; it asks for " + x.Asks
}

// CloseCase ends a case.
func (d *Desk) CloseCase(ctx context.Context, by api.Role, id string, note api.CaseNote) (api.Case, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.Case(id)
	switch {
	case err != nil:
		return x, err
	case x.State == api.CaseClosed:
		return x, fmt.Errorf("case %s was closed at %s already; open another one", x.ID, x.Closed.Format(time.RFC3339))
	}
	return d.close(ctx, d.Replicas.Apply, x, by, note.Text)
}

// close ends a case; the caller holds the cases.
func (d *Desk) close(ctx context.Context, to apply, x api.Case, by api.Role, text string) (api.Case, error) {
	by = api.Role(by.Actor()) // a director plays the customer
	x.State, x.Closed, x.ClosedBy, x.Asks, x.WaitsFor = api.CaseClosed, time.Now().UTC(), by, "", ""
	x = said(x, by, strings.TrimSpace("Closed. "+text))
	if err := put(ctx, to, x); err != nil {
		return x, err
	}
	d.note(ctx, by.Actor(), "closed", x, text)
	return x, nil
}
