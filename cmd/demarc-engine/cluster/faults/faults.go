// Package faults makes faults happen in a cluster, remembers those that are in
// force, and ends them.
//
// What a kind of fault is called, strikes and takes is a row in package fault
// (sim/fault); what it does, and how that is undone, is its [effect], in the file
// of its family: crash.go, hang.go, network.go, power.go, disk.go,
// clients.go, cloud.go, links.go, zones.go. To add a kind:
// a row there, an effect here, and a line in the table of effects.
package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// Component is a component of the control plane.
type Component interface {
	Name() string
	Crash() error
	Stop(context.Context) error
	Hang()
	Heal()
	Slow(time.Duration)
	Hold(by string) // by is empty for nobody
}

// Plane is the control plane.
type Plane interface {
	// Components are those that a name comprises: etcd, or etcd/0.
	Components(name string) []Component
	Start(context.Context, []Component) error
	Partition(a, b string) error
	Rejoin(a, b string) error
	WipeEtcd(member string) error
	CorruptEtcd(member string) error
}

// Nodes are the machines. They record themselves what is done to them.
type Nodes interface {
	NodeName(ref string) (string, bool)
	NodeNames() []string
	Containers() []api.Container
	PowerOff(node string, by timeline.Actor) (timeline.Event, error)
	PowerOn(node string, by timeline.Actor) (timeline.Event, error)
	Evict(node string, by timeline.Actor) (timeline.Event, error)
	Maintain(node, kind string, by timeline.Actor) (timeline.Event, error)
	CutNetwork(node string, by timeline.Actor) (timeline.Event, error)
	RestoreNetwork(node string, by timeline.Actor) (timeline.Event, error)
	StartKubelet(node string, by timeline.Actor) (timeline.Event, error)
	CrashKubelet(node string, by timeline.Actor, inOrder, hold bool) (timeline.Event, error)
	Zones() []string
	// LoseZone takes the power of a zone because of an event, RestoreZone gives it back,
	// and LostZones are those that have none.
	LoseZone(zone string, because timeline.Event)
	RestoreZone(zone string, by timeline.Actor)
	LostZones() map[string]timeline.Event
	// SetLinks says what is wrong with the network between machines from now on.
	SetLinks([]network.Link)
	CrashContainer(namespace, pod, name string, exitCode int, reason string, by timeline.Actor) (timeline.Event, error)
}

// Replicas are those of the provider's plane.
type Replicas interface {
	Status() []api.Replica
	Leader() (int, bool)
	Crash(i int) error
	Start(i int) error
	Cut(i int) error
	Rejoin(i int) error
	Find(backup string) (api.Backup, error)
}

// Store is where backups are.
type Store interface {
	IDs() []string
	Damage(id, how string) error
}

// Disk is the disk that backups are on.
type Disk interface {
	Fill()
	SetCapacity(int64)
	SetLatency(time.Duration)
}

// Clients are programs of the customer's that do more than they should.
type Clients interface {
	// Fill begins to write in a namespace: objects, and write goes on until ctx ends, or
	// revisions of one, until etcd refuses. Because is the event that has begun it. Empty
	// deletes what was written.
	Fill(ctx context.Context, namespace, with string) (write func(because int64), err error)
	Empty(ctx context.Context, namespace string) error
	// Flood begins to ask with the token of a service account, so many times in a second.
	// Each request keeps an API server busy for a time. Ask goes on until end is called or
	// ctx ends.
	Flood(ctx context.Context, namespace, account string, rate int, takes time.Duration) (ask, end func(), err error)
}

// Cloud is a part of Azure's API.
type Cloud interface {
	// Break has every call fail with an error, until it is called with nil.
	Break(error)
}

// DNS is servers of names.
type DNS interface {
	// Lose has them give no answers, until it is called with false.
	Lose(bool)
}

// World is what faults strike, and who is told.
type World struct {
	Plane    Plane
	Nodes    Nodes
	Replicas Replicas
	Store    Store
	Disk     Disk
	Clients  Clients
	// CloudDisks, CloudShares, CloudBalancers and CloudRoutes are Azure's API for managed
	// disks, file shares, load balancers and routes.
	CloudDisks, CloudShares, CloudBalancers, CloudRoutes Cloud
	// CloudDNS is Azure's servers of names.
	CloudDNS DNS
	Log      *timeline.Log
	// Outage is told what is out because of an event, and Well what may be well again.
	Outage func(subject string, cause timeline.Event)
	Well   func(subject string)
	// Fine makes the clock's steps fine until end is called.
	Fine func() (end func())
	// Context ends with the cluster, and Go starts what the cluster's end waits for.
	Context context.Context
	Go      func(func())
}

