package operate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/timeline"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// filled is when etcd was seen to be full last, and the event that says what fills it.
type filled struct {
	mu    sync.Mutex
	last  time.Time
	event int64
}

// seen notes that etcd is full now.
func (f *filled) seen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = time.Now()
}

// now is the event of what fills etcd, or has until a moment ago; 0 if nothing has.
func (f *filled) now() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last.IsZero() || time.Since(f.last) >= stillBlocks {
		return 0
	}
	return f.event
}

// mostUses is how many of etcd's uses are told of.
const mostUses = 3

// Uses implements [provider.ControlPlane].
func (p managed) Uses() []timeline.Use {
	all, _ := p.m.Plane.EtcdUses() // nothing is known of an etcd that does not answer
	var uses []timeline.Use
	for _, u := range all[:min(mostUses, len(all))] {
		use := timeline.Use{Resource: u.Resource, Namespace: u.Namespace, Objects: u.Objects, Live: u.Live, History: u.History}
		if w := p.m.Plane.Writers(u.Resource, u.Namespace); len(w) > 0 {
			use.User, use.Program = w[0].User, w[0].Program
		}
		uses = append(uses, use)
	}
	return uses
}

// Filled implements [provider.ControlPlane]. Whose doing it is, says what takes the most.
func (p managed) Filled() int64 {
	e := timeline.Event{Actor: timeline.Provider, Verb: "used up", Subject: controlplane.Etcd, Message: "nobody knows by what"}
	if uses := p.Uses(); len(uses) > 0 {
		e.Detail, e.Message = &timeline.Detail{Uses: uses}, inWords(uses[0])
		if p.m.customersOwn(uses[0]) {
			e.Actor, e.Cause = timeline.Customer, p.m.wrote(uses[0])
		}
	}
	e = p.m.Log.Append(e)
	p.m.filled.mu.Lock()
	defer p.m.filled.mu.Unlock()
	p.m.filled.event = e.Seq
	return e.Seq
}

// inWords is a use in words.
func inWords(u timeline.Use) string {
	text := fmt.Sprintf("%s in %s: %d objects of %s", u.Resource, u.Namespace, u.Objects, mebibytes(u.Live))
	if u.Namespace == "" {
		text = fmt.Sprintf("%s: %d objects of %s", u.Resource, u.Objects, mebibytes(u.Live))
	}
	text += fmt.Sprintf(", and %s of older revisions", mebibytes(u.History))
	if u.User != "" {
		text += fmt.Sprintf("; written by %s with %s", u.User, u.Program)
	}
	return text
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// providers are the namespaces whose objects are the provider's.
var providers = []string{metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease", api.AppRoutingNamespace}

// customersOwn says whether a customer has written most of something, or what else is in a
// namespace of a customer's: the pods of his workloads and the events of these.
func (m *Management) customersOwn(u timeline.Use) bool {
	if w := m.Plane.Writers(u.Resource, u.Namespace); len(w) > 0 && w[0].Customer {
		return true
	}
	return u.Namespace != "" && !slices.Contains(providers, u.Namespace)
}

// wrote is the newest event of a customer's writing such objects, or 0.
func (m *Management) wrote(u timeline.Use) int64 {
	one := Singular(u.Resource) + "/"
	if u.Namespace != "" {
		one += u.Namespace + "/"
	}
	return m.customersNewest(func(e timeline.Event) bool {
		written := slices.Contains([]timeline.Verb{"applied", "created", "patched", "updated"}, e.Verb) && strings.HasPrefix(e.Subject, one)
		return written || e.Verb == "filled" && e.Subject == "namespace/"+u.Namespace
	})
}

// singulars are the singular names of the resources of built-in kinds.
var singulars = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for kind := range scheme.Scheme.AllKnownTypes() {
		many, one := meta.UnsafeGuessKindToResource(kind)
		m[many.Resource] = one.Resource
	}
	return m
})

// Singular is a resource as subjects of the timeline begin with it.
func Singular(resource string) string {
	if one, ok := singulars()[resource]; ok {
		return one
	}
	return strings.TrimSuffix(resource, "s")
}
