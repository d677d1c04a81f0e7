package csi

import (
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
)

// sink gives each event a name of its own. client-go names them by the nanosecond, in which
// much happens at once in virtual time: the second would be refused.
type sink struct {
	record.EventSink
	n atomic.Int64
}

// Create implements [record.EventSink].
func (s *sink) Create(e *corev1.Event) (*corev1.Event, error) {
	e.Name = fmt.Sprintf("%s.%x", e.InvolvedObject.Name, e.FirstTimestamp.UnixNano()+s.n.Add(1))
	return s.EventSink.Create(e)
}
