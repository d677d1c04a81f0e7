package cluster

import (
	"slices"
	"strconv"
	"time"

	"demarc/controlplane"
	"demarc/sim/fault"
)

// inForce is a fault in force, with what it has in its grip.
type inForce struct {
	fault.Active
	target fault.Target
	// struck are the names of what it has struck and not let go of yet: etcd/0,
	// provider/1, or the target itself.
	struck []string
	end    func() // called when it is no longer in force; may be nil
}

// add puts a fault into force. What it has struck is its target, unless it says
// otherwise.
func (f *faults) add(a inForce) fault.Active {
	if len(a.struck) == 0 {
		a.struck = names(f.targets(a.target))
	}
	if len(a.struck) == 0 {
		a.struck = []string{a.Target}
	}
	if a.Verb == "slow" && a.target.Kind != fault.BackupStore { // latencies are below the clock's steps
		a.end = f.cluster.dial.Fine()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	a.ID = "f" + strconv.Itoa(f.last)
	f.active = append(f.active, a)
	return a.Active
}

// force is a fault to be put into force.
func force(spec fault.Spec, t fault.Target, event int64) inForce {
	return inForce{Active: fault.Active{Spec: spec, Event: event}, target: t}
}

// drop takes faults out of force and returns them.
func (f *faults) drop(match func(inForce) bool) (dropped []inForce) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = slices.DeleteFunc(f.active, func(a inForce) bool {
		if !match(a) {
			return false
		}
		if a.end != nil {
			a.end()
		}
		dropped = append(dropped, a)
		return true
	})
	return dropped
}

// dropID is drop for one fault.
func (f *faults) dropID(id string) []inForce {
	return f.drop(func(a inForce) bool { return a.ID == id })
}

// letGo takes what is named out of the grip of faults of some verbs. Those that
// hold nothing any more are no longer in force.
func (f *faults) letGo(names []string, verbs ...string) {
	f.mu.Lock()
	for i, a := range f.active {
		if slices.Contains(verbs, a.Verb) {
			f.active[i].struck = slices.DeleteFunc(slices.Clone(a.struck), func(s string) bool { return slices.Contains(names, s) })
		}
	}
	f.mu.Unlock()
	f.drop(func(a inForce) bool { return len(a.struck) == 0 })
}

// list is the faults in force, oldest first.
func (f *faults) list() []inForce {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.active)
}

// on is the newest fault in force of some verbs that has a name in its grip.
func (f *faults) on(name string, verbs ...string) (newest inForce, ok bool) {
	for _, a := range f.list() {
		if slices.Contains(a.struck, name) && slices.Contains(verbs, a.Verb) {
			newest, ok = a, true
		}
	}
	return newest, ok
}

// holds says whether a fault in force has a subject in its grip: itself, or all
// instances of a component.
func (f *faults) holds(subject string) bool {
	var struck []string
	for _, a := range f.list() {
		struck = append(struck, a.struck...)
	}
	group := names(f.cluster.plane.Group(subject))
	return slices.Contains(struck, subject) ||
		len(group) > 0 && !slices.ContainsFunc(group, func(name string) bool { return !slices.Contains(struck, name) })
}

// struck is the event of the fault in force on a target, or 0.
func (f *faults) struck(target string) int64 {
	for _, a := range f.list() {
		if a.Target == target {
			return a.Event
		}
	}
	return 0
}

// settle leaves components as the faults in force want them.
func (f *faults) settle(list []*controlplane.Component) {
	for _, c := range list {
		holder, _ := f.on(c.Name(), "crash", "stop", "hang")
		c.Hold(holder.ID)
		latency := time.Duration(0)
		if slow, ok := f.on(c.Name(), "slow"); ok {
			latency = slow.Duration("latency")
		}
		c.Slow(latency)
	}
}

// wake ends the hang of components that no fault in force wants to hang.
func (f *faults) wake(list []*controlplane.Component) {
	for _, c := range list {
		if _, hung := f.on(c.Name(), "hang"); !hung {
			c.Heal()
		}
	}
	f.settle(list)
}

// names are the names of components.
func names(list []*controlplane.Component) (all []string) {
	for _, c := range list {
		all = append(all, c.Name())
	}
	return all
}
