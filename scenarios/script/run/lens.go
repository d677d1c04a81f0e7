package run

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/clock"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// listTimeout bounds one list, so that an API server that never answers is
// noticed, and asked again when it may answer.
const listTimeout = 5 * time.Second

// lens sees the objects of some kinds for as long as one window is open. It
// lists each kind afresh when the window opens and watches it from there, so
// that what it shows is never older than the window, and nothing that comes and
// goes in between is missed. When a watch breaks it lists again, at each whole
// second until that works.
type lens struct {
	kube *kube

	mu      sync.Mutex
	kinds   map[schema.GroupVersionKind]*kindState
	changed chan struct{} // closed and replaced at each change
}

// kindState is what is known of one kind.
type kindState struct {
	objects map[string]*unstructured.Unstructured
	sorted  []*unstructured.Unstructured // nil if objects changed
	err     error                        // why it cannot be seen
}

// openLens lists all kinds and goes on watching them until ctx ends.
func openLens(ctx context.Context, k *kube, kinds []schema.GroupVersionKind) *lens {
	l := &lens{kube: k, kinds: map[schema.GroupVersionKind]*kindState{}, changed: make(chan struct{})}
	var listed sync.WaitGroup
	for _, gvk := range kinds {
		if _, ok := l.kinds[gvk]; ok {
			continue
		}
		l.kinds[gvk] = &kindState{}
		listed.Add(1)
		go l.follow(ctx, gvk, sync.OnceFunc(listed.Done))
	}
	listed.Wait()
	return l
}

// follow lists and watches one kind. listed is called after the first list.
func (l *lens) follow(ctx context.Context, gvk schema.GroupVersionKind, listed func()) {
	for ctx.Err() == nil {
		began := time.Now()
		objects, version, err := l.kube.list(ctx, gvk, "")
		l.set(gvk, objects, err)
		listed()
		if err == nil {
			err = l.watch(ctx, gvk, version)
		}
		// A watch that ends in good order is opened again at once, unless it
		// did so in this very second.
		if err != nil || time.Since(began) < time.Second {
			clock.Sleep(ctx, clock.UntilTick(time.Now(), time.Second))
		}
	}
}

// watch follows the changes of one kind until the watch ends.
func (l *lens) watch(ctx context.Context, gvk schema.GroupVersionKind, version string) error {
	res, err := l.kube.resource(ctx, gvk, "")
	if err != nil {
		return err
	}
	w, err := res.Watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return nil
			}
			if obj, ok := e.Object.(*unstructured.Unstructured); ok && e.Type != watch.Bookmark {
				l.change(gvk, obj, e.Type == watch.Deleted)
			}
		}
	}
}

// set replaces what is known of a kind.
func (l *lens) set(gvk schema.GroupVersionKind, objects []*unstructured.Unstructured, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.kinds[gvk]
	s.err, s.sorted, s.objects = err, nil, map[string]*unstructured.Unstructured{}
	for _, obj := range objects {
		s.put(obj)
	}
	l.tell()
}

// change takes in one change.
func (l *lens) change(gvk schema.GroupVersionKind, obj *unstructured.Unstructured, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.kinds[gvk]
	s.sorted = nil
	if gone {
		delete(s.objects, objectKey(obj))
	} else {
		s.put(obj)
	}
	l.tell()
}

// put takes in an object as a list or a watch has it. The lock is held.
func (s *kindState) put(obj *unstructured.Unstructured) {
	dropNulls(obj.Object)
	s.objects[objectKey(obj)] = obj
}

// tell wakes whoever waits for a change. The lock is held.
func (l *lens) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// wait returns a channel that is closed at the next change.
func (l *lens) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// get returns the objects of a kind in the order of their names.
func (l *lens) get(gvk schema.GroupVersionKind) ([]*unstructured.Unstructured, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.kinds[gvk]
	if !ok {
		return nil, nil
	}
	if s.err != nil {
		return nil, s.err
	}
	if s.sorted == nil {
		s.sorted = sortObjects(s.objects)
	}
	return s.sorted, nil
}

func sortObjects(m map[string]*unstructured.Unstructured) []*unstructured.Unstructured {
	return slices.SortedFunc(maps.Values(m), func(a, b *unstructured.Unstructured) int { return strings.Compare(objectKey(a), objectKey(b)) })
}

func objectKey(obj *unstructured.Unstructured) string {
	return obj.GetNamespace() + "/" + obj.GetName()
}

// dropNulls removes fields that are null, as the endpoints of an EndpointSlice are that has
// none: Kubernetes takes them for absent, and so does whoever asks for them in CEL.
func dropNulls(fields map[string]any) {
	for name, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, name)
		case map[string]any:
			dropNulls(v)
		case []any:
			for _, e := range v {
				if m, ok := e.(map[string]any); ok {
					dropNulls(m)
				}
			}
		}
	}
}
