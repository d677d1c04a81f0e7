package script

import (
	"context"

	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/client-go/rest"
)

// World is the cluster in which a script runs. The engine implements it; the
// language knows nothing else of the engine.
type World interface {
	// Customer is the configuration of a client with the customer's admin
	// credentials, through the front door. It has no rate limit.
	Customer() *rest.Config
	// Inject makes a fault happen, or a repair (start, heal, power-on).
	Inject(ctx context.Context, spec fault.Spec) (fault.Active, error)
	// StartTraffic starts clients; StopTraffic ends them. Their results stay.
	StartTraffic(spec traffic.Spec) error
	StopTraffic(name string) error
	// Traffic has the recorded results of a traffic.
	Traffic(name string) (*traffic.Record, bool)
	// Timeline is everything that happened so far.
	Timeline() *timeline.Log
	// Record puts an action of the script on the timeline.
	Record(timeline.Event) timeline.Event
	// Components, Machines, Containers and Incidents are the truth of this
	// moment, whatever the API server believes or whether it answers.
	Components() []api.Component
	Machines() []api.Machine
	Containers() []api.Container
	Incidents() []api.Incident
	// Contract is whose the incidents are and whether the cluster is supported, by
	// an edition of the support policy; the cluster's own if it is empty.
	Contract(edition string) (api.Contract, error)
	// Backups, Restores and Replicas are what the provider's own plane has.
	Backups() []api.Backup
	Restores() []api.Restore
	Replicas() []api.Replica
	// Backup does something with backups on somebody's behalf: list, show,
	// verify, take, restore or delete. Only the provider may. The ID may be empty
	// for list and take, and for restore, which then uses the newest backup that
	// verifies.
	Backup(ctx context.Context, by api.Role, action, id string) error
	// Repairs is what was repaired of the nodes and of the managed add-ons, by
	// whichever layer, oldest first.
	Repairs() []api.Repair
	// Run runs a command in a shell on a node on somebody's behalf. The
	// provider needs the customer's consent.
	Run(ctx context.Context, by api.Role, node, command string) (api.RunResult, error)
	// Consent, RevokeConsent and Escalate are what the customer says to the
	// provider's support; Consents are all consents ever given.
	Consent(ctx context.Context, req api.ConsentRequest) (api.Consent, error)
	RevokeConsent(ctx context.Context, id string) error
	Consents() []api.Consent
	Escalate(ctx context.Context, req api.EscalationRequest) (api.Repair, error)
	// Features are the preview features of the cluster's edition, and
	// RegisterFeature begins to register one in the subscription, or to unregister
	// it.
	Features() []api.Feature
	RegisterFeature(ctx context.Context, name string, wanted bool) (api.Feature, error)
	// FeatureGates are Kubernetes' own, as the API server tells.
	FeatureGates(ctx context.Context) ([]api.FeatureGate, error)
	// Update changes settings of the cluster, as az aks update does.
	Update(ctx context.Context, req api.UpdateRequest) (api.ClusterSettings, error)
	// OpenCase, EscalateCase and CloseCase are what the customer says to the support
	// desk; Cases are all cases, the oldest first.
	OpenCase(ctx context.Context, req api.CaseRequest) (api.Case, error)
	EscalateCase(ctx context.Context, id, text string) (api.Case, error)
	CloseCase(ctx context.Context, id, text string, by api.Role) (api.Case, error)
	Cases() []api.Case
	// IaaS does something with a node's VM on somebody's behalf, past AKS.
	IaaS(ctx context.Context, req api.VMRequest, by timeline.Actor) error
	// NSG changes the network security group of the nodes' subnet on somebody's
	// behalf: set adds a rule or replaces the one of its name, delete deletes the
	// one of its name.
	NSG(ctx context.Context, action string, rule api.NSGRule, by timeline.Actor) error
	// Upgrade has the provider upgrade the cluster or a pool, as the customer asks,
	// and returns when that is accepted; Operations are all that was asked so.
	Upgrade(ctx context.Context, req api.UpgradeRequest) (api.Operation, error)
	Operations() []api.Operation
	// ScaleNodePool has the provider change the number of a pool's nodes, as the
	// customer asks, and returns when that is accepted.
	ScaleNodePool(ctx context.Context, pool string, count int) (api.Operation, error)
	// Patches are the patches of the nodes' operating system, and CVEs the
	// vulnerabilities; to publish either, or take a patch back, is the provider's.
	Patches() []api.Patch
	PublishPatch(by api.Role, r api.PatchRequest) (api.Patch, error)
	WithdrawPatch(by api.Role, pkg, version string) error
	CVEs() []api.CVE
	PublishCVE(ctx context.Context, by api.Role, r api.CVERequest) (api.CVE, error)
	// NodeName resolves an index or a vmss suffix to a node's full name.
	NodeName(ref string) (string, bool)
}
