package controlplane

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiserver/pkg/apis/audit"
)

// Writer is who has written objects by way of the API servers.
type Writer struct {
	// User is who asked, or whom he played if he did, and Program his client's name.
	User, Program string
	// Customer says that it was a customer, by whichever name.
	Customer bool
}

// writers counts who has written what since the control plane was made. What etcd has, does
// not say it: managed fields have the names of programs alone.
type writers struct {
	mu     sync.Mutex
	counts map[place]map[Writer]int
}

// place is a resource in a namespace, or in none.
type place struct{ resource, namespace string }

// Bounds of what is remembered: clients make up names as they like.
const (
	maxPlaces  = 10_000
	maxWriters = 100 // of one place
)

func newWriters() *writers { return &writers{counts: map[place]map[Writer]int{}} }

// note takes in a request that has changed something.
func (w *writers) note(e *audit.Event) {
	if !slices.Contains([]string{"create", "update", "patch"}, e.Verb) {
		return
	}
	program, _, _ := strings.Cut(e.UserAgent, "/")
	who := Writer{User: e.User.Username, Program: program, Customer: party(e.Annotations[partyAnnotation]) != partyProvider}
	if e.ImpersonatedUser != nil {
		who.User = e.ImpersonatedUser.Username
	}
	at := place{e.ObjectRef.Resource, e.ObjectRef.Namespace}
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := w.counts[at]
	if counts == nil {
		if len(w.counts) >= maxPlaces {
			return
		}
		counts = map[Writer]int{}
		w.counts[at] = counts
	}
	if _, known := counts[who]; known || len(counts) < maxWriters {
		counts[who]++
	}
}

// Writers are who has written objects of a resource in a namespace, the most eager first. An
// engine knows only of its own time.
func (p *Plane) Writers(resource, namespace string) []Writer {
	w := p.writers
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := w.counts[place{resource, namespace}]
	return slices.SortedFunc(maps.Keys(counts), func(a, b Writer) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.User, b.User), cmp.Compare(a.Program, b.Program))
	})
}
