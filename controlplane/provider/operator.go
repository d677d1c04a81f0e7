package provider

import (
	"context"
	"sync"
	"time"

	"demarc/backup"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Component is one program of the control plane as its operator sees it.
type Component interface {
	Name() string
	// Healthy asks the program's own health check.
	Healthy(ctx context.Context) error
	// Life is the number of its present or last life.
	Life() int
	// Restart ends what is left of a life and returns when the next one serves. One
	// that has begun already is left alone.
	Restart(ctx context.Context, life int) error
}

// Member is a member of the cluster's etcd.
type Member struct {
	// Name is that of its [Component].
	Name string
	// Lost says why its data cannot be used, as its last start found out; empty
	// if nothing is known against it.
	Lost string
}

// ControlPlane is the control plane of the managed cluster.
type ControlPlane interface {
	// Components are those of the control plane, in the order in which they start.
	Components() []Component
	// Members are the members of etcd.
	Members() []Member
	// Serving says whether etcd serves, whichever member it is.
	Serving(ctx context.Context) error
	// Source is a member that serves, for a backup; the caller releases it.
	Source(ctx context.Context) (source backup.Source, release func(), err error)
	// Space is how etcd stands to its quota.
	Space() Space
	// Uses is what takes etcd's space, the most first. Filled puts on the timeline that it
	// is used up, by whom and with what, and is that event.
	Uses() []timeline.Use
	Filled() int64
	// Compact drops etcd's history before a revision, Defragment gives a member's
	// free pages back, and Disarm ends the alarm that etcd is full.
	Compact(ctx context.Context, revision int64) error
	Defragment(ctx context.Context, member string) error
	Disarm(ctx context.Context) error
	// Replace gives a member that has lost its data a new one in its place.
	Replace(ctx context.Context, member string) error
	// Stage says where restored data goes, and with which cluster token; nothing
	// else happens. Commit ends the whole control plane and puts the data in the
	// place of the old.
	Stage() (members []backup.Member, token string, err error)
	Commit(token string) error
	// Resume starts the whole control plane and returns when an API server
	// serves, with etcd's revision.
	Resume(ctx context.Context) (revision int64, err error)
	// Upgrade restarts the components that have not the version, such as 1.37.2, and
	// returns when they serve. Began is called before each.
	Upgrade(ctx context.Context, version string, began func(component string)) error
	// PowerOff ends all components in good order: none can be started until PowerOn, which
	// starts them and returns when they serve. Doing it again changes nothing.
	PowerOff(ctx context.Context) error
	PowerOn(ctx context.Context) error
	// Running are the pods that the nodes have, as NAMESPACE/NAME; nil if they have not
	// read yet what they are to run.
	Running() map[string]bool
	// Reconcile compares what the nodes ran, or run if that is nil, with what the API
	// server knows.
	Reconcile(ctx context.Context, ran map[string]bool) (api.Reconciled, error)
}

// Finding is something that the plane has found out by itself.
type Finding struct {
	// Subject is what is wrong: a component, or backup/ID.
	Subject string
	// Since is from when on, as far as the plane can tell.
	Since time.Time
	// Message says what was seen.
	Message string
	// Because is the subject whose outage, or else the target whose fault, is the
	// cause; empty for none. Event is that of a known cause.
	Because string
	Event   int64
}

// Ledger is the cluster's book of incidents.
type Ledger interface {
	// Find enters that the plane has noticed something: in the subject's open
	// incident, or in a new one.
	Find(Finding) api.Incident
	// Open is the subject's open incident.
	Open(subject string) (api.Incident, bool)
	// Found are all incidents that the plane has noticed.
	Found() []api.Incident
	// Close ends the subject's open incident: it was seen to be well at a time.
	// One that began later, or whose cause is still in force, stays open.
	Close(subject string, seen time.Time)
	// Rest ends all open incidents: the cluster is stopped, and nobody waits for what was out.
	Rest(at time.Time)
}

// OperatorConfig is what [NewOperator] needs.
type OperatorConfig struct {
	// Name is the cluster's.
	Name         string
	ControlPlane ControlPlane
	// Nodes and Cloud are the worker nodes and their VMs; nil for none that the plane
	// looks after.
	Nodes Nodes
	Cloud Cloud
	// Room says, with AKS's code, why the network has no room for the nodes of a cluster with
	// such pools; nil for a network that always has.
	Room   func(pools []Pool) error
	Ledger Ledger
	Store  *backup.Store
	Policy api.BackupPolicy
	// KubernetesVersion is entered in every backup: the control plane's at the time.
	KubernetesVersion func() string
	// Created is when the cluster was made: no slot before it is due.
	Created time.Time
	// Addons is the loop that keeps the managed add-ons in the cluster; it ends
	// with ctx. May be nil.
	Addons func(ctx context.Context, l *Leadership)
	// Desk is the loop that works on support cases; it ends with ctx. May be nil.
	Desk func(ctx context.Context, l *Leadership)
	// Autoscale is the loop of the cluster autoscaler; it ends with ctx. May be nil.
	Autoscale func(ctx context.Context, s *Scaler)
	// Patcher brings patches; nil for none that the plane sees to.
	Patcher Patcher
	// VendorFixAge is for how long a vendor must have had a fix before the provider
	// patches a vulnerability.
	VendorFixAge time.Duration
	// Note puts what the plane does on the timeline.
	Note func(timeline.Event) timeline.Event
}

// Operator is the loops of the plane. Give its Lead to [Config].
type Operator struct {
	cfg   OperatorConfig
	begun chan struct{}
	begin sync.Once
	// mending keeps replacements of members and restores out of each other's way.
	mending sync.Mutex
	// decided wakes whoever carries out restores, escalated whoever carries out
	// escalations, operated whoever carries out operations of the customer, and
	// published whoever sees to vulnerabilities: one is in the leader's state.
	decided, escalated, operated, published chan struct{}
	// settled wakes the cluster autoscaler: an operation of the customer has ended.
	settled chan struct{}
	// preempted wakes node auto-drain, and maintained whoever upgrades nodes by themselves.
	preempted, maintained chan struct{}
	// asking is held while what callers from outside ask for, or a restore that the
	// plane itself decides on, is checked and put in the log.
	asking sync.Mutex
	// told is what was said last about each node that is not repaired, by subject, so that
	// it is said once. It is not in the log: it decides nothing.
	told sync.Map
}

// NewOperator makes an operator. It does nothing before [Operator.Begin].
func NewOperator(cfg OperatorConfig) *Operator {
	return &Operator{cfg: cfg, begun: make(chan struct{}), decided: make(chan struct{}, 1), published: make(chan struct{}, 1), escalated: make(chan struct{}, 1), operated: make(chan struct{}, 1), settled: make(chan struct{}, 1), preempted: make(chan struct{}, 1), maintained: make(chan struct{}, 1)}
}

// Begin lets the loops run: call it when the control plane has been started once.
func (o *Operator) Begin() { o.begin.Do(func() { close(o.begun) }) }

// Lead runs the loops until ctx ends.
func (o *Operator) Lead(ctx context.Context, l *Leadership) {
	select {
	case <-o.begun:
	case <-ctx.Done():
		return
	}
	o.adoptStrays(ctx, l) // before anybody looks for a backup to restore
	loops := []func(context.Context, *Leadership){o.watch, o.backUp, o.restoreAll, o.recordIncidents, o.expireConsents, o.finishRegistrations}
	if o.cfg.Nodes != nil {
		loops = append(loops, o.repairNodes, o.escalateAll, o.operateAll, o.drainPreempted, o.maintain)
	}
	if o.cfg.Autoscale != nil {
		loops = append(loops, func(ctx context.Context, l *Leadership) { o.cfg.Autoscale(ctx, &Scaler{o, l}) })
	}
	if o.cfg.Patcher != nil {
		loops = append(loops, o.patchAll)
	}
	var running sync.WaitGroup
	for _, loop := range append(loops, o.cfg.Addons, o.cfg.Desk) {
		if loop != nil {
			running.Go(func() { loop(ctx, l) })
		}
	}
	running.Wait()
}

// note puts something that the plane did on the timeline.
func (o *Operator) note(verb timeline.Verb, subject, message string) {
	o.noteBecause(0, verb, subject, message)
}

// noteBecause is note for something that an event on the timeline led to; 0 is
// the event that caused the subject's incident.
func (o *Operator) noteBecause(cause int64, verb timeline.Verb, subject, message string) {
	o.noteEvent(timeline.Event{Verb: verb, Subject: subject, Message: message, Cause: cause})
}

// noteEvent is note for an event that has more to it.
func (o *Operator) noteEvent(e timeline.Event) {
	e.Actor = timeline.Provider
	if e.Cause == 0 {
		i, _ := o.cfg.Ledger.Open(e.Subject)
		e.Cause = i.Event
	}
	o.cfg.Note(e)
}

// asked puts something that the customer asked for on the timeline, and returns its number.
func (o *Operator) asked(ctx context.Context, cause int64, verb timeline.Verb, subject, message string) int64 {
	return o.cfg.Note(timeline.Event{Actor: timeline.Customer, Verb: verb, Subject: subject, Message: message, Cause: cause, Asker: timeline.Asker(ctx)}).Seq
}
