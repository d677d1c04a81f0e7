package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"demarc/scenarios/script/parse"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

// fakeWorld is a cluster without an engine. Faults are only recorded, except
// that kube-apiserver can be crashed and started.
type fakeWorld struct {
	log     *timeline.Log
	client  *fake.FakeDynamicClient
	down    atomic.Bool
	ready   atomic.Bool  // the file ready is there
	busy    atomic.Int32 // so many requests of a traffic fail, one whenever its record is asked for
	mu      sync.Mutex   // guards what follows: requests come in timers' goroutines
	records map[string]*traffic.Record

	catalogue []api.Backup
	restores  []api.Restore
	upgrades  []api.Operation
	contract  api.Contract
	cases     []api.Case
	unjudged  error // why there is no contract
}

func newFakeWorld() *fakeWorld {
	w := &fakeWorld{log: timeline.New(), records: map[string]*traffic.Record{}, client: fake.NewSimpleDynamicClient(scheme.Scheme)}
	refuse := func(clienttesting.Action) (bool, runtime.Object, error) {
		return w.down.Load(), nil, errors.New("connect: connection refused")
	}
	w.client.PrependReactor("*", "*", refuse)
	return w
}

func (w *fakeWorld) Customer() *rest.Config { return &rest.Config{} }
func (w *fakeWorld) Inject(_ context.Context, s fault.Spec) (fault.Active, error) {
	if s.Target == "etcd" && s.Verb == "slow" {
		return fault.Active{}, errors.New("etcd cannot be slowed down")
	}
	if s.Target == "kube-apiserver" {
		w.down.Store(s.Verb == "crash")
	}
	e := w.log.Append(timeline.Event{Actor: s.By, Verb: timeline.Verb(s.Verb + "ed"), Subject: s.Target})
	return fault.Active{ID: "f1", Spec: s, Event: e.Seq}, nil
}
func (w *fakeWorld) StartTraffic(s traffic.Spec) (traffic.Spec, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[s.Name] = traffic.NewRecord(s)
	return s, nil
}
func (w *fakeWorld) StopTraffic(string) error { return nil }
func (w *fakeWorld) Traffic(name string) (*traffic.Record, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.records[name]
	if ok && w.busy.Add(-1) >= 0 {
		r.Add(traffic.Result{Time: time.Now(), Reason: "connection refused"})
	}
	return r, ok
}
func (w *fakeWorld) Timeline() *timeline.Log                { return w.log }
func (w *fakeWorld) Record(e timeline.Event) timeline.Event { return w.log.Append(e) }
func (w *fakeWorld) Components() []api.Component {
	return []api.Component{{Name: "etcd", State: "running", Healthy: true, Starts: 1}}
}
func (w *fakeWorld) Machines() []api.Machine {
	return []api.Machine{{Name: "n-0", Power: "running"}, {Name: "n-1", Power: "stopped"}}
}
func (w *fakeWorld) Containers() []api.Container { return nil }
func (w *fakeWorld) Incidents() []api.Incident   { return nil }
func (w *fakeWorld) Contract(string) (api.Contract, error) {
	return w.contract, w.unjudged
}
func (w *fakeWorld) Backups() []api.Backup {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.catalogue
}
func (w *fakeWorld) Restores() []api.Restore {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.restores
}
func (w *fakeWorld) Replicas() []api.Replica {
	return []api.Replica{
		{Name: "0", State: "leader", Network: "up", Term: 3, Applied: 40, Last: 41}, {Name: "1", State: "follower", Network: "cut"}, {Name: "2", State: "stopped"},
	}
}
func (w *fakeWorld) As(role api.Role) *api.Actions {
	return api.Serve(w, role, func(r *api.Route, role api.Role) error {
		if r.Subject == "backups" && role != api.RoleProvider {
			return errors.New("backups are the provider's; ask for a restore with a support case")
		}
		return r.Check(role)
	})
}
func (w *fakeWorld) asked(what string) (api.Backup, error) {
	w.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "asked", Subject: strings.TrimSpace(what)})
	return api.Backup{}, nil
}
func (w *fakeWorld) Backup(id string) (api.Backup, error)       { return w.asked("show " + id) }
func (w *fakeWorld) TakeBackup() (api.Backup, error)            { return w.asked("take") }
func (w *fakeWorld) VerifyBackup(id string) (api.Backup, error) { return w.asked("verify " + id) }
func (w *fakeWorld) DeleteBackup(id string) error {
	_, err := w.asked("delete " + id)
	return err
}
func (w *fakeWorld) Restore(r api.RestoreRequest) (api.Restore, error) {
	_, err := w.asked("restore " + r.Backup)
	return api.Restore{}, err
}
func (w *fakeWorld) Repairs() []api.Repair {
	return []api.Repair{{ID: "n1", Node: "n-0", Layer: api.LayerNode, Subject: "kubelet/n-0", Outcome: api.RepairHealed}}
}
func (w *fakeWorld) Run(by api.Role, req api.RunRequest) (api.RunResult, error) {
	node, command := req.Node, req.Command
	if by == api.RoleProvider {
		return api.RunResult{}, errors.New("support needs the customer's consent")
	}
	w.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "ran", Subject: "node/" + node, Message: command})
	switch {
	case command == "false":
		return api.RunResult{Exit: 1}, nil
	case command == "cat ready" && w.ready.Load():
		return api.RunResult{Stdout: "yes\n"}, nil
	case command == "cat ready":
		return api.RunResult{Stderr: "no such file\n", Exit: 1}, nil
	}
	return api.RunResult{Stdout: command + "\n"}, nil
}
func (w *fakeWorld) GrantConsent(_ context.Context, req api.ConsentRequest) (api.Consent, error) {
	w.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "granted", Subject: "node/" + req.Node})
	return api.Consent{ID: "c1", Node: req.Node}, nil
}
func (w *fakeWorld) RevokeConsent(_ context.Context, id string) error { return nil }
func (w *fakeWorld) Consents() []api.Consent {
	return []api.Consent{{ID: "c1", Node: "n-0", Expires: time.Now().Add(time.Hour)}}
}
func (w *fakeWorld) Escalate(_ context.Context, req api.EscalationRequest) (api.Repair, error) {
	return api.Repair{ID: "e1", Node: req.Node}, nil
}
func (w *fakeWorld) Features() []api.Feature {
	return []api.Feature{{Registration: api.Registration{Name: "AKSAuditLog", State: api.FeatureRegistered, Since: time.Now()}, Stage: "preview"}}
}
func (w *fakeWorld) RegisterFeature(name string) (api.Feature, error) { return w.register(name, true) }
func (w *fakeWorld) UnregisterFeature(name string) (api.Feature, error) {
	return w.register(name, false)
}
func (w *fakeWorld) register(name string, wanted bool) (api.Feature, error) {
	if name == "Unknown" {
		return api.Feature{}, errors.New("(FeatureNotFound) The feature 'Unknown' could not be found.")
	}
	w.log.Append(timeline.Event{Actor: timeline.Customer, Verb: timeline.Verb(fmt.Sprintf("registers %t", wanted)), Subject: "feature/" + name})
	return api.Feature{}, nil
}
func (w *fakeWorld) FeatureGates(context.Context) ([]api.FeatureGate, error) {
	return []api.FeatureGate{{Name: "SELinuxMount", Stage: "beta"}, {Name: "ContainerStopSignals", Stage: "alpha", Enabled: true}}, nil
}
func (w *fakeWorld) Update(_ context.Context, req api.UpdateRequest) (api.ClusterSettings, error) {
	if req.KubeProxyMode == "IPVS" {
		return api.ClusterSettings{}, errors.New("(BadRequest) Feature Microsoft.ContainerService/KubeProxyConfigurationPreview is not enabled.")
	}
	message := fmt.Sprint(req.FeatureGates, req.AllowUnsupportedGates)
	if l := req.LoadBalancer; l.OutboundPorts != nil && l.IdleTimeout != nil {
		message += fmt.Sprintf(" %d ports, %d minutes", *l.OutboundPorts, *l.IdleTimeout)
	}
	w.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "updated", Subject: "cluster/demarc", Message: message})
	return api.ClusterSettings{}, nil
}
func (w *fakeWorld) OpenCase(_ context.Context, req api.CaseRequest) (api.Case, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := api.Case{ID: strconv.Itoa(len(w.cases) + 1), CaseAbout: req.CaseAbout, Symptom: req.Symptom, State: api.CaseOpened, Opened: time.Now()}
	w.cases = append(w.cases, x)
	w.log.Append(timeline.Event{Actor: timeline.Customer, Verb: "opened", Subject: x.Name()})
	return x, nil
}
func (w *fakeWorld) EscalateCase(id string, _ api.CaseNote) (api.Case, error) {
	return api.Case{}, errors.New("case " + id + " offers no restart")
}
func (w *fakeWorld) CloseCase(id string, _ api.CaseNote, by api.Role) (api.Case, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.cases {
		if w.cases[i].ID == id {
			w.cases[i].State, w.cases[i].Closed, w.cases[i].ClosedBy = api.CaseClosed, time.Now(), by
			return w.cases[i], nil
		}
	}
	return api.Case{}, errors.New("there is no such support case")
}
func (w *fakeWorld) Cases() []api.Case {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.cases)
}
func (w *fakeWorld) Upgrade(_ context.Context, req api.UpgradeRequest) (api.Operation, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.KubernetesVersion == "1.40" {
		return api.Operation{}, errors.New("(K8sVersionNotSupported) Managed cluster does not support Kubernetes version 1.40")
	}
	op := api.Operation{ID: "op1", Kind: api.OpUpgradeCluster, State: api.OpInProgress, Message: req.Pool + " " + req.MaxSurge, Upgrade: &api.Upgrade{
		From: "1.36.3", To: req.KubernetesVersion,
		Pools: []api.PoolUpgrade{{Name: "nodepool1", Nodes: []api.NodeUpgrade{{Name: "node-a"}}, SurgeNodes: []api.NodeUpgrade{{Name: "node-b"}}}},
	}}
	w.upgrades = append(w.upgrades, op)
	return op, nil
}
func (w *fakeWorld) ScaleNodePool(pool string, r api.ScaleRequest) (api.Operation, error) {
	if r.Count == 3 {
		return api.Operation{}, errors.New("(OperationNotAllowed) Operation is not allowed")
	}
	w.log.Append(timeline.Event{Verb: "scaled", Subject: pool, Message: fmt.Sprint(r.Count)})
	return api.Operation{}, nil
}

