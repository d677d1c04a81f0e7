// Package provider is the provider's own management plane: what operates a
// managed cluster from outside. It cannot keep its memory in the cluster's etcd,
// since it restores that etcd.
//
// [Replicas] is the memory: three replicas by raft in one process, each with a
// log, a vote and snapshots in a directory of its own, joined by an in-memory
// network that can be cut. What it remembers is a [State]: what is wanted of the
// cluster, the catalogue of backups, restores, incidents, and records of repairs,
// support cases and consents. A [Command] changes it; once Apply has returned,
// two of three replicas have the command on disk, and it survives the loss of
// any one of them and of the whole process.
//
// Whichever replica leads runs the loops of the plane, and no other does: the
// watchdog of the control plane, etcd's topology, the schedule of backups, the expiry
// of consents, registrations of preview features, and the machine of task.go. That
// carries out all that the log has to be done: restores, operations of the customer,
// restarts of nodes on escalation, node auto-repair, and patches for vulnerabilities.
// A loop is called from [Config].Lead and returns when its context ends. It holds a
// [Leadership] and commits by it only: from the moment that leadership is lost,
// every replica ignores what an old leader still sends. A new leader's loops
// resume from the state, so half-done work is either there or was never begun.
//
// Callers from outside use [Open], [Replicas.Apply], [Replicas.State],
// [Replicas.Changed] and [Replicas.Status]; faults use [Replicas.Crash],
// [Replicas.Start], [Replicas.Cut] and [Replicas.Rejoin]. What people ask of the
// plane are methods of [Operator], such as [Operator.RequestRestore],
// [Operator.Escalate], [Operator.Grant], [Operator.UseConsent] and
// [Operator.RegisterFeature].
//
// How it works: replica.go runs one replica from its start to its crash,
// leadership.go hands the leader's role to the loops, link.go is the network,
// files.go and store.go are the disk, recovery.go decides who starts with what
// memory, and command.go, tables.go, state.go and fsm.go are what is written there. An
// action on a node is in the log before the cloud is asked for it, with a key by
// which a new leader may ask again: judge.go decides, autorepair.go does it.
package provider

import (
	"errors"
	"net/http"

	"demarc/sim/api"
)

// Errors of the replicated memory.
var (
	// ErrNoLeader says that no replica leads: fewer than two of three can speak
	// to each other, or they have not elected one yet.
	ErrNoLeader error = api.Errorf(http.StatusServiceUnavailable, "the provider's plane has no leader")
	// ErrNotLeader says that a [Leadership] is over.
	ErrNotLeader = errors.New("no longer the leader of the provider's plane")
	// ErrClosed says that the plane was closed.
	ErrClosed = errors.New("the provider's plane is closed")
)
