// Package timeline is the record of everything that happens in a managed
// cluster: one ordered list of events in virtual time.
//
// [Log] appends events, writes them as JSON Lines to disk and hands them to
// followers, who always see every event from the sequence number they ask for.
// Everything else in demarc (expectations, incidents, reports, the CLI's live
// view) is derived from this list.
package timeline

import (
	"context"
	"time"
)

// Actor is who did something, in the words of the support contract.
type Actor string

const (
	// Customer is the owner of the workloads and of the worker nodes.
	Customer Actor = "customer"
	// Provider operates the control plane and the managed node components.
	Provider Actor = "provider"
	// Platform is the cloud below both: hosts, disks, network.
	Platform Actor = "platform"
	// Kubernetes is the control plane acting by its own controllers.
	Kubernetes Actor = "kubernetes"
	// Node is a worker machine acting for itself: kubelet, container runtime.
	Node Actor = "node"
)

// Actors are all of them.
var Actors = []Actor{Customer, Provider, Platform, Kubernetes, Node}

// Event is one thing that happened.
type Event struct {
	// Seq numbers the events of a cluster from 1, without gaps but for what was lost.
	Seq int64 `json:"seq"`
	// Time is the virtual time at which it happened.
	Time time.Time `json:"time"`
	// Actor is who did it.
	Actor Actor `json:"actor" enum:"actor"`
	// Verb is what was done.
	Verb Verb `json:"verb" enum:"verb"`
	// Subject is what it was done to: kube-apiserver, node/NAME, kubelet/NODE,
	// container/NAMESPACE/POD/NAME, service/NAMESPACE/NAME.
	Subject string `json:"subject"`
	// Cause is the sequence number of the event that led to this one, or 0.
	Cause int64 `json:"cause,omitempty"`
	// Message says it in a sentence.
	Message string `json:"message,omitempty"`
	// Asker is who asked for it in the actor's name, such as the director of a drill;
	// empty if that was the actor.
	Asker string `json:"asker,omitempty"`
	// Detail is what else there is to know of it; nil for most events.
	Detail *Detail `json:"detail,omitempty"`
}

type askerKey struct{}

// AskedBy is a context for what somebody asks for in an actor's name.
func AskedBy(ctx context.Context, asker string) context.Context {
	return context.WithValue(ctx, askerKey{}, asker)
}

// Asker is who asks in an actor's name; empty if it is the actor.
func Asker(ctx context.Context) string {
	asker, _ := ctx.Value(askerKey{}).(string)
	return asker
}