func (w *fakeWorld) AddNodePool(r api.AddPoolRequest) (api.Operation, error) {
	w.log.Append(timeline.Event{Verb: "created", Subject: r.Name, Message: fmt.Sprint(r.Count, r.Labels, r.Taints, r.Mode)})
	return api.Operation{}, nil
}

func (w *fakeWorld) UpdateNodePool(pool string, r api.UpdatePoolRequest) (api.Operation, error) {
	w.log.Append(timeline.Event{Verb: "updated", Subject: pool, Message: fmt.Sprint(r.Labels, r.Taints == nil)})
	return api.Operation{}, nil
}

func (w *fakeWorld) AddMaintenance(m api.MaintenanceConfiguration) (api.PlannedMaintenance, error) {
	w.log.Append(timeline.Event{Verb: "adds", Subject: m.Name, Message: m.String()})
	return api.PlannedMaintenance{}, nil
}
func (w *fakeWorld) UpdateMaintenance(m api.MaintenanceConfiguration) (api.PlannedMaintenance, error) {
	return api.PlannedMaintenance{}, api.NoMaintenance(m.Name)
}
func (w *fakeWorld) DeleteMaintenance(name string) error {
	w.log.Append(timeline.Event{Verb: "deletes", Subject: name})
	return nil
}
func (w *fakeWorld) DeleteNodePool(pool string, r api.DeletePoolRequest) (api.Operation, error) {
	w.log.Append(timeline.Event{Verb: "deleted", Subject: pool, Message: fmt.Sprint(r.IgnorePDB)})
	return api.Operation{}, nil
}

