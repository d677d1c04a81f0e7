package nodes

import (
	"encoding/json"
	"fmt"
)

// savedVersion is the version of the saved form.
const savedVersion = 1

// saved is what a fleet keeps between two runs of its program: the machines
// that are not as new ones are. Containers are in the API's pod statuses.
type saved struct {
	Version  int                     `json:"version"`
	Machines map[string]savedMachine `json:"machines,omitempty"`
}

type savedMachine struct {
	Off            bool  `json:"off,omitempty"`
	Booting        bool  `json:"booting,omitempty"`
	KubeletStopped bool  `json:"kubeletStopped,omitempty"`
	Cut            bool  `json:"cut,omitempty"`
	Boots          int   `json:"boots,omitempty"`
	Cause          int64 `json:"cause,omitempty"`
}

// Save returns the state of the machines, for [Config].State.
func (f *Fleet) Save() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := saved{Version: savedVersion, Machines: map[string]savedMachine{}}
	for _, m := range f.machines {
		state := savedMachine{
			Off: !m.on, Cut: m.cut, Boots: m.boots, Cause: m.cause,
			Booting:        m.booting(),
			KubeletStopped: m.on && !m.kubelet && !m.booting(),
		}
		if state != (savedMachine{Boots: 1}) {
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
	for name, state := range s.Machines {
		m := f.byName[name]
		if m == nil {
			return fmt.Errorf("the saved machines have a node %s that this cluster has not", name)
		}
		m.on, m.cut, m.cause = !state.Off, state.Cut, state.Cause
		m.kubelet = m.on && !state.KubeletStopped && !state.Booting
		m.rebooted = state.Booting
		m.boots = max(state.Boots, 1)
	}
	return nil
}
