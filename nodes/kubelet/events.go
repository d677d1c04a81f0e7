package kubelet

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Types of Kubernetes events.
const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

// A source may say the burst at once, then one thing per refill (client-go
// v0.37, tools/record/events_cache.go: defaultSpamBurst, defaultSpamQPS).
const (
	eventBurst  = 25
	eventRefill = 5 * time.Minute
)

// eventKey is what makes two events the same, so that they are counted.
type eventKey struct{ kind, reason, message, field, source string }

// event is one Kubernetes event, or several that are the same.
type event struct {
	eventKey
	name        string // in the API; empty until created
	count       int32
	first, last time.Time
	due         bool
}

// eventQueue is what a kubelet has to say of one object, and what it said.
type eventQueue struct {
	list   []*event // in the order of their first times
	tokens float64
	filled time.Time
}

// add queues an event of the kubelet's, or counts it if it was said before. Too many
// are dropped.
func (q *eventQueue) add(now time.Time, kind, reason, message, field string) {
	q.addFrom(now, eventKey{kind, reason, message, field, kubeletSource})
}

// Sources of events.
const (
	kubeletSource = "kubelet"
	npdSource     = "node-problem-detector"
)

// addFrom is add for any source.
func (q *eventQueue) addFrom(now time.Time, k eventKey) {
	if q.filled.IsZero() {
		q.tokens = eventBurst
	} else {
		q.tokens = min(eventBurst, q.tokens+float64(now.Sub(q.filled))/float64(eventRefill))
	}
	q.filled = now
	if q.tokens < 1 {
		return
	}
	q.tokens--
	if e := q.find(k); e != nil {
		e.count++
		e.last = now
		e.due = true
		return
	}
	if len(q.list) == 2*eventBurst {
		q.list = q.list[1:]
	}
	q.list = append(q.list, &event{eventKey: k, count: 1, first: now, last: now, due: true})
}

// pending says whether something is to be said.
func (q *eventQueue) pending() bool {
	return slices.ContainsFunc(q.list, func(e *event) bool { return e.due })
}

// take returns what is to be said, as copies, and takes it as said.
func (q *eventQueue) take() []event {
	var out []event
	for _, e := range q.list {
		if e.due {
			out = append(out, *e)
			e.due = false
		}
	}
	return out
}

// find is an event of those that are remembered, or nil.
func (q *eventQueue) find(k eventKey) *event {
	if i := slices.IndexFunc(q.list, func(e *event) bool { return e.eventKey == k }); i >= 0 {
		return q.list[i]
	}
	return nil
}

// object is the event as the API server gets it.
func (e *event) object(node string, about corev1.ObjectReference) *corev1.Event {
	about.FieldPath = e.field
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			// Much can be said at one instant of virtual time: the instant
			// alone does not make a name.
			Name:      fmt.Sprintf("%s.%s", about.Name, hexID(about.UID, e.eventKey, e.first.UnixNano())[:16]),
			Namespace: cmp.Or(about.Namespace, metav1.NamespaceDefault),
		},
		InvolvedObject:      about,
		Type:                e.kind,
		Reason:              e.reason,
		Message:             e.message,
		Count:               e.count,
		FirstTimestamp:      metav1.NewTime(e.first),
		LastTimestamp:       metav1.NewTime(e.last),
		Source:              corev1.EventSource{Component: e.source, Host: node},
		ReportingController: e.source,
		ReportingInstance:   node,
	}
}
