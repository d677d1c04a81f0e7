package upstream

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// A recorder of kube-scheduler's metrics looks a thousand times into three channels
// once in a second, whatever is in them; and there is one more, which is leaked before
// anybody has used it. Together that is a twentieth of what an idle cluster does.
const (
	recorderIdle = time.Minute
	recorderLook = time.Second
)

// newFramework is the function that starts the recorder that it leaks.
const newFramework = "k8s.io/kubernetes/pkg/scheduler/framework/runtime.NewFramework"

// WithoutLeakedRecorder is a context for making a scheduler: what frameworks' maker
// itself starts has ended before it begins. All that it calls sees the parent.
func WithoutLeakedRecorder(parent context.Context) context.Context { return frameworkContext{parent} }

type frameworkContext struct{ context.Context }

var ended = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done implements [context.Context].
func (c frameworkContext) Done() <-chan struct{} {
	var callers [4]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for f, more := frames.Next(); ; f, more = frames.Next() {
		if f.Function == newFramework {
			return ended
		}
		// A context with a value asks this one.
		if !strings.HasPrefix(f.Function, "context.") || !more {
			return c.Context.Done()
		}
	}
}

// CalmRecorder has a scheduler's recorder look into its channels only if there is
// something in them, until the context ends. How many events are in flight while a pod
// is being scheduled it tells once in a minute; when none is, at once, as before.
func CalmRecorder(ctx context.Context, s *scheduler.Scheduler) error {
	for _, f := range s.Profiles { // which share one
		r, err := newRecorder(f)
		if err != nil {
			return err
		}
		go r.run(ctx)
		return nil
	}
	return nil
}

// recorder is a recorder with its channels.
type recorder struct {
	*metrics.MetricAsyncRecorder
	channels []reflect.Value
}

func newRecorder(f framework.Framework) (*recorder, error) {
	found, err := field[*metrics.MetricAsyncRecorder](reflect.ValueOf(f), "metricsRecorder")
	if err != nil {
		return nil, err
	}
	r := &recorder{MetricAsyncRecorder: *found}
	in := reflect.ValueOf(r.MetricAsyncRecorder)
	for _, name := range []string{"bufferCh", "counterBufferCh", "aggregatedInflightEventMetricBufferCh"} {
		c := in.Elem().FieldByName(name)
		if !c.IsValid() || c.Kind() != reflect.Chan {
			return nil, fmt.Errorf("%s has no channel %s", in.Type(), name)
		}
		r.channels = append(r.channels, c)
	}
	interval, err := field[time.Duration](in, "interval")
	if err != nil {
		return nil, err
	}
	*interval = recorderIdle
	return r, nil
}

func (r *recorder) run(ctx context.Context) {
	look := time.NewTicker(recorderLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if r.waiting() > 0 {
			r.FlushMetrics()
		}
	}
}

// waiting is how much is in the channels.
func (r *recorder) waiting() (n int) {
	for _, c := range r.channels {
		n += c.Len()
	}
	return n
}