func (w *fakeWorld) NodePools() ([]api.NodePool, error) { return nil, nil }

func (w *fakeWorld) Operations() []api.Operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.upgrades)
}
func (w *fakeWorld) DoVM(req api.VMRequest, by api.Role) (api.VM, error) {
	if req.Action == "start" {
		return api.VM{}, errors.New("VM " + req.VM + " is not stopped")
	}
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: timeline.Verb(req.Action), Subject: "vm/" + req.VM, Message: fmt.Sprint(req.Size, req.Tags)})
	return api.VM{}, nil
}
func (w *fakeWorld) Disks(context.Context) ([]api.Disk, error) {
	return []api.Disk{{Name: "pvc-1", State: api.DiskAttached, VM: "n-0", Claim: "default/data", Volume: "pvc-1"}, {Name: "pvc-2", State: api.DiskUnattached, Claim: "default/old", Orphan: true}}, nil
}
func (w *fakeWorld) LoadBalancers() []api.AzureLoadBalancer {
	return []api.AzureLoadBalancer{{Name: api.PublicBalancer, Rules: []api.BalancerRule{{Name: "a1-TCP-80", Service: "default/shop", Port: 80, Persistence: api.DistributionDefault}}}}
}
func (w *fakeWorld) Outbound() api.Outbound {
	return api.Outbound{Nodes: []api.OutboundNode{{VM: "n-0", Allocated: 1024, Used: 7}}}
}
func (w *fakeWorld) VirtualNetwork() api.VirtualNetwork {
	return api.VirtualNetwork{Name: "aks-vnet", Subnets: []api.Subnet{{Name: "aks-subnet", Addresses: 251, Used: 3}}}
}
func (w *fakeWorld) Routes() []api.AzureRoute {
	return []api.AzureRoute{{Name: "n-0", Prefix: "10.244.0.0/24", NextHop: "10.224.0.4"}}
}
func (w *fakeWorld) DoRoute(req api.RouteRequest, by api.Role) (api.AzureRoute, error) {
	if req.Route == "n-1" {
		return api.AzureRoute{}, errors.New("(NotFound) The route n-1 was not found.")
	}
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: timeline.Verb(req.Action), Subject: "route/" + req.Route})
	return api.AzureRoute{}, nil
}
func (w *fakeWorld) NSG() []api.NSGRule {
	return []api.NSGRule{{Name: "k8s-azure-lb_allow_IPv4_1", Priority: 500}}
}
func (w *fakeWorld) DoLoadBalancer(req api.BalancerRequest, by api.Role) (api.AzureLoadBalancer, error) {
	if req.Rule == "none" {
		return api.AzureLoadBalancer{}, errors.New("(NotFound) The load balancing rule none was not found.")
	}
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: timeline.Verb(req.Action), Subject: "loadbalancer/" + req.Rule})
	return api.AzureLoadBalancer{}, nil
}
func (w *fakeWorld) DoDisk(_ context.Context, req api.DiskRequest, by api.Role) (api.Disk, error) {
	if req.Action == "delete" {
		return api.Disk{}, errors.New("(OperationNotAllowed) Disk is attached to VM n-0")
	}
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: timeline.Verb(req.Action), Subject: "manageddisk/" + req.Disk, Message: fmt.Sprint(req.SizeGiB, req.SKU, req.Zone)})
	return api.Disk{}, nil
}
func (w *fakeWorld) Shares(context.Context) ([]api.FileShare, error) {
	return []api.FileShare{{Name: "pvc-3", Account: "f1", Claim: "default/books", Volume: "pvc-3"}, {Name: "pvc-4", Account: "f1", Claim: "default/old", Orphan: true}}, nil
}
func (w *fakeWorld) DoShare(_ context.Context, req api.ShareRequest, by api.Role) (api.FileShare, error) {
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: timeline.Verb(req.Action), Subject: "fileshare/" + req.Share, Message: fmt.Sprint(req.QuotaGiB)})
	return api.FileShare{}, nil
}
func (w *fakeWorld) SetNSGRule(rule api.NSGRule, by api.Role) (api.NSGRule, error) {
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: "set", Subject: "nsg/" + rule.Name, Message: fmt.Sprintf("%+v", rule)})
	return rule, nil
}
func (w *fakeWorld) DeleteNSGRule(name string, by api.Role) error {
	if name == "none" {
		return errors.New("the security rule none was not found")
	}
	w.log.Append(timeline.Event{Actor: by.Actor(), Verb: "delete", Subject: "nsg/" + name})
	return nil
}

