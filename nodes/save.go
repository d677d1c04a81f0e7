package nodes

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
)

// savedVersion is the version of the saved form.
const savedVersion = 3

// Version 2 had no pool: it had as many machines as the fleet was made with, all
// of one image.
const (
	poollessVersion = 2
	poollessImage   = "AKSUbuntu-2204gen2containerd-202605.14.0"
)

// saved is what a fleet keeps between two runs of its program: which machines
// there are, and how those are that are not as new ones are. Containers are in
// the API's pod statuses.
type saved struct {
	Version int `json:"version"`
	// Next is the number of the next instance.
	Next     int                     `json:"next,omitempty"`
	Pool     []savedKind             `json:"pool,omitempty"`
	Asked    map[string]answered     `json:"asked,omitempty"`
	Machines map[string]savedMachine `json:"machines,omitempty"`
	NSG      json.RawMessage         `json:"nsg,omitempty"`
	Repairs  []api.Repair            `json:"repairs,omitempty"`
	// Patches are those of the archives, Stocked the days of the calendar that are
	// in them, and NSGRoot the event by which the security group changed last.
	Patches []host.Patch `json:"patches,omitempty"`
	Stocked int          `json:"stocked,omitempty"`
	NSGRoot int64        `json:"nsgRoot,omitempty"`
}

// savedKind is the machines of one image and kubelet.
type savedKind struct {
	Image     string `json:"image"`
	Kubelet   string `json:"kubelet"`
	Instances string `json:"instances"` // their numbers, such as 0-2,5
}

