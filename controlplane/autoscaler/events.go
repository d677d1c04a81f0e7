package autoscaler

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// component is who writes the events.
const component = "cluster-autoscaler"

// recorder writes Kubernetes events, as far as it can. What is said again is counted.
// client-go's would write them from a goroutine, late.
type recorder struct {
	client kubernetes.Interface
	mu     sync.Mutex
	said   map[string]*said // by object and text
	n      int
}

// said is an event that was written.
type said struct {
	name  string
	count int32
	at    time.Time
}

// keptEvent is how long an API server keeps an event.
const keptEvent = time.Hour

func newRecorder(client kubernetes.Interface) *recorder {
	return &recorder{client: client, said: map[string]*said{}}
}

func podRef(p *corev1.Pod) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: p.Namespace, Name: p.Name, UID: p.UID}
}

func nodeRef(n *corev1.Node) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: n.Name, UID: n.UID}
}

func (r *recorder) event(ctx context.Context, of corev1.ObjectReference, eventType, reason, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := metav1.Now()
	for key, s := range r.said {
		if now.Sub(s.at) >= keptEvent {
			delete(r.said, key)
		}
	}
	namespace := of.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	client, key := r.client.CoreV1().Events(namespace), strings.Join([]string{of.Kind, of.Namespace, of.Name, string(of.UID), reason, message}, "\n")
	if s := r.said[key]; s != nil {
		s.count, s.at = s.count+1, now.Time
		patch, _ := json.Marshal(map[string]any{"count": s.count, "lastTimestamp": now}) // never fails
		if _, err := client.Patch(ctx, s.name, types.MergePatchType, patch, metav1.PatchOptions{}); !apierrors.IsNotFound(err) {
			return
		}
	}
	r.n++
	s := &said{name: fmt.Sprintf("%s.%x.%d", of.Name, now.UnixNano(), r.n), count: 1, at: now.Time}
	if _, err := client.Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, Name: s.name},
		InvolvedObject: of, Type: eventType, Reason: reason, Message: message,
		Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: component}, ReportingController: component,
	}, metav1.CreateOptions{}); err == nil {
		r.said[key] = s
	}
}
