package nodes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/nodes/cloud"
	"demarc/nodes/host"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Times of a virtual machine. Azure publishes none: these are what one sees of
// small Linux machines, and short enough that each step of node auto-repair has
// its effect before the next one, five minutes later.
const (
	// bootTime is what passes between power on and the kubelet's start.
	bootTime = 20 * time.Second
	// reimageTime and redeployTime are until a machine boots again: from a fresh
	// disk, and on another host.
	reimageTime  = 2 * time.Minute
	redeployTime = 3 * time.Minute
)

// poolSubject names a node pool on the timeline.
func poolSubject(pool string) string { return "nodepool/" + pool }

// lose takes the machine's power away, which is an outage.
func (m *machine) lose(now time.Time, why string) { m.loseBy(now, why, nil) }

// reboot and shutDown are what somebody asks for who is on the machine.
func (m *machine) reboot(now time.Time) {
	m.loseBy(now, "the machine restarts", &timeline.Detail{Down: timeline.Rebooted})
	m.boot(now, 0)
}

func (m *machine) shutDown(now time.Time) {
	m.loseBy(now, "the machine was shut down from within", &timeline.Detail{Down: timeline.PoweredOff})
	m.Stopped = vm.Stopped
}

func (m *machine) loseBy(now time.Time, why string, detail *timeline.Detail) {
	if m.On {
		m.halt(now)
		m.Broke(timeline.Event{Time: now, Verb: "stopped", Subject: "node/" + m.Name, Message: why, Detail: detail})
	}
}

// halt takes the machine's power away: everything on it ends at once. If that is
// meant to be, it is no outage.
func (m *machine) halt(now time.Time) {
	if !m.On {
		return
	}
	m.On = false
	m.BootAt, m.Problem = time.Time{}, ""
	m.rules, m.policies = nil, nil
	m.OS.PowerLost(now)
	m.kubelet.PowerLost(now, m.Root.Seq)
	m.f.network.NodeChanged(m.Name, false)
}

// boot gives the machine power, after some time.
func (m *machine) boot(now time.Time, after time.Duration) {
	if m.Dark || m.ZoneLost || m.Stopped != "" {
		return // asked for in vain
	}
	m.On, m.Problem = true, ""
	m.kubelet.Rebooted = true
	m.Boots++
	m.BootAt = timers.Tick(now.Add(after + bootTime))
	m.f.timers.Wake(m)
}

// booted is the end of a boot: the machine's system runs, or it does not.
func (m *machine) booted(now time.Time) {
	m.BootAt = time.Time{}
	if err := m.OS.Boot(now); err != nil {
		if root, ok := m.Unbootable(m.OS.Flawed()); ok {
			m.BecauseOf(root)
		}
		m.lose(now, "the machine does not boot: "+err.Error())
		m.Problem = err.Error()
		m.Tell(now, "failed to boot", "node/"+m.Name, err.Error(), m.Root.Seq)
		return
	}
	m.kubelet.Booted(now)
	m.follow(now)
	if m.kubelet.Running {
		m.Root.Seq = m.Tell(now, "started", "kubelet/"+m.Name, "the machine has booted and starts its kubelet", m.Root.Seq).Seq
	}
}

// reimage gives the machine a fresh system disk with an image, and says what is
// lost with the old one.
func (m *machine) reimage(now time.Time, image *host.Image) (lost []string) {
	lost = append(m.kubelet.LocalData(true), m.OS.Reimage(now, image)...)
	m.kubelet.Reimaged()
	m.Edited = timeline.Event{}
	return lost
}

// VMs is every machine as the cloud has it, without those that were deleted.
func (f *scaleSet) VMs() (out []api.VM) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.living() {
		out = append(out, m.describeVM())
	}
	return out
}

func (m *machine) describeVM() api.VM {
	return api.VM{
		Name: m.Name, InstanceID: m.Index, Power: "PowerState/" + m.Power(), Size: m.Size, NodeImage: m.OS.Image().Version,
		ResourceGroup: m.Cluster.ResourceGroup(), ScaleSet: m.Cluster.ScaleSet(m.Pool), Tags: maps.Clone(m.Tags),
	}
}

// Shutdown says whether somebody has stopped the node's machine through the
// cloud, and Exists whether the cloud still has it.
func (f *scaleSet) Shutdown(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	return m != nil && (m.Stopped == vm.Stopped || m.Stopped == vm.Deallocated)
}

// Exists says whether the cloud has the node's machine.
func (f *scaleSet) Exists(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.named(node)
	return m != nil && !m.deleted() && m.leaves.IsZero()
}

