package fault

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TargetKind is a kind of thing that can be struck.
type TargetKind string

// Kinds of targets, named by how they are written in help.
const (
	Component      TargetKind = "COMPONENT"
	ControlPlane   TargetKind = "control-plane"
	Node           TargetKind = "node/NAME"
	Nodes          TargetKind = "nodes"
	Zone           TargetKind = "zone/NAME" // an availability zone
	Outside        TargetKind = "outside"   // what is outside the cluster, as the clients of load balancers
	Kubelet        TargetKind = "kubelet/NODE"
	Container      TargetKind = "container/NAMESPACE/POD/NAME"
	Pod            TargetKind = "pod/NAMESPACE/NAME"
	Deployment     TargetKind = "deployment/[NAMESPACE/]NAME"
	Namespace      TargetKind = "namespace/NAME"
	ServiceAccount TargetKind = "serviceaccount/NAMESPACE/NAME"
	CustomerAccess TargetKind = "customer"
	Provider       TargetKind = "provider"         // every replica of the provider's plane
	Replica        TargetKind = "provider/REPLICA" // one of them
	BackupStore    TargetKind = "backup-store"     // the disk that backups are on
	Backup         TargetKind = "backup/ID"
	Cloud          TargetKind = "cloud"               // Azure's API, as far as the cluster calls it
	CloudDisks     TargetKind = "cloud/disks"         // its part for managed disks
	CloudBalancers TargetKind = "cloud/loadbalancers" // and that for load balancers
	CloudDNS       TargetKind = "cloud/dns"           // Azure's servers of names
	All            TargetKind = "all"
)

// Leader is the Replica of a [Target] that means whichever leads.
const Leader = "leader"

// Latest is the ID of a backup that means the newest one.
const Latest = "latest"

// instances are what the instances of a component and the replicas of the
// provider's plane are called: a cluster has at most three.
var instances = []string{"0", "1", "2"}

