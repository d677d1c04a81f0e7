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
	*scaleSet
	*objects
	timer    timers.Timer
	stale    bool // services or endpoints have changed since the rules were made
	last     time.Time
	rules    *network.Rules
	restored settling
	policy   policySync
}

func (s *proxySync) Timer() *timers.Timer { return &s.timer }

// rulesChanged notes that services or endpoints have changed.
func (s *proxySync) rulesChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
	if s.synced.Load() {
		s.timers.Schedule(s, timers.Later(time.Now(), timers.Tick(s.last.Add(proxyInterval))))
	}
}

// Step makes the rules if they are stale, and gives them to the nodes whose
// kube-proxy runs and can reach the API server; and so with what the network policy
// engine enforces. The lock is held.
func (s *proxySync) Step(now time.Time) time.Time {
	if !s.synced.Load() {
		return time.Time{}
	}
	if !s.restored.over(now, s.podsVersion(), s.kubelets.Online()) {
		return timers.Tick(now.Add(settlePoll))
	}
	next := s.enforce(now)
	if s.stale {
		if due := s.last.Add(proxyInterval); now.Before(due) {
			return timers.Sooner(due, next)
		}
		// Listing what an informer holds cannot fail.
		services, _ := s.informers.Core().V1().Services().Lister().List(labels.Everything())
		slices, _ := s.informers.Discovery().V1().EndpointSlices().Lister().List(labels.Everything())
		s.rules, s.stale, s.last = network.BuildRules(services, slices), false, now
	}
	if !s.kubelets.Online() {
		return next
	}
	for _, m := range s.machines() {
		if m.Online() && m.rules != s.rules && m.kubelet.ProxyRuns() {
			m.rules = s.rules
		}
	}
	s.kubelets.ForgetVanished()
	return next
}
