package fault

import (
	"maps"
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// Spec is one fault to inject, or one repair to make: "crash etcd",
// "slow kube-apiserver latency=500ms", "power-off node/0 by=platform".
type Spec struct {
	// Verb is the name of a [Kind]: crash, stop, hang, slow, partition, wipe, …
	Verb string `json:"verb"`
	// Target is what it strikes: a component (kube-apiserver, etcd,
	// kube-controller-manager, kube-scheduler, control-plane), one of its
	// instances (etcd/0), node/NAME, kubelet/NODE, container/NAMESPACE/POD/NAME,
	// pod/NAMESPACE/NAME, provider/REPLICA, backup-store, backup/ID.
	// NODE may be a full name, its vmss suffix, or its index from 0.
	Target string `json:"target"`
	// By is who did it; the kind's default if empty.
	By timeline.Actor `json:"by,omitempty"`
	// Args are the kind's own arguments, checked by [Parse].
	Args map[string]string `json:"args,omitempty"`
}

// String is the fault in words, as [Parse] reads them, without who does it.
func (s Spec) String() string {
	words := []string{s.Verb, s.Target}
	for _, name := range slices.Sorted(maps.Keys(s.Args)) {
		words = append(words, name+"="+s.Args[name])
	}
	return strings.Join(words, " ")
}

// Active is a fault that is in force.
type Active struct {
	// ID is unique in a cluster, and short enough to type: f1, f2, …
	ID string `json:"id"`
	Spec
	// Event is the sequence number of the timeline event that recorded it.
	Event int64 `json:"event"`
}
