package api

import (
	"context"
	"encoding/json"
	"io"

	"demarc/sim/fault"
	"demarc/sim/timeline"
	"demarc/sim/traffic"
)

// Actions is the management API: what can be asked of a cluster and of its provider. A
// field is a row of the table; its comment is the documentation, and its tags say
//
//	route    the HTTP method and path, and the parameters of the query
//	role     whose it is; everybody's if there is none. The director may do everything
//	action   what it is, in a refusal
//	because  why not everybody may: see reasons
//	needs    which fields of the request must be there
//	timeout  for how long an answer is waited for, in real time
//
// Arguments are those of the path, of the query, and then the request, a JSON object. The
// clock and the end of the engine are everybody's: they are dials of the laptop, and no
// part of the service. Of a cluster, [Serve] makes the actions of a role; [Client] has
// them over HTTP.
type Actions struct {
	// Status is how the cluster is.
	Status func(context.Context) (Status, error) `route:"GET /v1/status"`
	// Clock reads the virtual clock.
	Clock func(context.Context) (Clock, error) `route:"GET /v1/clock"`
	// SetClock changes the rate of the virtual clock and returns the clock as it is then.
	SetClock func(context.Context, ClockRequest) (Clock, error) `route:"PUT /v1/clock" needs:"rate"`
	// Timeline returns the events after a sequence number, the oldest first.
	Timeline func(ctx context.Context, from int64) ([]timeline.Event, error) `route:"GET /v1/timeline?from"`
	// Stream sends the events of the timeline after one and the steps of a drill after
	// one, as server-sent events, until the drill ends.
	Stream func(ctx context.Context, from int64, drill int) (io.ReadCloser, error) `route:"GET /v1/stream?from&drill"`
	// Report returns the report of the scenario that has ended in the engine.
	Report func(context.Context) (*Report, error) `route:"GET /v1/report"`
	// Stop asks the engine to end in good order. It returns when the engine has heard it,
	// not when it has ended.
	Stop func(context.Context) error `route:"POST /v1/stop"`
	// Stacks returns the stacks of all goroutines of the engine, as text.
	Stacks func(context.Context) ([]byte, error) `route:"GET /v1/stacks"`
	// Metrics returns the metrics of the cluster, in Prometheus' text format.
	Metrics func(context.Context) ([]byte, error) `route:"GET /metrics"`
	// OpenAPI describes this API, by OpenAPI 3.1.
	OpenAPI func(context.Context) (json.RawMessage, error) `route:"GET /v1/openapi.json"`

	// Faults lists the faults that are in force.
	Faults func(context.Context) ([]fault.Active, error) `route:"GET /v1/faults"`
	// Inject makes a fault happen, or a repair. Who may inject which is a table of its own:
	// see [CheckFault]. What it returns has an ID only if it stays in force.
	Inject func(context.Context, fault.Spec) (fault.Active, error) `route:"POST /v1/faults" needs:"verb,target"`
	// Heal ends the fault of that ID.
	Heal func(ctx context.Context, id string) error `route:"DELETE /v1/faults/{id}"`
	// Check looks at an expression of the scenarios' checks: at this moment, or until it is
	// true but not longer than within, or for as long as throughout if it is true all that
	// time. Both are durations of virtual time. Checks see what is the customer's and what is
	// the provider's.
	Check func(ctx context.Context, expression, within, throughout string) (CheckResult, error) `route:"GET /v1/check?expression&within&throughout" role:"director" action:"look at checks" timeout:"24h"`
	// StartTraffic starts clients of a service.
	StartTraffic func(context.Context, traffic.Spec) (traffic.Spec, error) `route:"POST /v1/traffic" role:"customer" action:"send traffic" needs:"name,from,to,rate"`
	// StopTraffic ends the traffic of that name. Its results stay.
	StopTraffic func(ctx context.Context, name string) error `route:"DELETE /v1/traffic/{name}" role:"customer" action:"stop traffic"`

	// Incidents lists the incidents, the oldest first.
	Incidents func(context.Context) ([]Incident, error) `route:"GET /v1/incidents"`
	// Explain says why an event, an incident, a clause or a component is as it is. The
	// edition is the cluster's if it is empty. The error says what there is instead.
	Explain func(ctx context.Context, what, edition string) (Explanation, error) `route:"GET /v1/explain?what&edition"`
	// Contract is the cluster as an edition of the support policy sees it; the cluster's
	// own edition if it is empty.
	Contract func(ctx context.Context, edition string) (Contract, error) `route:"GET /v1/judgements?edition"`

	// Backups lists the provider's catalogue of backups, the oldest first.
	Backups func(context.Context) ([]Backup, error) `route:"GET /v1/provider/backups" role:"provider" action:"list backups" because:"backups"`
	// TakeBackup takes a backup now. That takes virtual time, much of it if the disk is slow.
	TakeBackup func(context.Context) (Backup, error) `route:"POST /v1/provider/backups" role:"provider" action:"take a backup" because:"backups" timeout:"10m"`
	// Backup returns one entry of the catalogue.
	Backup func(ctx context.Context, id string) (Backup, error) `route:"GET /v1/provider/backups/{id}" role:"provider" action:"show a backup" because:"backups"`
	// DeleteBackup deletes a backup.
	DeleteBackup func(ctx context.Context, id string) error `route:"DELETE /v1/provider/backups/{id}" role:"provider" action:"delete a backup" because:"backups"`
	// VerifyBackup reads a backup back and returns its entry: not Verified, with a Problem,
	// if it is not whole.
	VerifyBackup func(ctx context.Context, id string) (Backup, error) `route:"POST /v1/provider/backups/{id}/verify" role:"provider" action:"verify a backup" because:"backups" timeout:"10m"`
	// Restores lists the restores, the oldest first.
	Restores func(context.Context) ([]Restore, error) `route:"GET /v1/provider/restores" role:"provider" action:"see restores" because:"backups"`
	// Restore asks for a restore, from the newest backup that verifies if none is named, and
	// returns it as it was decided; Restores tells how it goes on.
	Restore func(context.Context, RestoreRequest) (Restore, error) `route:"POST /v1/provider/restores" role:"provider" action:"restore a backup" because:"backups"`
	// Replicas lists the replicas of the provider's plane.
	Replicas func(context.Context) ([]Replica, error) `route:"GET /v1/provider/replicas" role:"provider" action:"see the provider's replicas"`

	// Repairs lists the repairs of nodes, of what runs on them and of add-ons, the oldest
	// first.
	Repairs func(context.Context) ([]Repair, error) `route:"GET /v1/repairs"`
	// Consents lists the consents to support's access, the oldest first, with those that
	// are over.
	Consents func(context.Context) ([]Consent, error) `route:"GET /v1/consents"`
	// GrantConsent lets the provider's support log in to a node for a time.
	GrantConsent func(context.Context, ConsentRequest) (Consent, error) `route:"POST /v1/consents" role:"customer" action:"grant consent" needs:"node,for"`
	// RevokeConsent ends a consent before its time.
	RevokeConsent func(ctx context.Context, id string) error `route:"DELETE /v1/consents/{id}" role:"customer" action:"revoke consent"`
	// Escalate asks the provider to restart a node and returns the repair as it was begun;
	// Repairs tells how it goes on.
	Escalate func(context.Context, EscalationRequest) (Repair, error) `route:"POST /v1/escalations" role:"customer" action:"escalate" needs:"node"`
	// Run runs a command in the shell of a node; the provider needs the customer's consent.
	// That it fails on the node is no error: see [RunResult.Exit].
	Run func(context.Context, RunRequest) (RunResult, error) `route:"POST /v1/run" needs:"node,command"`
	// VMs lists the virtual machines of the pool's scale set as the cloud has them.
	VMs func(context.Context) ([]VM, error) `route:"GET /v1/iaas/vms"`
	// DoVM does something with a virtual machine past AKS, and returns it as it is then.
	DoVM func(context.Context, VMRequest) (VM, error) `route:"POST /v1/iaas/vms" needs:"action,vm"`
	// Disks lists the managed disks of the node resource group, by name. If the API server
	// cannot be asked, none has a volume, and none is an orphan.
	Disks func(context.Context) ([]Disk, error) `route:"GET /v1/iaas/disks"`
	// DoDisk does something with a managed disk past AKS, and returns it as it is then; one
	// that is deleted, as it was. That takes virtual time.
	DoDisk func(context.Context, DiskRequest) (Disk, error) `route:"POST /v1/iaas/disks" needs:"action,disk" timeout:"5m"`
	// Shares lists the file shares of the node resource group, likewise, by account and name.
	Shares func(context.Context) ([]FileShare, error) `route:"GET /v1/iaas/shares"`
	// DoShare does something with a file share past AKS, likewise.
	DoShare func(context.Context, ShareRequest) (FileShare, error) `route:"POST /v1/iaas/shares" needs:"action,share" timeout:"5m"`
	// LoadBalancers lists the load balancers of the node resource group, by name, with what
	// their probes find.
	LoadBalancers func(context.Context) ([]AzureLoadBalancer, error) `route:"GET /v1/iaas/loadbalancers"`
	// DoLoadBalancer does something with a load balancer past AKS, and returns it as it is then.
	DoLoadBalancer func(context.Context, BalancerRequest) (AzureLoadBalancer, error) `route:"POST /v1/iaas/loadbalancers" needs:"action,rule"`
	// Outbound is how nodes reach the internet through the load balancer, and how many SNAT
	// ports each uses.
	Outbound func(context.Context) (Outbound, error) `route:"GET /v1/iaas/outbound"`
	// VirtualNetwork is the virtual network of the node resource group, with the nodes' subnet.
	VirtualNetwork func(context.Context) (VirtualNetwork, error) `route:"GET /v1/iaas/network"`
	// Routes lists the routes of the subnet's route table, by name. A cluster whose network
	// plugin needs none has none.
	Routes func(context.Context) ([]AzureRoute, error) `route:"GET /v1/iaas/routes"`
	// DoRoute does something with a route past AKS, and returns it as it was.
	DoRoute func(context.Context, RouteRequest) (AzureRoute, error) `route:"POST /v1/iaas/routes" needs:"action,route"`
	// NSG lists the rules of the network security group of the nodes' subnet, with those that
	// AKS writes for load balancers.
	NSG func(context.Context) ([]NSGRule, error) `route:"GET /v1/iaas/nsg"`
	// SetNSGRule adds a rule, or replaces the one of that name.
	SetNSGRule func(context.Context, NSGRule) (NSGRule, error) `route:"POST /v1/iaas/nsg" needs:"name"`
	// DeleteNSGRule deletes the rule of that name.
	DeleteNSGRule func(ctx context.Context, name string) error `route:"DELETE /v1/iaas/nsg/{name}"`

	// Features lists the preview features of the cluster's edition, by name.
	Features func(context.Context) ([]Feature, error) `route:"GET /v1/features"`
	// RegisterFeature registers a preview feature in the subscription. It returns with the
	// feature Registering; that takes up to 15 minutes of virtual time.
	RegisterFeature func(ctx context.Context, name string) (Feature, error) `route:"POST /v1/features/{name}/register" role:"customer" action:"register previews in the customer's subscription"`
	// UnregisterFeature ends the registration of a preview feature, likewise.
	UnregisterFeature func(ctx context.Context, name string) (Feature, error) `route:"POST /v1/features/{name}/unregister" role:"customer" action:"unregister previews of the customer's subscription"`
	// FeatureGates lists Kubernetes' feature gates, by name. The API server must answer: it
	// is asked which are enabled.
	FeatureGates func(context.Context) ([]FeatureGate, error) `route:"GET /v1/feature-gates"`
	// Update changes settings of the cluster, as az aks update does, and returns them all
	// when they are in force. It restarts the control plane.
	Update func(context.Context, UpdateRequest) (ClusterSettings, error) `route:"POST /v1/update" role:"customer" action:"change the cluster's settings" timeout:"5m"`
	// Maintenance lists the maintenance configurations, by name.
	Maintenance func(context.Context) ([]PlannedMaintenance, error) `route:"GET /v1/maintenance"`
	// AddMaintenance makes a maintenance configuration.
	AddMaintenance func(context.Context, MaintenanceConfiguration) (PlannedMaintenance, error) `route:"POST /v1/maintenance" role:"customer" action:"plan the maintenance of the cluster" needs:"name"`
	// UpdateMaintenance replaces the maintenance configuration of that name.
	UpdateMaintenance func(context.Context, MaintenanceConfiguration) (PlannedMaintenance, error) `route:"PUT /v1/maintenance" role:"customer" action:"plan the cluster's maintenance anew" needs:"name"`
	// DeleteMaintenance deletes the maintenance configuration of that name.
	DeleteMaintenance func(ctx context.Context, name string) error `route:"DELETE /v1/maintenance/{name}" role:"customer" action:"have the cluster maintained without a plan"`

	// Cases lists the support cases, the oldest first.
	Cases func(context.Context) ([]Case, error) `route:"GET /v1/cases"`
	// Case is the support case of that ID.
	Case func(ctx context.Context, id string) (Case, error) `route:"GET /v1/cases/{id}"`
	// OpenCase asks the support desk something. The case says by when there is an answer.
	OpenCase func(context.Context, CaseRequest) (Case, error) `route:"POST /v1/cases" role:"customer" action:"open a support case" needs:"symptom"`
	// EscalateCase raises the severity of a case that has no answer yet, or else has the
	// provider restart its node.
	EscalateCase func(ctx context.Context, id string, note CaseNote) (Case, error) `route:"POST /v1/cases/{id}/escalate" role:"customer" action:"escalate a support case"`
	// CloseCase ends a case.
	CloseCase func(ctx context.Context, id string, note CaseNote) (Case, error) `route:"POST /v1/cases/{id}/close"`

	// Operations lists what the customer has asked of the cluster and its pools, the oldest
	// first.
	Operations func(context.Context) ([]Operation, error) `route:"GET /v1/operations"`
	// ManagedCluster is the managed cluster as its customer has it: whether it runs, and what
	// an operation is at.
	ManagedCluster func(context.Context) (ManagedCluster, error) `route:"GET /v1/managedcluster"`
	// StopCluster asks for the cluster to be stopped, with its nodes and control plane, and
	// returns the operation as it was begun; Operations tells how it goes on.
	StopCluster func(context.Context) (Operation, error) `route:"POST /v1/managedcluster/stop" role:"customer" action:"stop the cluster"`
	// StartCluster asks for a stopped cluster to be started again, likewise.
	StartCluster func(context.Context) (Operation, error) `route:"POST /v1/managedcluster/start" role:"customer" action:"start the cluster"`
	// Upgrades says what the cluster and its pools can be upgraded to.
	Upgrades func(context.Context) (UpgradeProfile, error) `route:"GET /v1/upgrades"`
	// Upgrade asks for an upgrade of the cluster or of a pool and returns the operation as
	// it was begun; Operations tells how it goes on.
	Upgrade func(context.Context, UpgradeRequest) (Operation, error) `route:"POST /v1/upgrades" role:"customer" action:"start an upgrade"`
	// NodePools lists the cluster's node pools.
	NodePools func(context.Context) ([]NodePool, error) `route:"GET /v1/nodepools"`
	// NodePool returns one node pool.
	NodePool func(ctx context.Context, name string) (NodePool, error) `route:"GET /v1/nodepools/{name}"`
	// AddNodePool asks for another node pool and returns the operation as it was begun;
	// Operations tells how it goes on.
	AddNodePool func(context.Context, AddPoolRequest) (Operation, error) `route:"POST /v1/nodepools" role:"customer" action:"add a node pool" needs:"name,count"`
	// UpdateNodePool asks for other labels and taints of a pool's nodes, or for another mode,
	// likewise.
	UpdateNodePool func(ctx context.Context, name string, r UpdatePoolRequest) (Operation, error) `route:"POST /v1/nodepools/{name}/update" role:"customer" action:"update a node pool"`
	// DeleteNodePool asks for the end of a pool: its nodes are drained and deleted, likewise.
	DeleteNodePool func(ctx context.Context, name string, r DeletePoolRequest) (Operation, error) `route:"POST /v1/nodepools/{name}/delete" role:"customer" action:"delete a node pool"`
	// ScaleNodePool asks for another number of nodes and returns the operation as it was
	// begun; Operations tells how it goes on.
	ScaleNodePool func(ctx context.Context, name string, r ScaleRequest) (Operation, error) `route:"POST /v1/nodepools/{name}/scale" role:"customer" action:"scale a node pool" needs:"count"`

	// Patches lists the patches of the nodes' operating system, the oldest first, with those
	// that were withdrawn.
	Patches func(context.Context) ([]Patch, error) `route:"GET /v1/patches"`
	// PublishPatch publishes a patch.
	PublishPatch func(context.Context, PatchRequest) (Patch, error) `route:"POST /v1/patches" role:"provider" action:"publish patches" needs:"package"`
	// WithdrawPatch keeps a patch from nodes that do not have it yet.
	WithdrawPatch func(ctx context.Context, pkg, version string) error `route:"DELETE /v1/patches/{package}/{version}" role:"provider" action:"withdraw patches"`
	// CVEs lists the vulnerabilities that the provider has published, the oldest first.
	CVEs func(context.Context) ([]CVE, error) `route:"GET /v1/cves"`
	// CVE returns one vulnerability.
	CVE func(ctx context.Context, id string) (CVE, error) `route:"GET /v1/cves/{id}"`
	// PublishCVE publishes a vulnerability.
	PublishCVE func(context.Context, CVERequest) (CVE, error) `route:"POST /v1/cves" role:"provider" action:"publish vulnerabilities" needs:"id,component"`
}

// reasons are why customers have no part in something, by its subject on the timeline.
var reasons = map[string]string{
	"backups": "support policy of 2019-04-01, section on etcd backups: automatic, transparent, not directly available to customers",
}