// Faults are what is in force, and make faults happen.
type Faults struct {
	World
	effects map[string]effect

	mu     sync.Mutex
	last   int
	active []inForce // oldest first
}

// effect is what a kind of fault does to each class of targets, and how it ends.
type effect struct {
	component func(strike) error
	// bearable says that what is struck may serve all the same: whether it is out, health
	// checks tell.
	bearable bool
	// during is called when a fault of components comes into force; what it returns,
	// when it no longer is.
	during  func(*Faults) (end func())
	node    func(Nodes, string, fault.Spec) (timeline.Event, error) // a machine or its kubelet
	replica func(Replicas, int) error
	// whole is for targets of no class above.
	whole func(*Faults, context.Context, inForce) (fault.Active, error)
	// undo ends what heal has taken out of force.
	undo func(f *Faults, ended inForce, by timeline.Actor) error
}

// effects are what the kinds of faults do. Package fault has their words.
var effects = map[string]effect{
	"crash": crash, "stop": stop, "start": start, "flap": flap,
	"hang": hang, "slow": slow,
	"partition": partition, "cut": cut, "lose": impair, "delay": impair,
	"power-off": powerOff, "power-on": powerOn, "evict": evict, "maintain": maintain,
	"wipe": wipe, "corrupt": corrupt, "fill": fill, "flood": flood,
	"outage": outage, "throttle": cloudBreaks, "fail": cloudBreaks,
	"heal": heal,
}

// New makes faults happen in a world. Its parts may be set later.
func New(w World) *Faults { return &Faults{World: w, effects: effects} }

// Inject makes a fault happen, or a repair: a Spec as [fault.Parse] returns it. What
// it returns has an ID only if it stays in force.
func (f *Faults) Inject(ctx context.Context, spec fault.Spec) (fault.Active, error) {
	t, err := fault.ParseTarget(spec.Target)
	if err != nil {
		return fault.Active{}, err
	}
	return f.inject(ctx, inForce{Active: fault.Active{Spec: spec}, at: t})
}

// inject dispatches on the class of what is struck. If x names what it strikes, it
// strikes no more of its target than that.
func (f *Faults) inject(ctx context.Context, x inForce) (fault.Active, error) {
	if err := f.resolve(&x); err != nil {
		return fault.Active{}, err
	}
	e := f.effects[x.Verb]
	switch {
	case e.component != nil && x.at.Components() != nil:
		return f.strikeComponents(ctx, x, e)
	case e.node != nil && x.at.Node != "":
		return f.strikeNode(x, e.node)
	case e.replica != nil && (x.at.Kind == fault.Provider || x.at.Kind == fault.Replica):
		return f.strikeReplicas(x, e.replica)
	case e.whole != nil:
		return e.whole(f, ctx, x)
	}
	return fault.Active{}, fmt.Errorf("%s cannot strike %s", x.Verb, x.Target)
}

// resolve puts names in the place of what only the cluster can tell: a node's index,
// and which replica leads.
func (f *Faults) resolve(x *inForce) error {
	if x.at.Node != "" {
		name, ok := f.Nodes.NodeName(x.at.Node)
		if !ok {
			return fmt.Errorf("no node %q; the nodes are %v", x.at.Node, f.Nodes.NodeNames())
		}
		x.at.Node = name
	}
	if x.at.Replica == fault.Leader {
		i, ok := f.Replicas.Leader()
		if !ok {
			return errors.New("the provider's plane has no leader at the moment")
		}
		x.at.Replica = strconv.Itoa(i)
	}
	x.Target = x.at.String()
	if x.at.Components() != nil && len(f.components(*x)) == 0 {
		return fmt.Errorf("this cluster has no %s", x.Target)
	}
	return nil
}

// strike is a component that is about to be struck.
type strike struct {
	Component
	ctx  context.Context
	spec fault.Spec
	// graceful has what goes on behind the scenes, until all are struck.
	graceful *sync.WaitGroup
}

