package ingress

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// upstream is the endpoints of a port of a Service, which take turns.
type upstream struct {
	name      string   // as nginx names it: NAMESPACE-SERVICE-PORT
	endpoints []string // HOST:PORT
	turn      atomic.Uint32
}

// take is the endpoints in the order in which one request tries them.
func (u *upstream) take() []string {
	n := len(u.endpoints)
	if n == 0 {
		return nil
	}
	i := int(u.turn.Add(1)-1) % n
	return slices.Concat(u.endpoints[i:], u.endpoints[:i])
}

// keepTurns has upstreams go on where those of an earlier table were.
func (t *table) keepTurns(before *table) {
	for name, u := range t.upstreams {
		if old := before.upstreams[name]; old != nil {
			u.turn.Store(old.turn.Load())
		}
	}
}

// endpointSet is an EndpointSlice of a Service.
type endpointSet = *discoveryv1.EndpointSlice

// endpointSets are the EndpointSlices by their Services.
func (s *store) endpointSets() map[string][]endpointSet {
	all, _ := s.slices.List(labels.Everything()) // never fails
	of := map[string][]endpointSet{}
	for _, e := range all {
		if e.AddressType != discoveryv1.AddressTypeFQDN {
			key := e.Namespace + "/" + e.Labels[discoveryv1.LabelServiceName]
			of[key] = append(of[key], e)
		}
	}
	return of
}

// upstream is what a backend of an Ingress names. One that is not there has no endpoints.
func (s *store) upstream(t *table, namespace string, b *networkingv1.IngressBackend) *upstream {
	if b.Service == nil { // a resource, which the program knows none of
		return &upstream{name: "upstream-default-backend"}
	}
	want := b.Service.Port
	text := want.Name
	if text == "" {
		text = strconv.Itoa(int(want.Number))
	}
	key := namespace + "/" + b.Service.Name
	svc, err := s.services.Services(namespace).Get(b.Service.Name)
	if err != nil {
		t.note("Error obtaining Endpoints for Service %q: no object matching key %q in local store", key, key)
		svc = nil
	}
	return s.endpointsOf(t, namespace+"-"+b.Service.Name+"-"+text, key, svc, func(svc *corev1.Service) *corev1.ServicePort { return port(svc, want) })
}

// first is the upstream of a Service's first port; nil if there is no such Service.
func (s *store) first(t *table, namespace, name string) *upstream {
	svc, err := s.services.Services(namespace).Get(name)
	if err != nil || len(svc.Spec.Ports) == 0 {
		t.note("Error getting default backend %q: no object matching key %q in local store", namespace+"/"+name, namespace+"/"+name)
		return nil
	}
	return s.endpointsOf(t, "upstream-default-backend", namespace+"/"+name, svc, func(svc *corev1.Service) *corev1.ServicePort { return &svc.Spec.Ports[0] })
}

// endpointsOf is the upstream of a port of a Service, made once for a table.
func (s *store) endpointsOf(t *table, name, key string, svc *corev1.Service, of func(*corev1.Service) *corev1.ServicePort) *upstream {
	if u := t.upstreams[name]; u != nil {
		return u
	}
	u := &upstream{name: name}
	t.upstreams[name] = u
	if svc == nil {
		return u
	}
	p := of(svc)
	if p == nil {
		t.note("Service %q does not have any active Endpoint.", key)
		return u
	}
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		u.endpoints = []string{net.JoinHostPort(strings.TrimSuffix(svc.Spec.ExternalName, "."), fmt.Sprint(externalPort(p)))}
		return u
	}
	for _, set := range t.endpoints[key] {
		for _, number := range targets(set, p) {
			for _, e := range set.Endpoints {
				if len(e.Addresses) > 0 && ptr.Deref(e.Conditions.Ready, true) {
					u.endpoints = append(u.endpoints, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(number))))
				}
			}
		}
	}
	slices.Sort(u.endpoints)
	u.endpoints = slices.Compact(u.endpoints)
	if len(u.endpoints) == 0 {
		t.note("Service %q does not have any active Endpoint.", key)
	}
	return u
}

// externalPort is the port of a Service outside.
func externalPort(p *corev1.ServicePort) int32 {
	if p.TargetPort.Type == intstr.Int && p.TargetPort.IntVal > 0 {
		return p.TargetPort.IntVal
	}
	return p.Port
}

// targets are the ports of endpoints that a Service's port leads to.
func targets(set endpointSet, p *corev1.ServicePort) (numbers []int32) {
	for _, e := range set.Ports {
		if e.Port != nil && ptr.Deref(e.Name, "") == p.Name && ptr.Deref(e.Protocol, corev1.ProtocolTCP) == corev1.ProtocolTCP {
			numbers = append(numbers, *e.Port)
		}
	}
	if len(set.Ports) == 0 && p.TargetPort.Type == intstr.Int {
		numbers = append(numbers, p.TargetPort.IntVal)
	}
	return numbers
}
