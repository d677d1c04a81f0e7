package nodes

import (
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// Repairs is what the nodes have repaired by themselves, oldest first.
func (f *scaleSet) Repairs() []api.Repair {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.repairs.List)
}

// repaired enters what a machine's init system and monitors have done. What was
// done to one unit at one time is one repair.
func (f *scaleSet) repaired(m *machine, now time.Time, did []host.Action) {
	units := map[string]*api.Repair{}
	for _, a := range did {
		r := units[a.Unit]
		if r == nil {
			r = &api.Repair{
				Node: m.Name, Subject: m.subject(a.Unit), Layer: api.LayerNode, Cause: a.Detail,
				Broken: a.Broken.UTC(), Detected: a.Noticed.UTC(), Healed: now.UTC(), Lost: []string{}, Outcome: api.RepairHealed,
			}
			if t, ok := m.Troubles[r.Subject]; ok {
				r.Cause, r.Event, r.Broken = t.Root.Message, t.Root.Seq, t.Since.UTC()
			} else if m.Edited.Seq != 0 {
				r.Cause, r.Event = m.Edited.Message, m.Edited.Seq
			}
			units[a.Unit] = r
		}
		r.Actions = append(r.Actions, api.RepairAction{Action: a.Kind, At: now.UTC(), Done: now.UTC(), Detail: a.Detail})
	}
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		r := units[unit]
		if !m.OS.Running(unit) {
			r.Outcome, r.Healed, r.Reason = api.RepairFailed, time.Time{}, m.OS.Why(unit)
		}
		f.watcher.Noticed(r.Subject, r.Detected)
		var details []string
		for _, a := range r.Actions {
			details = append(details, a.Detail)
		}
		m.Tell(now, "repaired", r.Subject, strings.Join(details, "; "), r.Event)
		f.repairs.Enter(*r)
	}
}

// answered is the cloud's answer to a request of the provider's.
type answered struct {
	Name  string   `json:"name,omitempty"` // of a machine that came or went
	Lost  []string `json:"lost,omitempty"`
	Code  string   `json:"code,omitempty"` // of the error
	Error string   `json:"error,omitempty"`
}

// err is the error that the cloud answered with. What was written before it had a
// field of its own has the code before the text.
func (a answered) err() error {
	if a.Error == "" {
		return nil
	}
	code, text := a.Code, a.Error
	if code == "" {
		code, text, _ = strings.Cut(a.Error, ": ")
	}
	return api.Coded(code, "%s", text)
}

// isolated answers that the scripts that make a node of a machine fail, and why; an
// empty reason is none.
func (a *answered) isolated(why string) {
	if why != "" {
		a.Code, a.Error = "VMExtensionProvisioningError", "the node's provisioning ended with exit status 50 (OutboundConnFail): "+why
	}
}

// Act asks the cloud to reboot, reimage or redeploy a node's machine for its
// repair, and returns when that is accepted. The key names the request: asked
// again, it does nothing and gives the same answer. lost is what is gone for
// good. The error has an error code of AKS (Microsoft, "Troubleshoot common node
// auto-repair errors").
func (f *nodePools) Act(node, action, key string, cause int64) (lost []string, err error) {
	m, err := f.find(node)
	if err != nil {
		return nil, err
	}
	return f.once(m, key, func() (answered, error) { return m.act(time.Now(), action, cause) })
}

// act carries out an action of node auto-repair. What breaks by it comes from
// what it repairs.
func (m *machine) act(now time.Time, action string, cause int64) (a answered, err error) {
	if m.Stopped != "" {
		return a, api.Coded("InvalidParameter", "the VM %s is %s", m.Name, m.Stopped)
	}
	if err := m.allocated(); err != nil {
		return a, err
	}
	root, _ := m.f.log.Get(cause)
	if t, ok := m.Oldest(); ok {
		root = t.Root
	}
	verbs := map[string]timeline.Verb{"reboot": "rebooted", "reimage": "reimaged", "redeploy": "redeployed"}
	m.ActsOn(now, timeline.Provider, verbs[action], "node/"+m.Name, "the provider asked the cloud to "+action+" the machine", cause)
	if root.Seq != 0 {
		m.Root = root
	}
	a.Lost = m.kubelet.LocalData(false)
	var after time.Duration
	m.lose(now, "the machine is "+string(verbs[action])+" for the provider")
	switch action {
	case "reboot":
	case "reimage":
		a.Lost, after = m.reimage(now, m.OS.Image()), reimageTime
	case "redeploy":
		after = redeployTime
	default:
		return a, api.Coded("InvalidParameter", "%q is no action of node auto-repair", action)
	}
	m.boot(now, after)
	if action != "reboot" {
		a.isolated(m.f.subnet.egress(m.OS))
	}
	return a, nil
}
