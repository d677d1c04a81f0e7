package kubelet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
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
	Namespace, Pod string
	Labels         map[string]string
	Containers     []Usage
}

// Window is over how long requests are counted: the default resolution of metrics-server.
const Window = 15 * time.Second

// Usage is what the pods of a node use, but for those whose containers have not all run for
// two windows, of which metrics-server knows nothing yet. The lock is held.
func (k *Kubelet) Usage(now time.Time) (list []PodUsage) {
	for _, p := range sortedPods(k.pods) {
		u := PodUsage{Namespace: p.namespace, Pod: p.name, Labels: p.spec.Labels}
		for _, c := range p.containers {
			switch {
			case c.state == running && now.Sub(c.startedAt) >= 2*Window:
				x := c.usage(now)
				u.Containers = append(u.Containers, Usage{c.name, x.cpu(), x.bytes()})
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

// usage is what a container, a pod or a node uses: thousandths of a core, and seconds of one
// in all; and bytes.
type usage struct {
	milli  int64
	core   float64
	memory int64
}

func (u *usage) add(o usage) {
	u.milli, u.core, u.memory = u.milli+o.milli, u.core+o.core, u.memory+o.memory
}

func (u usage) cpu() resource.Quantity {
	return *resource.NewMilliQuantity(u.milli, resource.DecimalSI)
}

func (u usage) bytes() resource.Quantity { return *resource.NewQuantity(u.memory, resource.BinarySI) }

// usage is what the image's entry says, at the rate at which requests have come; or what its
// stress, or the pod's annotations say. Of an image that nobody knows the memory is half of
// what it asks for, since nobody asks for less than it needs.
func (c *container) usage(now time.Time) usage {
	cpu, memory := image.UsageOf(c.program.Entry)
	rate, ran := c.asked.rate(now), now.Sub(c.startedAt)
	u := usage{milli: int64(1000 * cpu.At(rate, ran)), memory: int64(memory.At(rate, ran))}
	if s := c.spec(); s != nil {
		if e := c.program.Entry; e == nil || e.Memory == (image.Usage{}) {
			u.memory = max(u.memory, s.Resources.Requests.Memory().Value()/2)
		}
		if used := stressed(slices.Concat(s.Command, s.Args)); used > 0 {
			u.memory = used
		}
	}
	if q, ok := c.program.Quantity(annotation.CPU); ok {
		u.milli = q.MilliValue()
	}
	if q, ok := c.program.Quantity(annotation.Memory); ok {
		u.memory = q.Value()
	}
	u.core = float64(u.milli) / 1000 * ran.Seconds()
	return u
}

// system is what the node's own programs use.
func (k *Kubelet) system(now time.Time) usage {
	used, _ := k.m.OS.Memory()
	const milli = 120
	return usage{milli: milli, core: milli / 1000.0 * k.m.OS.Uptime(now).Seconds(), memory: used}
}

// NodeUsage is what the node and all its containers use. The lock is held.
func (k *Kubelet) NodeUsage(now time.Time) (cpu, memory resource.Quantity) {
	all := k.system(now)
	k.eachRunning(func(c *container) { all.add(c.usage(now)) })
	return all.cpu(), all.bytes()
}

// answers is what a container serves on a port, and counts. A program knows the port as a
// server of net/http does.
func (c *container) answers(port int32) http.Handler {
	h, line, log := c.behaviour.Handler, c.behaviour.Requests, c.log
	at := &net.TCPAddr{IP: c.p.ip.AsSlice(), Port: int(port)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.note(time.Now())
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, at))
		if line != nil && log != nil {
			fmt.Fprintln(log, line(r)) // never fails
		}
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
