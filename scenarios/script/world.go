package script

import (
	"context"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/client-go/rest"
)

// World is the cluster in which a script runs. The engine implements it; the
// language knows nothing else of the engine.
type World interface {
	// Customer is the configuration of a client with the customer's admin
	// credentials, through the front door. It has no rate limit, and a connection of
	// its own each time.
	Customer() *rest.Config
	// As is what a role can ask of the cluster and of its provider: the management API.
	As(role api.Role) *api.Actions
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
	// Repairs is what was repaired of the nodes and of the managed add-ons, by
	// whichever layer, oldest first.
	Repairs() []api.Repair
	// Consents are all consents ever given to support.
	Consents() []api.Consent
	// Features are the preview features of the cluster's edition.
	Features() []api.Feature
	// FeatureGates are Kubernetes' own, as the API server tells.
	FeatureGates(ctx context.Context) ([]api.FeatureGate, error)
	// Cases are all support cases, the oldest first.
	Cases() []api.Case
	// Operations are all that was asked of the cluster and its pools.
	Operations() []api.Operation
	// Patches are the patches of the nodes' operating system, and CVEs the
	// vulnerabilities.
	Patches() []api.Patch
	CVEs() []api.CVE
	// NodeName resolves an index or a vmss suffix to a node's full name.
	NodeName(ref string) (string, bool)
}
