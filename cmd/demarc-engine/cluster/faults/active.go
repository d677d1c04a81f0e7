package faults

import (
	"slices"
	"strconv"
	"time"

	"demarc/sim/fault"
)

// inForce is a fault in force, with what it has in its grip.
type inForce struct {
	fault.Active
	at fault.Target // parsed, with the names that only the cluster can tell
	// struck are the names of what it has struck and not let go of yet: etcd/0,
	// provider/1, or the target itself.
	struck []string
	end    func() // called when it is no longer in force; may be nil
}

// stays says whether the fault is one that is in force until something ends it.
func (x inForce) stays() bool {
	kind, _ := fault.Lookup(x.Verb)
	return kind.EndedBy != "" && held(x.Spec)
}

// mayStrike says whether what is named is not left out of the target.
func (x inForce) mayStrike(name string) bool {
	return x.struck == nil || slices.Contains(x.struck, name)
}

// held says that what a fault takes down is kept down.
func held(s fault.Spec) bool { return s.Args["hold"] != "no" }

// add puts a fault into force. What it has struck is its target, unless it says
// otherwise.
func (f *Faults) add(x inForce) fault.Active {
	if x.struck == nil {
		x.struck = names(f.components(x))
	}
	if x.struck == nil {
		x.struck = []string{x.Target}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	x.ID = "f" + strconv.Itoa(f.last)
	f.active = append(f.active, x)
	return x.Active
}

// begin records a fault as one and puts it into force.
func (f *Faults) begin(x inForce) fault.Active {
	x.Event = f.record(x.Spec, x.Target, 0).Seq
	return f.add(x)
}

// recorded enters the event of a fault, which may be in force before it has struck.
func (f *Faults) recorded(a fault.Active) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.active, func(x inForce) bool { return x.ID == a.ID }); i >= 0 {
		f.active[i].Event = a.Event
	}
}

// drop takes faults out of force and returns them.
func (f *Faults) drop(match func(inForce) bool) (dropped []inForce) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = slices.DeleteFunc(f.active, func(x inForce) bool {
		if !match(x) {
			return false
		}
		if x.end != nil {
			x.end()
		}
		dropped = append(dropped, x)
		return true
	})
	return dropped
}

// dropID is drop for one fault.
func (f *Faults) dropID(id string) []inForce {
	return f.drop(func(x inForce) bool { return x.ID == id })
}

// letGo takes what is named out of the grip of faults of some verbs. Those that hold
// nothing any more are no longer in force.
func (f *Faults) letGo(names []string, verbs ...string) {
	f.mu.Lock()
	for i, x := range f.active {
		if slices.Contains(verbs, x.Verb) {
			f.active[i].struck = slices.DeleteFunc(slices.Clone(x.struck), func(s string) bool { return slices.Contains(names, s) })
		}
	}
	f.mu.Unlock()
	f.drop(func(x inForce) bool { return len(x.struck) == 0 })
}

// list is the faults in force, oldest first.
func (f *Faults) list() []inForce {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.active)
}

// List is the faults in force, oldest first.
func (f *Faults) List() []fault.Active {
	all := []fault.Active{}
	for _, x := range f.list() {
		all = append(all, x.Active)
	}
	return all
}

// on is the newest fault in force of some verbs that has a name in its grip.
func (f *Faults) on(name string, verbs ...string) (newest inForce, ok bool) {
	for _, x := range f.list() {
		if slices.Contains(x.struck, name) && slices.Contains(verbs, x.Verb) {
			newest, ok = x, true
		}
	}
	return newest, ok
}

// Holds says whether faults in force have a subject in their grip, so that it cannot
// serve: itself, or all instances of a component.
func (f *Faults) Holds(subject string) bool {
	var struck []string
	for _, x := range f.list() {
		if !f.effects[x.Verb].bearable {
			struck = append(struck, x.struck...)
		}
	}
	group := names(f.Plane.Components(subject))
	return slices.Contains(struck, subject) ||
		len(group) > 0 && !slices.ContainsFunc(group, func(name string) bool { return !slices.Contains(struck, name) })
}

// Event is the event of the fault in force on a target, or 0.
func (f *Faults) Event(target string) int64 {
	for _, x := range f.list() {
		if x.Target == target {
			return x.Event
		}
	}
	return 0
}

// components are those that a fault strikes.
func (f *Faults) components(x inForce) (list []Component) {
	for _, name := range x.at.Components() {
		list = append(list, f.Plane.Components(name)...)
	}
	return slices.DeleteFunc(list, func(c Component) bool { return !x.mayStrike(c.Name()) })
}

// settle leaves components as the faults in force want them.
func (f *Faults) settle(list []Component) {
	for _, c := range list {
		holder, _ := f.on(c.Name(), "crash", "stop", "hang")
		c.Hold(holder.ID)
		c.Slow(f.latency(c.Name()))
	}
}

// latency is how slow the faults in force make something.
func (f *Faults) latency(name string) time.Duration {
	slow, _ := f.on(name, "slow")
	return slow.Duration("latency")
}

// wake ends the hang of components that no fault in force wants to hang.
func (f *Faults) wake(list []Component) {
	for _, c := range list {
		if _, hung := f.on(c.Name(), "hang"); !hung {
			c.Heal()
		}
	}
	f.settle(list)
}

// names are the names of components.
func names(list []Component) (all []string) {
	for _, c := range list {
		all = append(all, c.Name())
	}
	return all
}
