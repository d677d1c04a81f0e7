package kubelet

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/program"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// imageOf tells a program of a container how its image behaves, where it stands, and which
// of its ports are asked.
func (c *container) imageOf(s *program.Spec) {
	spec, ks := c.spec(), c.p.k.ks
	s.Entry, s.Place, s.Asked = ks.Images.Lookup(spec.Image), c.place(), askedPorts(spec)
	s.MemoryLimit = spec.Resources.Limits.Memory().Value()
	if c.p.namespace != "kube-system" { // what is there is the provider's
		s.Assumed = func(p image.Place) { ks.assume(c.p.k.ks.Log, spec.Image, p) }
	}
}

// place is where the container stands.
func (c *container) place() image.Place {
	switch {
	case c.init && !c.sidecar:
		return image.Init
	case c.init:
		return image.Main
	}
	for _, o := range c.p.spec.OwnerReferences {
		if o.Kind == "Job" && strings.HasPrefix(o.APIVersion, "batch/") {
			return image.Job
		}
	}
	return image.Main
}

// askedPorts are the ports that a container's probes and hooks dial.
func askedPorts(c *corev1.Container) (ports []int32) {
	add := func(p intstr.IntOrString) {
		if n, err := portNumber(c.Ports, p); err == nil {
			ports = append(ports, n)
		}
	}
	ask := func(get *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction, grpc *corev1.GRPCAction) {
		switch {
		case get != nil && get.Host == "":
			add(get.Port)
		case tcp != nil && tcp.Host == "":
			add(tcp.Port)
		case grpc != nil:
			ports = append(ports, grpc.Port)
		}
	}
	for _, p := range probeSpecs(c) {
		if p != nil {
			ask(p.HTTPGet, p.TCPSocket, p.GRPC)
		}
	}
	h := hooks(c)
	for _, hook := range []*corev1.LifecycleHandler{h.PostStart, h.PreStop} {
		if hook != nil {
			ask(hook.HTTPGet, hook.TCPSocket, nil)
		}
	}
	return ports
}

// assumptions are what the timeline has of images that are not known.
type assumptions struct {
	assuming sync.Mutex
	assumed  map[string]bool // messages
}

// assumes is the verb of an assumption.
const assumes timeline.Verb = "assumed"

// recall reads what an engine before has told.
func (a *assumptions) recall(log *timeline.Log) {
	a.assumed = map[string]bool{}
	events, _ := log.Kept(0)
	for _, e := range events {
		if e.Verb == assumes {
			a.assumed[e.Message] = true
		}
	}
}

// assume tells once what is assumed of an image in a place. The lock need not be held.
func (a *assumptions) assume(log *timeline.Log, name string, p image.Place) {
	message := fmt.Sprintf("the image is not known, so %s %s; to overrule it, describe the image in a catalogue (demarc help images) or annotate the pod (demarc help annotations)", role[p], image.Assumed(p))
	a.assuming.Lock()
	defer a.assuming.Unlock()
	if key := name + ": " + message; !a.assumed[key] {
		a.assumed[key] = true
		log.Append(timeline.Event{Time: time.Now(), Actor: timeline.Node, Verb: assumes, Subject: "image/" + name, Message: key})
	}
}

// role is what a program is in a place.
var role = map[image.Place]string{
	image.Main: "its container", image.Init: "its init container", image.Job: "its container in a Job", image.Exec: "a container of it",
}
