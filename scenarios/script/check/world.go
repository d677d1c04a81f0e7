package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
	"demarc/sim/traffic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// World is what checks see of a cluster beside the objects of its API server.
type World interface {
	// Traffic has the recorded results of a traffic.
	Traffic(name string) (*traffic.Record, bool)
	// Timeline is everything that happened so far.
	Timeline() *timeline.Log
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
	// Features are the preview features of the cluster's edition.
	Features() []api.Feature
	// FeatureGates are Kubernetes' own, as the API server tells.
	FeatureGates(ctx context.Context) ([]api.FeatureGate, error)
	// Disks are the managed disks, with the PersistentVolumes that name them, as the API
	// server tells.
	Disks(ctx context.Context) ([]api.Disk, error)
	// LoadBalancers are the load balancers of the node resource group, and NSG the rules of
	// the network security group, without the default ones.
	LoadBalancers() []api.AzureLoadBalancer
	// VirtualNetwork is the virtual network of the node resource group, and Routes are those
	// of its nodes' subnet.
	VirtualNetwork() api.VirtualNetwork
	Routes() []api.AzureRoute
	// Outbound is how nodes reach the internet.
	Outbound() api.Outbound
	NSG() []api.NSGRule
	// Shares are the file shares, likewise.
	Shares(ctx context.Context) ([]api.FileShare, error)
	// Cases are all support cases, the oldest first.
	Cases() []api.Case
	// Operations are all that was asked of the cluster and its pools.
	Operations() []api.Operation
	NodePools() ([]api.NodePool, error)
	// Patches are the patches of the nodes' operating system, and CVEs the
	// vulnerabilities.
	Patches() []api.Patch
	CVEs() []api.CVE
}

// View is what an expectation sees at one moment.
type View struct {
	World World
	Ctx   context.Context
	Ready time.Time // time 0 of the script
	// Since is when the window began; traffic is counted from there. Zero
	// means from the beginning.
	Since time.Time
	// Objects returns the objects of a kind, or why they cannot be had.
	Objects func(schema.GroupVersionKind) ([]*unstructured.Unstructured, error)
	// Watches is what the clients that a script has started have seen.
	Watches func() map[string]Watch
	// Outputs is what the commands have printed whose output was kept.
	Outputs func() map[string]Output
}

// Output is what a command has printed, and how it ended.
type Output struct {
	Stdout string    `json:"stdout"`
	Stderr string    `json:"stderr"`
	Exit   int       `json:"exit"`
	At     time.Time `json:"at"`
}

// Watch is what a client has seen of the objects that it watches.
type Watch struct {
	Lists       int64 `json:"lists"`
	Events      int64 `json:"events"`
	Objects     int64 `json:"objects"`
	LastVersion int64 `json:"lastVersion"`
	Backwards   int64 `json:"backwards"`
	Errors      int64 `json:"errors"`
	Connected   bool  `json:"connected"`
}

// Needs is what an expectation looks at, and so what can change its outcome.
type Needs struct {
	Kinds    []schema.GroupVersionKind
	Traffic  []string
	Timeline bool // or anything else of which the timeline tells
	Watches  bool
}

// Outcome is whether an expectation holds, and why.
type Outcome struct {
	OK bool
	// Explain says what is there: short if it holds, all that helps if not.
	Explain func() string
}

// Failed is the outcome of an expectation that cannot be looked at.
func Failed(err error) Outcome { return Outcome{Explain: err.Error} }

// errUnreachable is why an expectation on Kubernetes objects does not hold while
// nobody can ask.
var errUnreachable = errors.New("the API server cannot be reached")

// Unreachable is an error of asking for Kubernetes objects.
func Unreachable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}