// backupID is the form of a backup's ID: the time of its slot, and why it was
// taken if not for the schedule.
var backupID = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z(-[a-z0-9]+)*$`)

// IsBackupID says whether a word has the form of a backup's ID, such as
// 20260105T083000Z, or is [Latest].
func IsBackupID(s string) bool { return s == Latest || backupID.MatchString(s) }

// Components are the control-plane components, in the order in which they start.
func Components() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
}

// multiple says whether a cluster can have several instances of a component.
func multiple(component string) bool { return component == "etcd" || component == "kube-apiserver" }

// Target is a target taken apart. Fields that its kind does not have are empty.
type Target struct {
	Kind TargetKind
	// Component is set for a Component.
	Component string
	// Instance is one of a Component's several instances, "0" to "2"; empty
	// means all that there are.
	Instance string
	// Node is set for a Node and a Kubelet: a full name, a vmss suffix, or an
	// index, as it was written.
	Node string
	// Zone is set for a Zone.
	Zone string
	// Namespace and Name are set for a Pod, a Deployment and a ServiceAccount, and for
	// the pod of a Container. A Namespace has only a name.
	Namespace, Name string
	// Container is set for a Container.
	Container string
	// Replica is set for a Replica: "0" to "2", or [Leader].
	Replica string
	// Backup is set for a Backup: its ID, or [Latest].
	Backup string
}

// String is the target in its full form, as [ParseTarget] reads it.
func (t Target) String() string {
	switch t.Kind {
	case Component:
		if t.Instance != "" {
			return t.Component + "/" + t.Instance
		}
		return t.Component
	case Node:
		return "node/" + t.Node
	case Zone:
		return "zone/" + t.Zone
	case Kubelet:
		return "kubelet/" + t.Node
	case Container:
		return "container/" + t.Namespace + "/" + t.Name + "/" + t.Container
	case Pod:
		return "pod/" + t.Namespace + "/" + t.Name
	case Deployment:
		return "deployment/" + t.Namespace + "/" + t.Name
	case Namespace:
		return "namespace/" + t.Name
	case ServiceAccount:
		return "serviceaccount/" + t.Namespace + "/" + t.Name
	case Replica:
		return "provider/" + t.Replica
	case Backup:
		return "backup/" + t.Backup
	}
	return string(t.Kind)
}

// Components returns the names of the control-plane components that the target
// comprises: one, such as etcd or etcd/0, all four for control-plane, none for
// anything else.
func (t Target) Components() []string {
	switch t.Kind {
	case Component:
		return []string{t.String()}
	case ControlPlane:
		return Components()
	}
	return nil
}

// ParseTarget takes a target apart. Its error is an [Error] of [PartTarget].
func ParseTarget(s string) (Target, error) {
	word, rest, slash := strings.Cut(s, "/")
	if !slash {
		return parseBareTarget(s)
	}
	parts := strings.Split(rest, "/")
	if slices.Contains(parts, "") {
		return Target{}, targetError(s, "target %q has an empty part", s)
	}
	switch {
	case slices.Contains(Components(), word):
		return parseInstance(s, word, rest)
	case word == "provider" && len(parts) == 1:
		return parseReplica(s, rest)
	case word == "backup" && len(parts) == 1:
		return parseBackup(s, rest)
	case s == string(CloudDisks), s == string(CloudBalancers), s == string(CloudDNS):
		return Target{Kind: TargetKind(s)}, nil
	case word == "node" && len(parts) == 1:
		return Target{Kind: Node, Node: parts[0]}, nil
	case word == "zone" && len(parts) == 1:
		return Target{Kind: Zone, Zone: parts[0]}, nil
	case word == "kubelet" && len(parts) == 1:
		return Target{Kind: Kubelet, Node: parts[0]}, nil
	case word == "container" && len(parts) == 3:
		return Target{Kind: Container, Namespace: parts[0], Name: parts[1], Container: parts[2]}, nil
	case word == "pod" && len(parts) == 2:
		return Target{Kind: Pod, Namespace: parts[0], Name: parts[1]}, nil
	case word == "deployment" && len(parts) == 2:
		return Target{Kind: Deployment, Namespace: parts[0], Name: parts[1]}, nil
	case word == "deployment" && len(parts) == 1:
		return Target{Kind: Deployment, Namespace: "default", Name: parts[0]}, nil
	case word == "namespace" && len(parts) == 1:
		return Target{Kind: Namespace, Name: parts[0]}, nil
	case word == "serviceaccount" && len(parts) == 2:
		return Target{Kind: ServiceAccount, Namespace: parts[0], Name: parts[1]}, nil
	}
	return Target{}, badForm(s, word)
}

// parseInstance reads etcd/0: a component, and which of its instances.
func parseInstance(s, component, instance string) (Target, error) {
	if !multiple(component) {
		e := targetError(s, "there is only one %s in a cluster", component)
		e.Suggestion = component
		return Target{}, e
	}
	if !slices.Contains(instances, instance) {
		return Target{}, targetError(s, "target %q: the instances of %s are %[2]s/0 to %[2]s/2", s, component)
	}
	return Target{Kind: Component, Component: component, Instance: instance}, nil
}

// parseReplica reads provider/0 and provider/leader.
func parseReplica(s, replica string) (Target, error) {
	words := append(slices.Clone(instances), Leader)
	if !slices.Contains(words, replica) {
		e := targetError(s, "target %q: the provider's replicas are provider/0 to provider/2, and provider/leader is whichever leads", s)
		if near := Suggest(replica, words[len(instances):]); near != "" {
			e.Suggestion = "provider/" + near
		}
		return Target{}, e
	}
	return Target{Kind: Replica, Replica: replica}, nil
}

// parseBackup reads backup/ID and backup/latest.
func parseBackup(s, id string) (Target, error) {
	if !IsBackupID(id) {
		e := targetError(s, "target %q: want a backup's ID, such as backup/20260105T083000Z, or backup/latest", s)
		if near := Suggest(id, []string{Latest}); near != "" {
			e.Suggestion = "backup/" + near
		}
		return Target{}, e
	}
	return Target{Kind: Backup, Backup: id}, nil
}

// parseBareTarget reads a target that is one word.
func parseBareTarget(s string) (Target, error) {
	if slices.Contains(Components(), s) {
		return Target{Kind: Component, Component: s}, nil
	}
	for _, k := range []TargetKind{ControlPlane, Nodes, Outside, CustomerAccess, Provider, BackupStore, Cloud, All} {
		if s == string(k) {
			return Target{Kind: k}, nil
		}
	}
	return Target{}, badForm(s, s)
}

// badForm explains a target whose first word is unknown, or known but followed
// by the wrong number of parts.
func badForm(s, word string) error {
	for _, k := range []TargetKind{Node, Zone, Kubelet, Container, Pod, Deployment, Namespace, ServiceAccount, Replica, Backup, CloudDisks, CloudBalancers, CloudDNS} {
		if w, _, _ := strings.Cut(string(k), "/"); w == word {
			return targetError(s, "target %q is not of the form %s", s, k)
		}
	}
	words := append(Components(), "control-plane", "nodes", "outside", "customer", "provider", "backup-store", "cloud", "all",
		"node", "zone", "kubelet", "container", "pod", "deployment", "namespace", "serviceaccount", "backup")
	e := targetError(s, "unknown target %q", s)
	if near := Suggest(word, words); near != "" {
		e.Suggestion = near + strings.TrimPrefix(s, word)
	}
	return e
}

func targetError(word, format string, args ...any) *Error {
	return &Error{Part: PartTarget, Word: word, Message: fmt.Sprintf(format, args...)}
}
