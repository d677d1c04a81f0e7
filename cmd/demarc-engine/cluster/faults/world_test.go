package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/network"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// fake is a world of which everything that faults change is a word in a set.
type fake struct {
	*Faults
	mu    sync.Mutex      // faults strike several things at once
	is    map[string]bool // "etcd/0 hung", "node/b cut"
	names []string        // of components
	fine  int
	lost  map[string]timeline.Event // zones
}

func newFake(t *testing.T) *fake {
	w := &fake{is: map[string]bool{}, lost: map[string]timeline.Event{}, names: []string{"etcd/0", "etcd/1", "etcd/2", "kube-apiserver/0", "kube-apiserver/1", "kube-apiserver/2", "kube-controller-manager", "kube-scheduler"}}
	w.Faults = New(World{
		Plane: w, Nodes: w, Replicas: fakeReplicas{w}, Store: w, Disk: fakeDisk{w}, Clients: w, CloudDisks: fakeCloud{w, "disks"}, CloudShares: fakeCloud{w, "shares"}, CloudBalancers: fakeCloud{w, "balancers"}, CloudRoutes: fakeCloud{w, "routes"}, CloudDNS: fakeDNS{w}, Log: timeline.New(),
		Outage: func(string, timeline.Event) {}, Well: func(string) {}, Context: t.Context(), Go: func(do func()) { do() },
		Fine: func() func() {
			w.fine++
			return func() { w.fine-- }
		},
	})
	return w
}

// set makes something so, which must not be so already.
func (w *fake) set(what string, so bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.is[what] == so {
		return fmt.Errorf("%s: that is %t already", what, so)
	}
	w.is[what] = so
	return nil
}

// put makes something so.
func (w *fake) put(what string, so bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.is[what] = so
}

// state is all that is not as it was in the beginning.
func (w *fake) state() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []string{}
	for what, so := range w.is {
		if so {
			list = append(list, what)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ") + strings.Repeat(", fine", w.fine)
}

type fakeComponent struct {
	w    *fake
	name string
}

func (c fakeComponent) Name() string               { return c.name }
func (c fakeComponent) Crash() error               { return c.w.set(c.name+" down", true) }
func (c fakeComponent) Stop(context.Context) error { return c.w.set(c.name+" down", true) }
func (c fakeComponent) Hang()                      { c.w.put(c.name+" hung", true) }
func (c fakeComponent) Heal()                      { c.w.put(c.name+" hung", false) }
func (c fakeComponent) Slow(d time.Duration)       { c.w.put(c.name+" slow", d > 0) }
func (c fakeComponent) Hold(by string)             { c.w.put(c.name+" held", by != "") }

func (w *fake) Components(name string) (list []Component) {
	for _, n := range w.names {
		if kind, _, _ := strings.Cut(n, "/"); name == n || name == kind {
			list = append(list, fakeComponent{w, n})
		}
	}
	return list
}

func (w *fake) Start(_ context.Context, list []Component) error {
	for _, c := range list {
		w.put(c.Name()+" down", false)
	}
	return nil
}
func (w *fake) Partition(a, b string) error { w.put(a+" cut from "+b, true); return nil }
func (w *fake) Rejoin(a, b string) error    { w.put(a+" cut from "+b, false); return nil }
func (w *fake) WipeEtcd(m string) error     { return w.set(m+" wiped", true) }
func (w *fake) CorruptEtcd(m string) error  { return w.set(m+" corrupt", true) }

func (w *fake) NodeNames() []string { return []string{"a", "b"} }
func (w *fake) NodeName(ref string) (string, bool) {
	name, ok := map[string]string{"0": "a", "1": "b", "a": "a", "b": "b"}[ref]
	return name, ok
}
func (w *fake) Zones() []string { return []string{"1", "2"} }
func (w *fake) LoseZone(zone string, because timeline.Event) {
	w.put("zone "+zone+" lost", true)
	w.lost[zone] = because
}
func (w *fake) RestoreZone(zone string, _ timeline.Actor) {
	w.put("zone "+zone+" lost", false)
	delete(w.lost, zone)
}
func (w *fake) LostZones() map[string]timeline.Event { return w.lost }
func (w *fake) SetLinks(all []network.Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.is, func(what string, _ bool) bool { return strings.HasPrefix(what, "link ") })
	for _, l := range all {
		w.is[fmt.Sprintf("link %+v", l)] = true
	}
}
func (w *fake) Containers() []api.Container {
	return []api.Container{{Namespace: "default", Pod: "shop-75c9-x2x4z", Name: "c", State: "running"}}
}