func (w *fakeWorld) Patches() []api.Patch {
	return []api.Patch{{Package: "openssl", Version: "1"}, {Package: "openssl", Version: "2"}}
}
func (w *fakeWorld) PublishPatch(r api.PatchRequest) (api.Patch, error) {
	w.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "published", Subject: "patch/" + r.Package, Message: fmt.Sprintf("%+v", r)})
	return api.Patch{}, nil
}
func (w *fakeWorld) WithdrawPatch(pkg, version string) error {
	w.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "withdrawn", Subject: "patch/" + pkg, Message: version})
	return nil
}
func (w *fakeWorld) CVEs() []api.CVE {
	return []api.CVE{{ID: "CVE-2026-1", Component: "openssl", State: api.CVENotified, Vulnerable: []string{"n-0"}}}
}
func (w *fakeWorld) PublishCVE(r api.CVERequest) (api.CVE, error) {
	w.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "published", Subject: "cve/" + r.ID, Message: fmt.Sprintf("%+v", r)})
	return api.CVE{}, nil
}

// backUp puts a backup into the catalogue.
func (w *fakeWorld) backUp(b api.Backup) {
	w.mu.Lock()
	w.catalogue = append(w.catalogue, b)
	w.mu.Unlock()
	w.log.Append(timeline.Event{Actor: timeline.Provider, Verb: "took", Subject: "backup/" + b.ID})
}
func (w *fakeWorld) NodeName(ref string) (string, bool) {
	return "n-" + ref, len(ref) == 1
}

