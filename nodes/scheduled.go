package nodes

import (
	"fmt"
	"time"

	"demarc/nodes/kubelet"
	"demarc/nodes/timers"
	"demarc/nodes/vm"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// maintenance is what Azure does to a VM when it maintains its host, by the kind of it.
var maintenance = map[string]struct {
	event  string
	notice time.Duration // Azure promises at least this much (Microsoft, "Azure Metadata Service: Scheduled Events for Linux VMs", event scheduling, 2026)
	did    timeline.Verb
	takes  time.Duration // until it boots again
}{
	"reboot":   {vm.EventReboot, 15 * time.Minute, "rebooted", 0},
	"redeploy": {vm.EventRedeploy, 10 * time.Minute, "redeployed", redeployTime},
}

// Maintain has Azure announce that it reboots a VM, or moves it to another host, and do so
// when the notice is over. The VM's temporary disk, which a move loses, has nothing of
// Kubernetes' on it.
func (f faults) Maintain(node, kind string, by timeline.Actor) (timeline.Event, error) {
	w, known := maintenance[kind]
	if !known {
		return timeline.Event{}, fmt.Errorf("no maintenance is a %q: want reboot or redeploy", kind)
	}
	return f.fault(node, by, "node", "maintaining", func(m *machine) (string, error) {
		switch {
		case m.EventType != "":
			return "", fmt.Errorf("node %s has an event scheduled already: %s at %s", m.Name, m.EventType, m.EventAt.UTC().Format(time.TimeOnly))
		case !m.On:
			return "", fmt.Errorf("node %s does not run: Azure moves or reboots running VMs only", m.Name)
		}
		return fmt.Sprintf("Azure maintains the host of the VM: event %s is scheduled in %s", w.event, w.notice), nil
	}, func(m *machine, now time.Time) { m.schedule(w.event, now, w.notice) })
}

// schedule schedules what the machine's root event announces, of which its node hears.
func (m *machine) schedule(event string, now time.Time, notice time.Duration) {
	m.Schedule(event, timers.Tick(now.Add(notice)), m.Root)
	m.kubelet.Scheduled()
}

// eventDue says whether the scheduled event comes now.
func (m *machine) eventDue(now time.Time) bool {
	return !m.EventAt.IsZero() && !now.Before(m.EventAt)
}

// carryOut does what was scheduled, and tells whether the VM is deleted by that.
func (m *machine) carryOut(now time.Time) (deleted bool) {
	event, notice := m.EventType, m.Notice
	m.Unschedule()
	defer m.f.cfg.Preempted()
	if event == vm.EventPreempt {
		return m.preempt(now, notice)
	}
	for _, w := range maintenance {
		if w.event == event && m.On { // one that has stopped meanwhile has another host when it starts
			why := "Azure has " + string(w.did) + " the VM, as it had announced"
			m.ActsOn(now, notice.Actor, w.did, "node/"+m.Name, why, notice.Seq)
			m.lose(now, why)
			m.boot(now, w.takes)
		}
	}
	return false
}

// Evacuation is a node that is to be drained, as its VM is taken from its host soon.
type Evacuation struct {
	Node  string
	Event int64 // that announces it
}

// Evacuating are the nodes whose VMs Azure takes back soon, or moves. Those that only reboot
// are not drained (Microsoft, "AKS node auto-drain", 2026).
func (f *scaleSet) Evacuating() (list []Evacuation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.machines() {
		if m.EventType == vm.EventPreempt || m.EventType == vm.EventRedeploy {
			list = append(list, Evacuation{m.Name, m.Notice.Seq})
		}
	}
	return list
}

// watchEvents has who drains nodes hear of those that say that an event is scheduled.
func (f *Fleet) watchEvents() {
	_, _ = f.informers.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if HasEvent(obj) {
				f.cfg.Preempted()
			}
		},
		UpdateFunc: func(old, obj any) {
			if HasEvent(old) != HasEvent(obj) {
				f.cfg.Preempted()
			}
		},
	})
}

// HasEvent says whether a Node says that its VM has a scheduled event.
func HasEvent(obj any) bool {
	n, ok := obj.(*corev1.Node)
	if !ok {
		return false
	}
	for _, c := range n.Status.Conditions {
		if c.Type == kubelet.EventScheduled {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
