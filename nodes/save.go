package nodes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
)

// savedVersion is the version of the saved form.
const savedVersion = 2

// saved is what a fleet keeps between two runs of its program: the machines
// that are not as new ones are. Containers are in the API's pod statuses.
type saved struct {
	Version  int                     `json:"version"`
	Machines map[string]savedMachine `json:"machines,omitempty"`
	NSG      json.RawMessage         `json:"nsg,omitempty"`
	Repairs  []api.Repair            `json:"repairs,omitempty"`
}

type savedMachine struct {
	Off     bool   `json:"off,omitempty"`
	Booting bool   `json:"booting,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Dark    bool   `json:"dark,omitempty"`
	Stopped string `json:"stopped,omitempty"`
	Problem string `json:"problem,omitempty"`
	Boots   int    `json:"boots,omitempty"`
	// Root and Meddled are events of the timeline.
	Root    int64               `json:"root,omitempty"`
	Meddled int64               `json:"meddled,omitempty"`
	Size    string              `json:"size,omitempty"`
	Tags    map[string]string   `json:"tags,omitempty"`
	Acted   map[string]answered `json:"acted,omitempty"`
	OS      json.RawMessage     `json:"os,omitempty"`
}

// Save returns the state of the machines, for [Config].State.
func (f *Fleet) Save() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := saved{Version: savedVersion, Machines: map[string]savedMachine{}, Repairs: f.repairs}
	var err error
	if s.NSG, err = f.nsg.Save(); err != nil {
		return nil, fmt.Errorf("save the network security group: %w", err)
	}
	for _, m := range f.machines {
		state := savedMachine{
			Off: !m.on, Booting: m.booting(), Cut: m.cut, Dark: m.dark, Stopped: m.stopped, Problem: m.problem, Boots: m.boots,
			Root: m.root.Seq, Meddled: m.meddled.Seq, Tags: m.tags, Acted: m.acted,
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

// restore puts the machines into the state that Save returned. One that was
// booting boots anew.
func (f *Fleet) restore(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("read the saved machines: %w", err)
	}
	if s.Version != savedVersion {
		return fmt.Errorf("the saved machines are of version %d; this program reads version %d", s.Version, savedVersion)
	}
	if len(s.NSG) > 0 {
		if err := f.nsg.Load(s.NSG); err != nil {
			return fmt.Errorf("read the saved network security group: %w", err)
		}
	}
	f.repairs, f.lastRepair = s.Repairs, len(s.Repairs)
	for name, state := range s.Machines {
		m := f.byName[name]
		if m == nil {
			return fmt.Errorf("the saved machines have a node %s that this cluster has not", name)
		}
		if err := m.restore(state); err != nil {
			return fmt.Errorf("read the saved machine %s: %w", name, err)
		}
	}
	return nil
}

func (m *machine) restore(state savedMachine) error {
	m.on, m.cut, m.dark, m.stopped, m.problem = !state.Off, state.Cut, state.Dark, state.Stopped, state.Problem
	m.tags, m.acted, m.boots = state.Tags, state.Acted, max(state.Boots, 1)
	if state.Size != "" {
		m.size = state.Size
	}
	m.root, _ = m.f.log.Get(state.Root)
	m.meddled, _ = m.f.log.Get(state.Meddled)
	if len(state.OS) > 0 {
		if err := m.os.Load(state.OS); err != nil {
			return err
		}
	}
	if state.Booting {
		m.rebooted, m.bootAt = true, time.Now()
	}
	m.kubelet = m.up() && m.os.Running(host.Kubelet)
	m.runtime = m.up() && m.os.Running(runtimeUnit)
	return nil
}