type savedMachine struct {
	// Slot is the place in the networks, if the instance's number does not say it.
	Slot    *int   `json:"slot,omitempty"`
	Surge   bool   `json:"surge,omitempty"`
	Off     bool   `json:"off,omitempty"`
	Booting bool   `json:"booting,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Dark    bool   `json:"dark,omitempty"`
	Stopped string `json:"stopped,omitempty"`
	Problem string `json:"problem,omitempty"`
	Boots   int    `json:"boots,omitempty"`
	// Root and Edited are events of the timeline.
	Root   int64               `json:"root,omitempty"`
	Edited int64               `json:"meddled,omitempty"`
	Flaws  map[string]int64    `json:"flaws,omitempty"`
	Size   string              `json:"size,omitempty"`
	Tags   map[string]string   `json:"tags,omitempty"`
	Acted  map[string]answered `json:"acted,omitempty"`
	OS     json.RawMessage     `json:"os,omitempty"`
}

// Save returns the state of the machines, for [Config].State.
func (f *Fleet) Save() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := saved{Version: savedVersion, Next: f.next, Pool: f.kinds(), Asked: f.asked, Machines: map[string]savedMachine{}, Repairs: f.repairs.list}
	s.Patches, s.Stocked, s.NSGRoot = f.patches.archive.Patches(), f.patches.stocked, f.subnet.root.Seq
	var err error
	if s.NSG, err = f.subnet.nsg.Save(); err != nil {
		return nil, fmt.Errorf("save the network security group: %w", err)
	}
	for _, m := range f.machines() {
		state := savedMachine{
			Off: !m.on, Booting: m.booting(), Cut: m.cut, Dark: m.dark, Stopped: m.stopped, Problem: m.problem, Boots: m.boots,
			Root: m.root.Seq, Edited: m.edited.Seq, Tags: m.tags, Acted: m.acted, Surge: m.surge, Flaws: m.flaws,
		}
		if slot := m.slot(); slot != m.index%slots {
			state.Slot = &slot
		}
		if m.size != machineSize {
			state.Size = m.size
		}
		if state.OS, err = m.os.Save(); err != nil {
			return nil, fmt.Errorf("save the system of machine %s: %w", m.name, err)
		}
		if !reflect.DeepEqual(state, savedMachine{Boots: 1}) {
			s.Machines[m.name] = state
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("save machines: %w", err)
	}
	return b, nil
}

// kinds are the machines by image and kubelet, each kind where its first machine is.
func (f *Fleet) kinds() (out []savedKind) {
	at := map[*host.Image]int{}
	var instances [][]int
	for _, m := range f.machines() {
		image := m.os.Image()
		i, known := at[image]
		if !known {
			i = len(out)
			at[image] = i
			out = append(out, savedKind{Image: image.Version, Kubelet: image.KubeletVersion()})
			instances = append(instances, nil)
		}
		instances[i] = append(instances[i], m.index)
	}
	for i := range out {
		out[i].Instances = ranges(instances[i])
	}
	return out
}

// restore makes the machines: new ones, or those that Save returned. One that
// was booting boots anew.
func (f *Fleet) restore(state []byte) error {
	if len(state) == 0 {
		return f.populate(saved{Next: f.cfg.Nodes, Pool: []savedKind{f.firstKind(f.cfg.NodeImage)}})
	}
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("read the saved machines: %w", err)
	}
	switch s.Version {
	case savedVersion:
	case poollessVersion:
		s.Next, s.Pool = f.cfg.Nodes, []savedKind{f.firstKind(poollessImage)}
	default:
		return fmt.Errorf("the saved machines are of version %d; this program reads versions %d and %d", s.Version, poollessVersion, savedVersion)
	}
	if len(s.NSG) > 0 {
		if err := f.subnet.nsg.Load(s.NSG); err != nil {
			return fmt.Errorf("read the saved network security group: %w", err)
		}
	}
	f.patches.archive.Load(s.Patches)
	f.patches.stocked = s.Stocked
	f.subnet.root, _ = f.log.Get(s.NSGRoot)
	f.repairs = repairs{s.Repairs, len(s.Repairs)}
	if err := f.populate(s); err != nil {
		return err
	}
	for name, state := range s.Machines {
		m := f.named(name)
		if m == nil {
			return fmt.Errorf("the saved machines have a node %s that this cluster has not", name)
		}
		if err := m.restore(state); err != nil {
			return fmt.Errorf("read the saved machine %s: %w", name, err)
		}
	}
	f.reenroll()
	return nil
}

// firstKind is the machines that a fleet begins with.
func (f *Fleet) firstKind(image string) savedKind {
	return savedKind{Image: image, Kubelet: f.cfg.KubeletVersion, Instances: fmt.Sprintf("0-%d", f.cfg.Nodes-1)}
}

// populate makes the machines of a pool.
func (f *Fleet) populate(s saved) error {
	var all []*machine
	for _, k := range s.Pool {
		instances, err := parseRanges(k.Instances, s.Next)
		if err != nil {
			return fmt.Errorf("read the saved machines: %w", err)
		}
		if len(all)+len(instances) > maxSaved {
			return fmt.Errorf("read the saved machines: more than %d", maxSaved)
		}
		image := f.imageOf(k.Image, k.Kubelet)
		for _, i := range instances {
			m := newMachine(f, i, i%slots, image)
			if slot := s.Machines[m.name].Slot; slot != nil && *slot >= 0 && *slot < slots {
				m = newMachine(f, i, *slot, image)
			}
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *machine) int { return a.index - b.index })
	f.next = s.Next
	if s.Asked != nil {
		f.asked = s.Asked
	}
	f.enroll(all, nil)
	if len(f.roster.Load().byName) != len(all) {
		return errors.New("read the saved machines: one is there twice")
	}
	return nil
}

func (m *machine) restore(state savedMachine) error {
	m.on, m.cut, m.dark, m.stopped, m.problem = !state.Off, state.Cut, state.Dark, state.Stopped, state.Problem
	m.surge, m.tags, m.acted, m.boots = state.Surge, state.Tags, state.Acted, max(state.Boots, 1)
	if state.Size != "" {
		m.size = state.Size
	}
	m.root, _ = m.f.log.Get(state.Root)
	m.edited, _ = m.f.log.Get(state.Edited)
	if len(state.OS) > 0 {
		if err := m.os.Load(state.OS); err != nil {
			return err
		}
	}
	m.flaws, m.waits = state.Flaws, m.os.RebootRequired()
	if state.Booting {
		m.bootAt = time.Now()
	}
	m.kubelet.Restore(m.Up() && m.os.Running(host.Kubelet), m.Up() && m.os.Running(host.Containerd), state.Booting && m.boots > 1)
	return nil
}