// strikeComponents strikes components. Those that are struck together fall in the same
// instant.
func (f *Faults) strikeComponents(ctx context.Context, x inForce, e effect) (fault.Active, error) {
	list := f.components(x)
	down := slices.Contains(fault.EndedBy("start"), x.Verb)
	if down {
		var err error
		if list, err = f.notDown(list); err != nil {
			return fault.Active{}, err
		}
	}
	if len(list) > 1 {
		x.Event = f.record(x.Spec, x.Target, 0).Seq
	}
	x.struck = names(list)
	a := x.Active
	if x.stays() {
		if e.during != nil {
			x.end = e.during(f)
		}
		a = f.add(x)
	}
	f.settle(list) // so that nobody starts what falls
	var errs []error
	var graceful sync.WaitGroup
	for _, c := range list {
		err := e.component(strike{c, ctx, x.Spec, &graceful})
		if err == nil {
			struck := f.record(x.Spec, c.Name(), x.Event)
			a.Event = cmp.Or(a.Event, struck.Seq)
			if !e.bearable {
				f.Outage(c.Name(), struck)
			}
		}
		errs = append(errs, err)
	}
	f.recorded(a)
	graceful.Wait()
	if !slices.Contains(errs, nil) {
		f.dropID(a.ID)
		f.settle(list)
		return fault.Active{}, errors.Join(errs...)
	}
	if down {
		f.letGo(x.struck, "hang") // with the program
		f.settle(list)
	}
	return a, nil
}

// notDown are those of some components that no fault in force keeps down.
func (f *Faults) notDown(list []Component) (free []Component, err error) {
	for _, c := range list {
		if a, down := f.on(c.Name(), fault.EndedBy("start")...); down {
			err = errors.Join(err, fmt.Errorf("%s is down already, by %s: %s", c.Name(), a.ID, a.Spec))
			continue
		}
		free = append(free, c)
	}
	if len(free) > 0 {
		err = nil
	}
	return free, err
}

// strikeNode does something to a machine or its kubelet.
func (f *Faults) strikeNode(x inForce, do func(Nodes, string, fault.Spec) (timeline.Event, error)) (fault.Active, error) {
	e, err := do(f.Nodes, x.at.Node, x.Spec)
	if err != nil {
		return fault.Active{}, err
	}
	x.Event = e.Seq
	f.letGo([]string{x.Target}, fault.EndedBy(x.Verb)...)
	if !x.stays() {
		return x.Active, nil
	}
	return f.add(x), nil
}

// strikeReplicas does something to replicas of the provider's plane. Some of several
// may be as it would have them.
func (f *Faults) strikeReplicas(x inForce, do func(Replicas, int) error) (fault.Active, error) {
	var struck []string
	var errs []error
	ends := fault.EndedBy(x.Verb)
	for i, s := range f.Replicas.Status() {
		name := fault.Target{Kind: fault.Replica, Replica: s.Name}.String()
		if x.at.Replica != "" && x.at.Replica != s.Name || !x.mayStrike(name) ||
			x.at.Replica == "" && (s.State == "stopped") == (ends == nil) {
			continue
		}
		e := f.record(x.Spec, name, 0)
		switch err := do(f.Replicas, i); {
		case err != nil:
			errs = append(errs, err)
			continue
		case ends == nil:
			f.Outage(name, e)
		default:
			f.letGo([]string{name}, ends...)
			f.Well(name)
		}
		struck, x.Event = append(struck, name), cmp.Or(x.Event, e.Seq)
	}
	switch {
	case ends != nil:
		return x.Active, errors.Join(errs...)
	case len(struck)+len(errs) == 0:
		return fault.Active{}, fmt.Errorf("every replica of %s is down already", x.Target)
	case len(struck) == 0:
		return fault.Active{}, errors.Join(errs...)
	}
	x.struck = struck
	return f.add(x), nil
}

// record puts a fault on the timeline, of the whole target or of a part of it.
func (f *Faults) record(spec fault.Spec, subject string, cause int64) timeline.Event {
	kind, _ := fault.Lookup(spec.Verb)
	return f.Log.Append(timeline.Event{Actor: spec.By, Verb: kind.Past, Subject: subject, Cause: cause, Message: spec.String()})
}