// connect makes a client of the fake API server.
func (w *fakeWorld) connect() (*kube, error) { return &kube{dynamic: w.client}, nil }

// pod puts a pod into the fake API server, or changes its phase.
func (w *fakeWorld) pod(t *testing.T, name, phase string) {
	t.Helper()
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": "default", "labels": map[string]any{"app": "shop"}},
		"status":   map[string]any{"phase": phase},
	}}
	gvr := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	tracker := w.client.Tracker()
	if err := tracker.Create(gvr, obj, "default"); err != nil {
		if err := tracker.Update(gvr, obj, "default"); err != nil {
			t.Error(err)
		}
	}
}

// ask records the outcome of one request.
func (w *fakeWorld) ask(name, reason string) {
	if r, ok := w.Traffic(name); ok {
		r.Add(traffic.Result{Time: time.Now(), Reason: reason, Backend: "default/shop-1"})
	}
}

// after does something at a time since the script's start.
func after(d time.Duration, f func()) { time.AfterFunc(d, f) }

// play runs a script in a bubble, in which setup can arrange what happens when.
func play(t *testing.T, text string, setup func(*fakeWorld)) (report *api.Report, steps []api.Step, world *fakeWorld) {
	t.Helper()
	s, problems := parse.Parse("test.txtar", []byte("# Title\n"+text))
	for _, p := range problems {
		t.Fatal(p)
	}
	synctest.Test(t, func(t *testing.T) {
		world = newFakeWorld()
		if setup != nil {
			setup(world)
		}
		var err error
		report, err = playWith(t.Context(), s, world, world.connect, func(s api.Step) { steps = append(steps, s) })
		if err != nil {
			t.Error(err)
		}
	})
	return report, steps, world
}

// outcomes writes what became of each expectation: line held@seconds.
func outcomes(r *api.Report) string {
	var parts []string
	for _, e := range r.Expectations {
		word := "failed"
		if e.Held {
			word = "held"
		} else if e.Seen == "not reached" {
			word = "unreached"
		}
		parts = append(parts, fmt.Sprintf("%d %s@%g", e.Line, word, e.AtSeconds))
	}
	return strings.Join(parts, ", ")
}
