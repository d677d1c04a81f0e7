package nodes

import (
	"time"

	"demarc/nodes/network"
	"demarc/nodes/timers"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
)

// policySync is what the network policy engine on all nodes enforces. They all see the same
// objects, so it is made once. A cluster without an engine watches none of them.
type policySync struct {
	stale    bool // policies, or what they select, have changed since they were made
	last     time.Time
	policies *network.Policies // nil as long as there is no policy
}

// watchPolicies has the informers tell of NetworkPolicies and of what they select, if there
// is an engine that wants to know. seen is called with each pod that may be selected
// otherwise than before.
func (f *Fleet) watchPolicies(pods cache.SharedIndexInformer) {
	if !f.cfg.NetworkPolicy.Enforces() {
		return
	}
	changed := func(any) { f.proxy.policiesChanged(true) }
	_, _ = f.informers.Networking().V1().NetworkPolicies().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed,
	})
	selected := func(any) { f.proxy.policiesChanged(false) }
	_, _ = f.informers.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: selected, DeleteFunc: selected,
		UpdateFunc: func(was, is any) {
			if a, b := was.(*corev1.Namespace), is.(*corev1.Namespace); !equality.Semantic.DeepEqual(a.Labels, b.Labels) {
				selected(is)
			}
		},
	})
	_, _ = pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: selected, DeleteFunc: selected,
		UpdateFunc: func(was, is any) {
			a, b := was.(*corev1.Pod), is.(*corev1.Pod)
			if a.Status.PodIP != b.Status.PodIP || a.Status.Phase != b.Status.Phase || !equality.Semantic.DeepEqual(a.Labels, b.Labels) {
				selected(is)
			}
		},
	})
}

// policiesChanged notes that policies have changed, or else what they select: that matters
// only if there are any.
func (s *proxySync) policiesChanged(themselves bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !themselves && s.policy.policies == nil {
		return
	}
	s.policy.stale = true
	if s.synced.Load() {
		s.timers.Schedule(s, timers.Later(time.Now(), timers.Tick(s.policy.last.Add(proxyInterval))))
	}
}

// enforce makes what the engine enforces if it is stale, and gives it to the nodes that can
// reach the API server. It returns when it is to be called next. The lock is held.
func (s *proxySync) enforce(now time.Time) time.Time {
	if !s.cfg.NetworkPolicy.Enforces() {
		return time.Time{}
	}
	p := &s.policy
	if p.stale {
		if next := p.last.Add(proxyInterval); now.Before(next) {
			return next
		}
		// Listing what an informer holds cannot fail.
		list, _ := s.informers.Networking().V1().NetworkPolicies().Lister().List(labels.Everything())
		pods, _ := s.informers.Core().V1().Pods().Lister().List(labels.Everything())
		namespaces, _ := s.informers.Core().V1().Namespaces().Lister().List(labels.Everything())
		p.policies = network.BuildPolicies(list, pods, namespaces, s.cfg.NetworkPolicy == api.NetworkPolicyCilium)
		p.stale, p.last = false, now
	}
	if s.kubelets.Online() {
		for _, m := range s.machines() {
			if m.Online() {
				m.policies = p.policies
			}
		}
	}
	return time.Time{}
}
