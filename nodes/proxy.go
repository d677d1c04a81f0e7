package nodes

import (
	"time"

	"demarc/nodes/network"
	"demarc/nodes/timers"

	"k8s.io/apimachinery/pkg/labels"
)

// proxyInterval is the least time between two programmings of a node's rules
// (kubernetes 1.37, pkg/proxy/apis/config/v1alpha1/defaults.go: minSyncPeriod).
const proxyInterval = time.Second

// proxySync programs the rules of all nodes' kube-proxies. They all see the
// same services, so the rules are made once.
type proxySync struct {
	f     *Fleet
	timer timers.Timer
	stale bool // services or endpoints have changed since the rules were made
	last  time.Time
	rules *network.Rules
}

func (s *proxySync) Timer() *timers.Timer { return &s.timer }

// rulesChanged notes that services or endpoints have changed.
func (f *Fleet) rulesChanged() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxy.stale = true
	if f.synced.Load() {
		f.timers.Schedule(&f.proxy, timers.Later(time.Now(), timers.Tick(f.proxy.last.Add(proxyInterval))))
	}
}

// Step makes the rules if they are stale, and gives them to the nodes whose
// kube-proxy runs and can reach the API server. The lock is held.
func (s *proxySync) Step(now time.Time) time.Time {
	f := s.f
	if !f.synced.Load() {
		return time.Time{}
	}
	if !f.restored.over(now, f.podsVersion(), f.kubelets.Online()) {
		return timers.Tick(now.Add(settlePoll))
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
	if !f.kubelets.Online() {
		return time.Time{}
	}
	for _, m := range f.machines() {
		if m.Online() && m.rules != s.rules && m.kubelet.ProxyRuns() {
			m.rules = s.rules
		}
	}
	f.kubelets.ForgetVanished()
	return time.Time{}
}
