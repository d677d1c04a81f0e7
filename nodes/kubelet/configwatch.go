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

// watchConfig notes which ConfigMaps, Secrets and ClusterTrustBundles change, until ctx ends.
// One watch for each kind stands for those that each kubelet has of what its own pods use.
func (ks *Kubelets) watchConfig(ctx context.Context) {
	var all sync.WaitGroup
	configMaps, secrets, bundles := ks.Client.CoreV1().ConfigMaps(""), ks.Client.CoreV1().Secrets(""), ks.Client.CertificatesV1().ClusterTrustBundles()
	all.Go(func() {
		ks.follow(ctx, "configmap", func(o metav1.ListOptions) (metav1.ListInterface, error) { return configMaps.List(ctx, o) },
			func(o metav1.ListOptions) (watch.Interface, error) { return configMaps.Watch(ctx, o) })
	})
	all.Go(func() {
		ks.follow(ctx, "secret", func(o metav1.ListOptions) (metav1.ListInterface, error) { return secrets.List(ctx, o) },
			func(o metav1.ListOptions) (watch.Interface, error) { return secrets.Watch(ctx, o) })
	})
	all.Go(func() {
		ks.follow(ctx, trustBundle, func(o metav1.ListOptions) (metav1.ListInterface, error) { return bundles.List(ctx, o) },
			func(o metav1.ListOptions) (watch.Interface, error) { return bundles.Watch(ctx, o) })
	})
	all.Wait()
}

// follow watches one kind from now on. What changed while there was no watch is not known,
// so after a gap all pods look again.
func (ks *Kubelets) follow(ctx context.Context, kind string, list func(metav1.ListOptions) (metav1.ListInterface, error),
	begin func(metav1.ListOptions) (watch.Interface, error)) {
	seconds := int64(configWatch / time.Second)
	for tries, again := 0, false; ctx.Err() == nil; again = true {
		var w watch.Interface
		now, err := list(metav1.ListOptions{Limit: 1})
		if err == nil {
			w, err = begin(metav1.ListOptions{ResourceVersion: now.GetResourceVersion(), TimeoutSeconds: &seconds})
		}
		if err != nil {
			clock.Sleep(ctx, min(time.Second<<min(tries, 5), retryMax))
			tries++
			continue
		}
		if tries = 0; again {
			ks.changed(configKey{ref: ref{kind: kind}})
		}
		ks.hear(ctx, kind, w)
	}
}

// hear takes what a watch tells, until it ends.
func (ks *Kubelets) hear(ctx context.Context, kind string, w watch.Interface) {
	defer w.Stop()
	for {
		select {
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return
			}
			if o, err := meta.Accessor(e.Object); err == nil {
				ks.changed(configKey{o.GetNamespace(), ref{kind: kind, name: o.GetName()}})
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
