package desk

import (
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Evidence is what support can see of a cluster without a node's shell, and what it
// saw there if it was let in. It is not changed.
type Evidence struct {
	// Support is whether the cluster is supported.
	Support api.Supportability
	// Versions are of the projects that a [api.KnownIssue] names.
	Versions map[string]string
	// Pods are those that the case names, and those of managed components.
	Pods       []Pod
	Nodes      []Node
	Components []api.Component // of the control plane
	Incidents  []Incident
	Repairs    []api.Repair
	// Acts are what the customer did of late, the oldest first.
	Acts []timeline.Event
	// Rules are the customer's rules of the network security group.
	Rules []api.NSGRule
	// CustomDNS are the keys of ConfigMap coredns-custom that hold something, and
	// NetworkPolicies those of the case's namespace that keep pods from the DNS.
	CustomDNS       []string
	NetworkPolicies []string
	// Unseen says why the API server was not asked; empty if it was.
	Unseen string
	// Look is what was seen on a node; nil if nobody was there.
	Look *Look
	Now  time.Time
}

// Pod is a pod as the API server has it.
type Pod struct {
	Namespace, Name, Node string
	Chart                 string // from the labels that Helm charts set
	Images                []string
	// Problem says what is wrong with it; empty if nothing is.
	Problem string
}

// subject is the pod on the timeline; a container's, so that its component is found.
func (p Pod) subject() string { return "container/" + p.Namespace + "/" + p.Name + "/" }

// Node is a node as the API server and the cloud have it.
type Node struct {
	Name string
	// Problems are its conditions that are not as they should be.
	Problems []string
	// Power is running or stopped, as the cloud says.
	Power string
}

// Incident is an incident with its judgement and the event that its chain of causes
// begins with.
type Incident struct {
	api.JudgedIncident
	Root timeline.Event
}

// open says whether it lasts.
func (i Incident) open() bool { return i.End.IsZero() }

// hidden says whether the cause can be seen only by somebody who is on the node: what
// was run there, or what failed there by itself. Power, network, the cloud's resources
// and what went through the API server are seen from outside.
func (i Incident) hidden() bool {
	return nodeOf(i.Subject) != "" && (i.Root.Seq == 0 || i.Root.Verb == "ran" || kindOf(i.Root.Subject) != "node" && nodeOf(i.Root.Subject) != "")
}

// Look is what support saw on a node.
type Look struct {
	Node string
	At   time.Time
	// Units are systemd's words on units, by name.
	Units []Unit
	// Disk is how full the root disk is, in percent; -1 if that is not known.
	Disk int
	// Failed says why nobody got in.
	Failed string
}

// Unit is a unit of a node's systemd.
type Unit struct {
	Name, Active string
}
