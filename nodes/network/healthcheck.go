package network

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// HealthCheck is what kube-proxy serves at a port of a node: how many ready endpoints there
// a Service has whose externalTrafficPolicy is Local (Kubernetes v1.37,
// pkg/proxy/healthcheck/service_health.go). Not ok means that it does not listen there.
func (r *Rules) HealthCheck(node string, port int32) (http.Handler, bool) {
	if r == nil || r.checks[port] == nil {
		return nil, false
	}
	svc := r.checks[port]
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := svc.readyOn(node)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Load-Balancing-Endpoint-Weight", strconv.Itoa(n))
		if n == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "{\n\t\"service\": {\n\t\t\"namespace\": %q,\n\t\t\"name\": %q\n\t},\n\t\"localEndpoints\": %d,\n\t\"serviceProxyHealthy\": true\n}", svc.namespace, svc.name, n)
	}), true
}

// readyOn is how many endpoints a Service has on a node, without those that only serve while
// they terminate.
func (s *service) readyOn(node string) int {
	pods := map[netip.Addr]bool{}
	for _, p := range s.ports {
		for _, e := range p.local[node] {
			if e.ready {
				pods[e.addr] = true
			}
		}
	}
	return len(pods)
}

// sourcesOf are the prefixes from which kube-proxy lets clients come to a load balancer's
// address; nil for all.
func sourcesOf(s *corev1.Service) (out []netip.Prefix) {
	ranges := s.Spec.LoadBalancerSourceRanges
	if text := strings.TrimSpace(s.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey]); len(ranges) == 0 && text != "" {
		ranges = strings.Split(text, ",")
	}
	for _, text := range ranges {
		if p, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil {
			out = append(out, p)
		}
	}
	return out
}
