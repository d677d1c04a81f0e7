package ingress

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// recorder writes the program's events of Ingresses. An event that comes again is counted.
type recorder struct {
	client kubernetes.Interface
	host   string // the pod

	mu     sync.Mutex
	before map[types.UID]*corev1.Event
}

// maxEvents is how many are remembered, as client-go's recorder does.
const maxEvents = 4096

// scheduled says of an Ingress that it is in the next configuration.
func (r *recorder) scheduled(ctx context.Context, ing *networkingv1.Ingress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, events := metav1.NewTime(time.Now()), r.client.CoreV1().Events(ing.Namespace)
	if e := r.before[ing.UID]; e != nil {
		e.Count++
		patch, err := json.Marshal(map[string]any{"count": e.Count, "lastTimestamp": now})
		if err == nil {
			if _, err = events.Patch(ctx, e.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err == nil {
				return
			}
		}
	}
	e := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: ing.Namespace, Name: fmt.Sprintf("%s.%x", ing.Name, now.UnixNano())},
		InvolvedObject: corev1.ObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: ing.Namespace, Name: ing.Name, UID: ing.UID, ResourceVersion: ing.ResourceVersion},
		Type:           corev1.EventTypeNormal, Reason: "Sync", Message: "Scheduled for sync",
		Source: corev1.EventSource{Component: program}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
		ReportingController: program, ReportingInstance: r.host,
	}
	if _, err := events.Create(ctx, e, metav1.CreateOptions{}); err != nil {
		return // the API server is away: an event less
	}
	if r.before == nil || len(r.before) >= maxEvents {
		r.before = map[types.UID]*corev1.Event{}
	}
	r.before[ing.UID] = e
}
