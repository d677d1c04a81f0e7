package nodes

import (
	"time"

	"demarc/nodes/network"

	"k8s.io/apimachinery/pkg/labels"
)

// proxyInterval is the least time between two programmings of a node's rules
// (kubernetes 1.37, pkg/proxy/apis/config/v1alpha1/defaults.go: minSyncPeriod).
const proxyInterval = time.Second

// proxySync programs the rules of all nodes' kube-proxies. They all see the
// same services, so the rules are made once.
type proxySync struct {
	f     *Fleet
	place spoke
	stale bool // services or endpoints have changed since the rules were made
	last  time.Time
	rules *network.Rules
}

func (s *proxySync) spoke() *spoke { return &s.place }

// rulesChanged notes that services or endpoints have changed.
func (f *Fleet) rulesChanged() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxy.stale = true
	if f.synced.Load() {
		f.schedule(&f.proxy, later(time.Now(), tick(f.proxy.last.Add(proxyInterval))))
	}
}

// step makes the rules if they are stale, and gives them to the nodes whose
// kube-proxy runs and can reach the API server. The lock is held.
func (s *proxySync) step(now time.Time) time.Time {
	f := s.f
	if !f.synced.Load() {
		return time.Time{}
	}
	if !f.settled(now) {
		return tick(now.Add(settlePoll))
	}
	if s.stale {
		if next := s.last.Add(proxyInterval); now.Before(next) {
			return next
		}
		// Listing what an informer holds cannot fail.
		services, _ := f.services.List(labels.Everything())
		slices, _ := f.slices.List(labels.Everything())
		s.rules, s.stale, s.last = network.BuildRules(services, slices), false, now
	}
	if !f.online {
		return time.Time{}
	}
	for _, m := range f.machines() {
		if m.online() && m.rules != s.rules && m.proxyRuns() {
			m.rules = s.rules
		}
	}
	f.forgetVanished()
	return time.Time{}
}

// proxyRuns says whether the machine's kube-proxy does.
func (m *machine) proxyRuns() bool {
	for _, p := range m.pods {
		if p.namespace == "kube-system" && p.spec.Labels["component"] == "kube-proxy" && p.anyRunning() {
			return true
		}
	}
	return false
}
