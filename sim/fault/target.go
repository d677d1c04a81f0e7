package fault

import (
	"fmt"
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
	Kubelet        TargetKind = "kubelet/NODE"
	Container      TargetKind = "container/NAMESPACE/POD/NAME"
	Pod            TargetKind = "pod/NAMESPACE/NAME"
	Deployment     TargetKind = "deployment/[NAMESPACE/]NAME"
	CustomerAccess TargetKind = "customer"
	All            TargetKind = "all"
)

// Components are the control-plane components, in the order in which they start.
func Components() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
}

// Target is a target taken apart. Fields that its kind does not have are empty.
type Target struct {
	Kind TargetKind
	// Component is set for a Component.
	Component string
	// Node is set for a Node and a Kubelet: a full name, a vmss suffix, or an
	// index, as it was written.
	Node string
	// Namespace and Name are set for a Pod and a Deployment, and for the pod
	// of a Container.
	Namespace, Name string
	// Container is set for a Container.
	Container string
}

// String is the target in its full form, as [ParseTarget] reads it.
func (t Target) String() string {
	switch t.Kind {
	case Component:
		return t.Component
	case Node:
		return "node/" + t.Node
	case Kubelet:
		return "kubelet/" + t.Node
	case Container:
		return "container/" + t.Namespace + "/" + t.Name + "/" + t.Container
	case Pod:
		return "pod/" + t.Namespace + "/" + t.Name
	case Deployment:
		return "deployment/" + t.Namespace + "/" + t.Name
	}
	return string(t.Kind)
}

// Components returns the names of the control-plane components that the target
// comprises: one, all four for control-plane, none for anything else.
func (t Target) Components() []string {
	switch t.Kind {
	case Component:
		return []string{t.Component}
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
	case word == "node" && len(parts) == 1:
		return Target{Kind: Node, Node: parts[0]}, nil
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
	}
	return Target{}, badForm(s, word)
}

// parseBareTarget reads a target that is one word.
func parseBareTarget(s string) (Target, error) {
	if slices.Contains(Components(), s) {
		return Target{Kind: Component, Component: s}, nil
	}
	for _, k := range []TargetKind{ControlPlane, Nodes, CustomerAccess, All} {
		if s == string(k) {
			return Target{Kind: k}, nil
		}
	}
	return Target{}, badForm(s, s)
}

// badForm explains a target whose first word is unknown, or known but followed
// by the wrong number of parts.
func badForm(s, word string) error {
	for _, k := range []TargetKind{Node, Kubelet, Container, Pod, Deployment} {
		if w, _, _ := strings.Cut(string(k), "/"); w == word {
			return targetError(s, "target %q is not of the form %s", s, k)
		}
	}
	words := append(Components(), "control-plane", "nodes", "customer", "all", "node", "kubelet", "container", "pod", "deployment")
	e := targetError(s, "unknown target %q", s)
	if near := Suggest(word, words); near != "" {
		e.Suggestion = near + strings.TrimPrefix(s, word)
	}
	return e
}

func targetError(word, format string, args ...any) *Error {
	return &Error{Part: PartTarget, Word: word, Message: fmt.Sprintf(format, args...)}
}
