package operate

import (
	"sync"
	"time"

	"demarc/sim/addon"
	"demarc/sim/clock"
)

// deprived are the components of the control plane that are out for want of a right.
type deprived struct {
	mu  sync.Mutex
	set map[string]bool
}

// Deprived says whether a component of the control plane is out for want of a right.
func (m *Management) Deprived(component string) bool {
	m.deprived.mu.Lock()
	defer m.deprived.mu.Unlock()
	return m.deprived.set[component]
}

// Losing enters that a component of the control plane has lost a right that it needs.
func (m *Management) Losing(x addon.Loss) {
	// Whoever took it away is on the timeline when the API server's audit tells.
	if !clock.Sleep(m.Context, time.Second) || !m.Addons.Lacks(x.Needs) {
		return
	}
	r := addon.Repair{Kind: x.Kind, Namespace: x.Namespace, Name: x.Name, Needs: x.Needs, Change: x.Change, Broken: x.Seen, Detected: x.Seen}
	m.broke(&r)
	m.mendAddon(r)
}

// deprive notes that a component is without a right, until it has all of them and the API
// server has refused it nothing lately.
func (m *Management) deprive(component string) {
	m.deprived.mu.Lock()
	defer m.deprived.mu.Unlock()
	if m.deprived.set[component] {
		return
	}
	if m.deprived.set == nil {
		m.deprived.set = map[string]bool{}
	}
	m.deprived.set[component] = true
	go func() {
		for m.Addons.Lacks(component) || m.Plane.Refused(component) != nil {
			if !clock.Sleep(m.Context, time.Second) {
				return
			}
		}
		m.deprived.mu.Lock()
		defer m.deprived.mu.Unlock()
		delete(m.deprived.set, component)
	}()
}
