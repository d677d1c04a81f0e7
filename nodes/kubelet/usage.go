package kubelet

import (
	"net/http"
	"sync"
	"time"

	"demarc/nodes/image"
	"demarc/sim/annotation"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Usage is what a container uses at this time.
type Usage struct {
	Container string
	CPU       resource.Quantity // cores, on average since Window ago
	Memory    resource.Quantity // bytes of the working set
}

// PodUsage is what the containers of a running pod use.
type PodUsage struct {
	Node, Namespace, Pod string
	Labels               map[string]string
	Containers           []Usage
}

// Window is over how long requests are counted: the default resolution of metrics-server.
const Window = 15 * time.Second

// Usage is what the pods of a node use, but for those whose containers have not all run for
// two windows, of which metrics-server knows nothing yet. The lock is held.
func (k *Kubelet) Usage(now time.Time) (list []PodUsage) {
	for _, p := range sortedPods(k.pods) {
		u := PodUsage{Node: k.m.Name, Namespace: p.namespace, Pod: p.name, Labels: p.spec.Labels}
		for _, c := range p.containers {
			switch {
			case c.state == running && now.Sub(c.startedAt) >= 2*Window:
				u.Containers = append(u.Containers, c.usage(now))
			case !c.init || c.sidecar:
				u.Containers = nil
			default:
				continue // it has ended
			}
			if u.Containers == nil {
				break
			}
		}
		if len(u.Containers) > 0 {
			list = append(list, u)
		}
	}
	return list
}

// usage is what the image's entry says, at the rate at which requests have come; or what
// the pod's annotations say.
func (c *container) usage(now time.Time) Usage {
	cpu, memory := image.UsageOf(c.program.Entry)
	rate, ran := c.asked.rate(now), now.Sub(c.startedAt)
	u := Usage{
		Container: c.name,
		CPU:       *resource.NewMilliQuantity(int64(1000*cpu.At(rate, ran)), resource.DecimalSI),
		Memory:    *resource.NewQuantity(int64(memory.At(rate, ran)), resource.BinarySI),
	}
	if q, ok := c.program.Quantity(annotation.CPU); ok {
		u.CPU = q
	}
	if q, ok := c.program.Quantity(annotation.Memory); ok {
		u.Memory = q
	}
	return u
}

// answers is what a container serves, and counts.
func (c *container) answers() http.Handler {
	h := c.behaviour.Handler
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.note(time.Now())
		h.ServeHTTP(w, r)
	})
}

// asked counts requests by window.
type asked struct {
	mu           sync.Mutex
	window       int64 // the newest
	now, earlier int   // in it, and in the one before
}

func (a *asked) note(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(at)
	a.now++
}

// rate is how many requests have come in a second.
func (a *asked) rate(at time.Time) float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(at)
	into := at.Sub(time.Unix(a.window*int64(Window/time.Second), 0))
	return float64(a.now+a.earlier) / (Window + into).Seconds()
}

// turn goes on to the window of a time; mu is held.
func (a *asked) turn(at time.Time) {
	n := at.Unix() / int64(Window/time.Second)
	switch n - a.window {
	case 0:
		return
	case 1:
		a.earlier = a.now
	default:
		a.earlier = 0
	}
	a.window, a.now = n, 0
}