// act does something to a machine, and records it.
func (w *fake) act(what string, so bool, by timeline.Actor) (timeline.Event, error) {
	if err := w.set(what, so); err != nil {
		return timeline.Event{}, err
	}
	return w.Log.Append(timeline.Event{Actor: by, Verb: "acted", Subject: what}), nil
}
func (w *fake) PowerOff(node string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" off", true, by)
}
func (w *fake) Evict(node string, by timeline.Actor) (timeline.Event, error) {
	return timeline.Event{}, w.set("node/"+node+" evicted", true)
}
func (w *fake) Maintain(node, kind string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" "+kind, true, by)
}

func (w *fake) PowerOn(node string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" off", false, by)
}
func (w *fake) CutNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" cut", true, by)
}
func (w *fake) RestoreNetwork(node string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" cut", false, by)
}
func (w *fake) StartKubelet(node string, by timeline.Actor) (timeline.Event, error) {
	return w.act(node+" without kubelet", false, by)
}
func (w *fake) CrashKubelet(node string, by timeline.Actor, _, _ bool) (timeline.Event, error) {
	return w.act(node+" without kubelet", true, by)
}
func (w *fake) CrashContainer(_, pod, name string, _ int, _ string, by timeline.Actor) (timeline.Event, error) {
	return w.act(pod+"/"+name+" crashed", true, by)
}

func (w *fake) IDs() []string               { return []string{"20260105T083000Z"} }
func (w *fake) Damage(id, how string) error { return w.set(id+" "+how, true) }

func (w *fake) Fill(_ context.Context, namespace, with string) (func(int64), error) {
	return func(int64) { w.put(namespace+" full of "+with, true) }, nil
}
func (w *fake) Empty(_ context.Context, namespace string) error {
	w.put(namespace+" full of objects", false)
	return nil
}
func (w *fake) Flood(_ context.Context, _, account string, _ int, _ time.Duration) (ask, end func(), err error) {
	return func() { w.put(account+" floods", true) }, func() { w.put(account+" floods", false) }, nil
}

type fakeDisk struct{ w *fake }

func (d fakeDisk) Fill()                      { d.w.put("disk full", true) }
func (d fakeDisk) SetCapacity(int64)          { d.w.put("disk full", false) }
func (d fakeDisk) SetLatency(l time.Duration) { d.w.put("disk slow", l > 0) }

type fakeCloud struct {
	w    *fake
	part string
}

func (c fakeCloud) Break(err error) {
	for _, e := range []error{cloud.ErrThrottled, cloud.ErrSharesThrottled, cloud.ErrBalancersThrottled, cloud.ErrRoutesThrottled, cloud.ErrInternal} {
		c.w.put("cloud "+c.part+": "+e.Error(), err == e)
	}
}

type fakeDNS struct{ w *fake }

func (d fakeDNS) Lose(lost bool) { d.w.put("DNS lost", lost) }

type fakeReplicas struct{ w *fake }

func (r fakeReplicas) Status() (list []api.Replica) {
	for i := range 3 {
		s := api.Replica{Name: fmt.Sprint(i), State: "follower"}
		if r.w.is[fmt.Sprintf("provider/%d down", i)] {
			s.State = "stopped"
		}
		list = append(list, s)
	}
	return list
}
func (r fakeReplicas) Leader() (int, bool) { return 1, true }
func (r fakeReplicas) Crash(i int) error   { return r.w.set(fmt.Sprintf("provider/%d down", i), true) }
func (r fakeReplicas) Start(i int) error   { return r.w.set(fmt.Sprintf("provider/%d down", i), false) }
func (r fakeReplicas) Cut(i int) error     { r.w.put(fmt.Sprintf("provider/%d cut", i), true); return nil }
func (r fakeReplicas) Rejoin(i int) error {
	r.w.put(fmt.Sprintf("provider/%d cut", i), false)
	return nil
}
func (r fakeReplicas) Find(id string) (api.Backup, error) {
	if id == fault.Latest {
		return api.Backup{ID: r.w.IDs()[0]}, nil
	}
	return api.Backup{}, errors.New("no such backup")
}
