package kubelet

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/nodes/network"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Seen takes a new or changed pod of a node from the API server; k is nil if the
// fleet has no such node. In the first list are pods that were on the machines
// before the fleet was made. The lock is held.
func (ks *Kubelets) Seen(k *Kubelet, api *corev1.Pod, first bool) {
	if p := ks.pods[api.UID]; p != nil {
		p.latest, p.gone, p.vanished = api, false, false
		p.rebase(api)
		p.observe()
		return
	}
	if k == nil {
		return // some other machine's
	}
	p := newPod(k, api)
	ks.pods[p.uid] = p
	k.pods[p.uid] = p
	if p.namespace == "kube-system" && api.Labels["app"] == "konnectivity-agent" {
		ks.agents[p.uid] = p
	}
	if len(api.Status.ContainerStatuses) > 0 || len(api.Status.InitContainerStatuses) > 0 || terminal(api.Status.Phase) {
		now := time.Now()
		p.adopt(now)
		if !first {
			p.lose(now)
		}
	}
	ks.Timers.Wake(p)
}

// Gone takes the end of a pod from the API server. After a restore, pods that
// are merely missing from the list go on for a while. The lock is held.
func (ks *Kubelets) Gone(api *corev1.Pod, missing bool) {
	p := ks.pods[api.UID]
	if p == nil {
		return
	}
	if missing && *ks.Restoring {
		p.vanished = true
		ks.vanished = append(ks.vanished, api)
		return
	}
	p.latest, p.gone = api, true
	p.observe()
}

// ForgetVanished ends the pods that a restore has left without an object, when
// no rule leads to them any more. The lock is held.
func (ks *Kubelets) ForgetVanished() {
	for _, api := range ks.vanished {
		if p := ks.pods[api.UID]; p != nil && p.vanished {
			p.latest, p.gone, p.vanished = api, true, false
			p.observe()
		}
	}
	ks.vanished = nil
}

// drop forgets a pod.
func (ks *Kubelets) drop(p *pod) {
	ks.Starts.forget(p)
	p.dropSandbox()
	p.removeVolumes(time.Now())
	p.letGo()
	delete(p.k.pods, p.uid)
	delete(ks.pods, p.uid)
	delete(ks.agents, p.uid)
	ks.Timers.Remove(p)
}

// sortedPods is pods by namespace and name.
func sortedPods(pods map[types.UID]*pod) []*pod {
	return slices.SortedFunc(maps.Values(pods), func(a, b *pod) int {
		return strings.Compare(a.namespace+"/"+a.name+"/"+string(a.uid), b.namespace+"/"+b.name+"/"+string(b.uid))
	})
}

// podNamed finds a pod; of two with the same name, the one that is not gone.
func (ks *Kubelets) podNamed(namespace, name string) *pod {
	var found *pod
	for _, p := range ks.pods {
		if p.namespace == namespace && p.name == name && (found == nil || !p.gone) {
			found = p
		}
	}
	return found
}

// container finds a container by pod; an empty name means the pod's first.
func (ks *Kubelets) container(namespace, pod, name string) (*container, error) {
	p := ks.podNamed(namespace, pod)
	if p == nil {
		return nil, fmt.Errorf("pod %s/%s is on no node", namespace, pod)
	}
	for _, c := range p.containers {
		if c.name == name || name == "" && !c.init {
			return c, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s has no container %q", namespace, pod, name)
}

// Backend is the pod sandbox that has an address. The lock is held.
func (ks *Kubelets) Backend(ip netip.Addr) (network.Backend, bool) {
	p := ks.byIP[ip]
	if p == nil {
		return network.Backend{}, false
	}
	return network.Backend{Node: p.k.m.Name, Namespace: p.namespace, Pod: p.name, Labels: p.spec.Labels, Handler: p.handler, Answer: p.answer, Names: p.names, Real: p.real, Certificate: p.certificate}, true
}

// handler is what answers at a port of the pod; ok is false if nothing listens.
func (p *pod) handler(port int32) (h http.Handler, ok bool) {
	p.k.ks.Lock.Lock()
	defer p.k.ks.Lock.Unlock()
	return p.listening(port)
}

func (p *pod) listening(port int32) (http.Handler, bool) {
	if c := p.listener(port, false); c != nil {
		return c.answers(port), true
	}
	return nil, false
}

// listener is the container that listens at a port of the pod, of UDP or of TCP; nil if none
// does.
func (p *pod) listener(port int32, udp bool) *container {
	now := time.Now()
	for _, c := range p.containers {
		if !udp && c.serves(now) && slices.Contains(c.behaviour.Ports, port) && c.behaviour.Listens(port) || udp && c.works(now) && slices.Contains(c.behaviour.UDPPorts, port) {
			return c
		}
	}
	for _, c := range p.containers {
		if c.serves(now) && c.behaviour.Open && p.k.ks.Targeted != nil && p.k.ks.Targeted(netip.AddrPortFrom(p.ip, uint16(port)), udp) {
			return c
		}
	}
	return nil
}

// Handler is what answers at a port of the node itself. The lock is not held.
func (k *Kubelet) Handler(port int32) (http.Handler, bool) {
	k.ks.Lock.Lock()
	defer k.ks.Lock.Unlock()
	for _, p := range k.pods {
		if !p.spec.Spec.HostNetwork {
			continue
		}
		if h, ok := p.listening(port); ok {
			return h, true
		}
	}
	return nil, false
}
