package run

import (
	"context"
	"strconv"
	"sync"
	"time"

	"demarc/scenarios/script/check"
	"demarc/sim/clock"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// watchTimeout is how long a watch is asked for: the shortest that client-go's
	// reflector asks for (k8s.io/client-go v0.37 tools/cache/reflector.go).
	watchTimeout = 5 * time.Minute
	// maxBackoff is how long a client waits at most before it tries again, as the
	// reflector does.
	maxBackoff = 30 * time.Second
)

// watches are the clients that a script has started, each of which lists and
// watches one kind of objects until the run is over.
type watches struct {
	connect func() (*kube, error)
	ctx     context.Context // of the run
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	byName  map[string]*watcher
	changed chan struct{} // closed and replaced at each change
}

func newWatches(ctx context.Context, connect func() (*kube, error)) *watches {
	ctx, cancel := context.WithCancel(ctx)
	return &watches{connect: connect, ctx: ctx, cancel: cancel, byName: map[string]*watcher{}, changed: make(chan struct{})}
}

// start starts a client and returns when it has listed once, or failed to.
func (w *watches) start(ctx context.Context, name string, gvk schema.GroupVersionKind, namespace string) error {
	k, err := w.connect()
	if err != nil {
		return err
	}
	c := &watcher{all: w, kube: k, gvk: gvk, namespace: namespace, objects: map[string]bool{}}
	w.mu.Lock()
	w.byName[name] = c
	w.mu.Unlock()
	listed := make(chan struct{})
	w.running.Go(func() { c.run(w.ctx, sync.OnceFunc(func() { close(listed) })) })
	select {
	case <-listed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends all clients and waits until they have ended.
func (w *watches) close() {
	w.cancel()
	w.running.Wait()
}

// wait returns a channel that is closed at the next change.
func (w *watches) wait() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// state is what each client has seen, as checks see it.
func (w *watches) state() map[string]check.Watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := make(map[string]check.Watch, len(w.byName))
	for name, c := range w.byName {
		seen := c.seen
		seen.Objects = int64(len(c.objects))
		m[name] = seen
	}
	return m
}

// watcher is one client. What its requests bring it notes under the lock of all.
type watcher struct {
	all       *watches
	kube      *kube
	gvk       schema.GroupVersionKind
	namespace string // empty for all

	version string // from which to watch; empty: list first
	seen    check.Watch
	highest uint64          // the highest version seen
	objects map[string]bool // by their keys
}

// run lists and watches until ctx ends. listed is called when the first list
// has succeeded or failed.
func (c *watcher) run(ctx context.Context, listed func()) {
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		err := c.list(ctx)
		listed()
		if err == nil {
			err = c.watch(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if c.seen.Connected {
			failures = 0
		}
		c.ended(err)
		if err == nil && time.Since(began) >= time.Second {
			continue // in good order: on with the next one
		}
		failures++
		clock.Sleep(ctx, clock.UntilTick(time.Now(), time.Second)+backoff(failures)-time.Second)
	}
}

// backoff is how long a client waits after so many failures in a row: 1 s, 2 s,
// 4 s and so on. The waits are whole seconds, so that clients wake together.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 10), maxBackoff)
}

// list lists if there is no version from which to watch.
func (c *watcher) list(ctx context.Context) error {
	if c.version != "" {
		return nil
	}
	objects, version, err := c.kube.list(ctx, c.gvk, c.namespace)
	if err != nil {
		return err
	}
	c.note(func() {
		c.seen.Lists++
		clear(c.objects)
		for _, obj := range objects {
			c.objects[objectKey(obj)] = true
		}
		c.reached(version)
	})
	return nil
}

// watch watches from the last version until the watch ends.
func (c *watcher) watch(ctx context.Context) error {
	res, err := c.kube.resource(ctx, c.gvk, c.namespace)
	if err != nil {
		return err
	}
	seconds := int64(watchTimeout.Seconds())
	w, err := res.Watch(ctx, metav1.ListOptions{ResourceVersion: c.version, TimeoutSeconds: &seconds, AllowWatchBookmarks: true})
	if err != nil {
		return err
	}
	defer w.Stop()
	c.note(func() { c.seen.Connected = true })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.ResultChan():
			if !ok {
				return nil
			}
			if e.Type == watch.Error {
				return apierrors.FromObject(e.Object)
			}
			if obj, ok := e.Object.(*unstructured.Unstructured); ok {
				c.note(func() { c.event(e.Type, obj) })
			}
		}
	}
}

// event takes in one event of a watch. The lock is held.
func (c *watcher) event(kind watch.EventType, obj *unstructured.Unstructured) {
	switch kind {
	case watch.Added, watch.Modified:
		c.seen.Events++
		c.objects[objectKey(obj)] = true
	case watch.Deleted:
		c.seen.Events++
		delete(c.objects, objectKey(obj))
	}
	c.reached(obj.GetResourceVersion())
}

// reached takes in a version, of a list or of an event. Versions are numbers
// that only grow (Kubernetes, "API concepts": resource versions), so a lower one
// than before is out of the past. The lock is held.
func (c *watcher) reached(version string) {
	n, err := strconv.ParseUint(version, 10, 63)
	if err != nil {
		return
	}
	c.version = version
	if n < c.highest {
		c.seen.Backwards++
	}
	c.highest = max(c.highest, n)
	c.seen.LastVersion = int64(n)
}

// ended takes in the end of a list or a watch.
func (c *watcher) ended(err error) {
	c.note(func() {
		c.seen.Connected = false
		if err != nil {
			c.seen.Errors++
		}
		if outOfReach(err) {
			c.version = ""
		}
	})
}

// outOfReach says that the API server cannot go on from the version that it was
// asked for: it has forgotten that, or it has not come to it.
func outOfReach(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// note changes what is known and wakes whoever waits for that.
func (c *watcher) note(change func()) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	change()
	close(c.all.changed)
	c.all.changed = make(chan struct{})
}
