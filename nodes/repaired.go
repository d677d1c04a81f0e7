package nodes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// maxRepairs is how many repairs of the nodes themselves are remembered.
const maxRepairs = 2000

// repairs are those of the nodes themselves, oldest first.
type repairs struct {
	list []api.Repair
	last int // number of the newest
}

// enter remembers a repair.
func (rs *repairs) enter(r api.Repair) {
	rs.last++
	r.ID = "n" + strconv.Itoa(rs.last)
	rs.list = append(rs.list, r.Timed())
	if extra := len(rs.list) - maxRepairs; extra > 0 {
		rs.list = slices.Delete(rs.list, 0, extra)
	}
}

// Repairs is what the nodes have repaired by themselves, oldest first.
func (f *Fleet) Repairs() []api.Repair {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.repairs.list)
}

// repaired enters what a machine's init system and monitors have done. What was
// done to one unit at one time is one repair.
func (f *Fleet) repaired(m *machine, now time.Time, did []host.Action) {
	units := map[string]*api.Repair{}
	for _, a := range did {
		r := units[a.Unit]
		if r == nil {
			r = &api.Repair{
				Node: m.name, Subject: m.subject(a.Unit), Layer: api.LayerNode, Cause: a.Detail,
				Broken: a.Broken.UTC(), Detected: a.Noticed.UTC(), Healed: now.UTC(), Lost: []string{}, Outcome: api.RepairHealed,
			}
			if t, ok := m.troubles[r.Subject]; ok {
				r.Cause, r.Event, r.Broken = t.root.Message, t.root.Seq, t.since.UTC()
			} else if m.edited.Seq != 0 {
				r.Cause, r.Event = m.edited.Message, m.edited.Seq
			}
			units[a.Unit] = r
		}
		r.Actions = append(r.Actions, api.RepairAction{Action: a.Kind, At: now.UTC(), Done: now.UTC(), Detail: a.Detail})
	}
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		r := units[unit]
		if !m.os.Running(unit) {
			r.Outcome, r.Healed, r.Reason = api.RepairFailed, time.Time{}, m.os.Why(unit)
		}
		f.watcher.Noticed(r.Subject, r.Detected)
		var details []string
		for _, a := range r.Actions {
			details = append(details, a.Detail)
		}
		f.log.Append(timeline.Event{
			Time: now, Actor: timeline.Node, Verb: "repaired", Subject: r.Subject, Cause: r.Event, Message: strings.Join(details, "; "),
		})
		f.repairs.enter(*r)
	}
}

// Broke implements [kubelet.Fleet].
func (k kubeletsFleet) Broke(subject string, cause int64, now time.Time) {
	k.f.watcher.Broke(subject, k.f.rootOf(cause), now)
}

// Mended implements [kubelet.Fleet].
func (k kubeletsFleet) Mended(subject string, now time.Time) { k.f.watcher.Mended(subject, now) }

// Repaired implements [kubelet.Fleet].
func (k kubeletsFleet) Repaired(r api.Repair, cause int64) {
	root := k.f.rootOf(cause)
	r.Cause, r.Event = root.Message, root.Seq
	k.f.repairs.enter(r)
}

// rootOf is the event in which the chain of causes of an event begins.
func (f *Fleet) rootOf(seq int64) timeline.Event {
	e, _ := f.log.Get(seq)
	for root, ok := f.log.Get(e.Cause); ok; root, ok = f.log.Get(e.Cause) {
		e = root
	}
	return e
}

// answered is the cloud's answer to a request of the provider's.
type answered struct {
	Name  string   `json:"name,omitempty"` // of a machine that came or went
	Lost  []string `json:"lost,omitempty"`
	Error string   `json:"error,omitempty"`
}

// Act asks the cloud to reboot, reimage or redeploy a node's machine for its
// repair, and returns when that is accepted. The key names the request: asked
// again, it does nothing and gives the same answer. lost is what is gone for
// good. The error begins with an error code of AKS (Microsoft, "Troubleshoot
// common node auto-repair errors").
func (f *Fleet) Act(node, action, key string, cause int64) (lost []string, err error) {
	m, err := f.find(node)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	a, known := m.acted[key]
	if !known {
		if a, err = m.act(time.Now(), action, cause); err != nil {
			return nil, err
		}
		m.answer(key, a)
	}
	return a.Lost, a.err()
}

// act carries out an action of node auto-repair. What breaks by it comes from
// what it repairs.
func (m *machine) act(now time.Time, action string, cause int64) (a answered, err error) {
	if m.stopped != "" {
		return a, fmt.Errorf("InvalidParameter: the VM %s is %s", m.name, m.stopped)
	}
	root, _ := m.f.log.Get(cause)
	if t, ok := m.oldest(); ok {
		root = t.root
	}
	verbs := map[string]timeline.Verb{"reboot": "rebooted", "reimage": "reimaged", "redeploy": "redeployed"}
	m.actsOn(now, timeline.Provider, verbs[action], "node/"+m.name, "the provider asked the cloud to "+action+" the machine", cause)
	if root.Seq != 0 {
		m.root = root
	}
	a.Lost = m.kubelet.LocalData(false)
	var after time.Duration
	m.lose(now, "the machine is "+string(verbs[action])+" for the provider")
	switch action {
	case "reboot":
	case "reimage":
		a.Lost, after = m.reimage(now, m.os.Image()), reimageTime
	case "redeploy":
		after = redeployTime
	default:
		return a, fmt.Errorf("InvalidParameter: %q is no action of node auto-repair", action)
	}
	m.boot(now, after)
	if action != "reboot" {
		a.Error = m.unprovisioned()
	}
	return a, nil
}

// unprovisioned says why the scripts that make a node of a machine fail; empty
// if they do not.
func (m *machine) unprovisioned() string {
	if why := m.f.subnet.egress(m.os); why != "" {
		return "VMExtensionProvisioningError: the node's provisioning ended with exit status 50 (OutboundConnFail): " + why
	}
	return ""
}