// DoVM does something with a machine as a resource of the cloud, behind the back
// of the managed service.
func (f *scaleSet) DoVM(req api.VMRequest, by timeline.Actor) (api.VM, error) {
	m, err := f.find(req.VM)
	if err != nil {
		return api.VM{}, err
	}
	do := vmActions[req.Action]
	if do == nil {
		return api.VM{}, fmt.Errorf("a VM cannot be asked to %q: want stop, deallocate, start, restart, delete, resize or tag", req.Action)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.deleted() {
		return api.VM{}, fmt.Errorf("VM %s is deleted", m.Name)
	}
	e, err := do.check(m, req)
	if err == nil && do.runs {
		err = m.allocated()
	}
	if err != nil {
		return api.VM{}, err
	}
	now := time.Now()
	e.Time, e.Actor, e.Subject = now, by, "node/"+m.Name
	e.Detail = cmp.Or(e.Detail, &timeline.Detail{})
	e.Detail.Resource = true
	m.Root = f.log.Append(e)
	do.run(m, req, now)
	f.timers.Wake(m)
	return m.describeVM(), nil
}

// vmAction is something that can be done with a VM. check is its event on the
// timeline, or says why it cannot be done.
type vmAction struct {
	check func(m *machine, req api.VMRequest) (timeline.Event, error)
	run   func(m *machine, req api.VMRequest, now time.Time)
	// runs says that the VM runs then, which takes a host in its zone.
	runs bool
}

var vmActions = map[string]*vmAction{
	"stop":       stopAction(vm.Stopped, "the VM was stopped as an IaaS resource; it is still allocated"),
	"deallocate": stopAction(vm.Deallocated, "the VM was deallocated as an IaaS resource"),
	"start": {
		runs: true,
		check: func(m *machine, _ api.VMRequest) (e timeline.Event, err error) {
			if m.Stopped == "" {
				return e, fmt.Errorf("VM %s is not stopped", m.Name)
			}
			return timeline.Event{Verb: "started", Message: "the VM was started as an IaaS resource"}, nil
		},
		run: func(m *machine, _ api.VMRequest, now time.Time) {
			m.Stopped = ""
			m.boot(now, 0)
		},
	},
	"restart": {
		runs: true,
		check: func(m *machine, _ api.VMRequest) (e timeline.Event, err error) {
			if m.Stopped != "" {
				return e, fmt.Errorf("VM %s is %s: start it", m.Name, m.Stopped)
			}
			return timeline.Event{Verb: "restarted", Message: "the VM was restarted as an IaaS resource"}, nil
		},
		run: func(m *machine, _ api.VMRequest, now time.Time) { m.restart(now) },
	},
	"delete": {
		check: func(*machine, api.VMRequest) (e timeline.Event, err error) {
			return timeline.Event{Verb: "deleted", Message: "the VM was deleted as an IaaS resource: its disk is gone, and the pool has one node less than it should"}, nil
		},
		run: func(m *machine, _ api.VMRequest, now time.Time) {
			m.lose(now, "the VM is deleted")
			m.remove(now)
			m.f.reenroll()
			m.f.short(now, m.Pool, m.Root)
		},
	},
	"resize": {
		runs: true,
		check: func(m *machine, req api.VMRequest) (e timeline.Event, err error) {
			if _, err := cloud.Size(req.Size); err != nil {
				return e, err
			}
			return timeline.Event{
				Verb: "resized", Message: "the VM was resized as an IaaS resource from " + m.Size + " to " + req.Size,
				Detail: &timeline.Detail{Size: &timeline.Resize{From: m.Size, To: req.Size}},
			}, nil
		},
		run: func(m *machine, req api.VMRequest, now time.Time) {
			m.Size, _ = cloud.Size(req.Size) // was checked
			if m.On {
				m.restart(now)
			}
		},
	},
	"tag": {
		check: func(_ *machine, req api.VMRequest) (e timeline.Event, err error) {
			if len(req.Tags) == 0 {
				return e, fmt.Errorf("tag wants at least one NAME=VALUE")
			}
			return timeline.Event{
				Verb: "tagged", Message: "the VM's tags were changed as an IaaS resource: " + tagsText(req.Tags),
				Detail: &timeline.Detail{Tags: maps.Clone(req.Tags)},
			}, nil
		},
		run: func(m *machine, req api.VMRequest, _ time.Time) {
			tags := maps.Clone(m.Tags)
			if tags == nil {
				tags = map[string]string{}
			}
			maps.Copy(tags, req.Tags)
			maps.DeleteFunc(tags, func(_, v string) bool { return v == "" })
			m.Tags = tags
		},
	},
}

// tagsText is tags in words: NAME=VALUE, and NAME= for one that is removed.
func tagsText(tags map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, name+"="+tags[name])
	}
	return strings.Join(words, ", ")
}

func stopAction(how timeline.Verb, message string) *vmAction {
	return &vmAction{
		check: func(m *machine, _ api.VMRequest) (e timeline.Event, err error) {
			if m.Stopped == string(how) {
				return e, fmt.Errorf("VM %s is already %s", m.Name, how)
			}
			return timeline.Event{Verb: how, Message: message}, nil
		},
		run: func(m *machine, _ api.VMRequest, now time.Time) {
			m.lose(now, message)
			m.Stopped = string(how)
		},
	}
}

// restart reboots the machine the hard way.
func (m *machine) restart(now time.Time) {
	m.lose(now, "the machine restarts")
	m.boot(now, 0)
}

// short notes that the pool has fewer machines than it should. AKS does not
// replace one that was deleted outside of it.
func (f *scaleSet) short(now time.Time, pool string, root timeline.Event) {
	of := inPool(f.machines(), pool)
	f.log.Append(timeline.Event{
		Time: now, Actor: timeline.Provider, Verb: "noticed", Subject: poolSubject(pool), Cause: root.Seq,
		Message: fmt.Sprintf("the scale set has %d of %d VMs; one that was deleted outside of AKS is not replaced", len(living(of)), len(of)),
	})
	f.watcher.Broke(poolSubject(pool), root, now)
	f.watcher.Noticed(poolSubject(pool), now)
}

// remove ends a machine for good: its VM is deleted.
func (m *machine) remove(now time.Time) {
	m.halt(now)
	m.Stopped = vm.Deleted
	m.Unschedule()
	m.endOutages(now)
	m.kubelet.Remove()
	m.f.disks.VMGone(m.Name)
	m.f.detach(m)
	m.f.timers.Remove(m)
}

// endOutages ends the machine's outages, and those of what is on it: nobody waits for
// it any more.
func (m *machine) endOutages(now time.Time) {
	for _, subject := range slices.Sorted(maps.Keys(m.Troubles)) {
		m.Mended(subject, now)
	}
	m.kubelet.Leave(now)
}
