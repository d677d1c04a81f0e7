package kubelet

import (
	"context"
	"sync"
	"time"

	"demarc/nodes/timers"
	"demarc/sim/clock"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// resyncPeriod is how often a kubelet syncs a pod without being asked to: what has changed
// of a ConfigMap is in its volumes then (kubernetes 1.37,
// pkg/kubelet/apis/config/v1beta1/defaults.go: syncFrequency).
const resyncPeriod = time.Minute

// configWatch is how long a watch of ConfigMaps or Secrets lasts. It wakes nobody while
// nothing changes.
const configWatch = 24 * time.Hour

// feed is one kind of objects, as one watch for each kind tells all kubelets of it.
type feed struct {
	list  func(metav1.ListOptions) (metav1.ListInterface, error)
	begin func(metav1.ListOptions) (watch.Interface, error)
	// told takes an object that has changed; nil if any may have.
	told func(kind watch.EventType, o metav1.Object)
	// eager says that somebody may wait already for what changed before the first watch.
	eager bool
}

// watchConfig notes which of the objects change that the kubelets look up, until ctx ends.
// One watch for each kind stands for those that each kubelet has of what its own pods use.
func (ks *Kubelets) watchConfig(ctx context.Context) {
	configMaps, secrets, bundles := ks.Client.CoreV1().ConfigMaps(""), ks.Client.CoreV1().Secrets(""), ks.Client.CertificatesV1().ClusterTrustBundles()
	var all sync.WaitGroup
	for _, f := range append([]feed{{
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return configMaps.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return configMaps.Watch(ctx, o) },
		told:  ks.configTold("configmap"),
	}, {
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return secrets.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return secrets.Watch(ctx, o) },
		told:  ks.configTold("secret"),
	}, {
		list:  func(o metav1.ListOptions) (metav1.ListInterface, error) { return bundles.List(ctx, o) },
		begin: func(o metav1.ListOptions) (watch.Interface, error) { return bundles.Watch(ctx, o) },
		told:  ks.configTold(trustBundle),
	}}, ks.storageFeeds(ctx)...) {
		all.Go(func() { f.follow(ctx) })
	}
	all.Wait()
}

// configTold takes changes of a kind of objects that volumes and variables show.
func (ks *Kubelets) configTold(kind string) func(watch.EventType, metav1.Object) {
	return func(_ watch.EventType, o metav1.Object) {
		if o == nil {
			ks.changed(configKey{ref: ref{kind: kind}})
			return
		}
		ks.changed(configKey{o.GetNamespace(), ref{kind: kind, name: o.GetName()}})
	}
}

// follow watches one kind from now on. What changed while there was no watch is not known,
// so after a gap all may have.
func (f feed) follow(ctx context.Context) {
	seconds := int64(configWatch / time.Second)
	for tries, all := 0, f.eager; ctx.Err() == nil; all = true {
		var w watch.Interface
		now, err := f.list(metav1.ListOptions{Limit: 1})
		if err == nil {
			w, err = f.begin(metav1.ListOptions{ResourceVersion: now.GetResourceVersion(), TimeoutSeconds: &seconds})
		}
		if err != nil {
			clock.Sleep(ctx, min(time.Second<<min(tries, 5), retryMax))
			tries++
			continue
		}
		if tries = 0; all {
			f.told("", nil)
		}
		f.hear(ctx, w)
	}
}

// hear takes what a watch tells, until it ends.
func (f feed) hear(ctx context.Context, w watch.Interface) {
	defer w.Stop()
	for {
		select {
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return
			}
			if o, err := meta.Accessor(e.Object); err == nil {
				f.told(e.Type, o)
			}
		case <-ctx.Done():
			return
		}
	}
}

// changed notes that an object has changed: its pods look at it when they are synced next.
// Without a name any object of the kind may have. Which signer's bundle has changed nobody
// asks: all that show bundles look.
func (ks *Kubelets) changed(key configKey) {
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if key.kind == trustBundle {
		ks.stale(configKey{ref: ref{kind: trustBundles}})
		key = configKey{ref: ref{kind: trustBundle}}
	}
	ks.stale(key)
}

// stale is changed with the lock held.
func (ks *Kubelets) stale(key configKey) {
	now := time.Now()
	ks.config.forget(key)
	for _, p := range ks.pods {
		if p.over || p.config.version == 0 || !p.config.refresh.IsZero() || key.name != "" && p.namespace != key.namespace {
			continue
		}
		if p.config.shows(key.ref) {
			p.config.refresh = timers.Tick(beatAfter(p.admitted, resyncPeriod, now))
			ks.Timers.Wake(p)
		}
	}
}

// shows says whether the pod uses the object, and may see it change.
func (c *podConfig) shows(r ref) bool {
	if r.name != "" {
		object, ok := c.objects[r]
		return ok && (object == nil || !object.immutable)
	}
	for known := range c.objects {
		if known.kind == r.kind {
			return true
		}
	}
	return false
}
