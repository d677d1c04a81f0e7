package cluster

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Protocols of health probes, and the path at which kube-proxy answers them.
const (
	probeTCP   = "Tcp"
	probeHTTP  = "Http"
	probeHTTPS = "Https"

	healthPath = "/healthz"
)

// probeFor is the health probe of a Service's port, without a name if it has none: where the
// Service keeps its traffic on the node it comes to, kube-proxy answers for all ports
// together, unless an annotation names another port.
func probeFor(s *corev1.Service, p corev1.ServicePort, rule string) (none api.BalancerProbe, _ error) {
	local := s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && s.Spec.HealthCheckNodePort != 0
	port, named, err := probePort(s, p)
	if err != nil {
		return none, err
	}
	probe := api.BalancerProbe{Name: rule, Protocol: probeTCP, Port: port}
	switch {
	case local && (!named || protocolOf(p) == corev1.ProtocolUDP):
		probe.Name, probe.Protocol, probe.Port, probe.Path = baseName(s), probeHTTP, s.Spec.HealthCheckNodePort, healthPath
	case protocolOf(p) == corev1.ProtocolUDP:
		return none, nil
	default:
		protocol := cmp.Or(forPort(s, p, "health-probe_protocol"), ptr.Deref(p.AppProtocol, ""), s.Annotations[annotationProbe+"protocol"])
		switch strings.ToLower(strings.TrimSpace(protocol)) {
		case "http":
			probe.Protocol = probeHTTP
		case "https":
			probe.Protocol = probeHTTPS
		}
		if probe.Protocol != probeTCP {
			probe.Path = cmp.Or(forPort(s, p, "health-probe_request-path"), s.Annotations[annotationProbe+"request-path"], "/")
		}
	}
	if err := pace(s, p, &probe); err != nil {
		return none, fmt.Errorf("failed to parse health probe config for port %d: %w", p.Port, err)
	}
	return probe, nil
}

// probePort is the port of the nodes that is asked: the node port of the port that an
// annotation names, a port of the nodes that it names, or the port's own node port.
func probePort(s *corev1.Service, p corev1.ServicePort) (_ int32, named bool, _ error) {
	text := forPort(s, p, "health-probe_port")
	if text == "" {
		return p.NodePort, false, nil
	}
	key := fmt.Sprintf("%sport_%d_health-probe_port", annotationPrefix, p.Port)
	for _, other := range s.Spec.Ports {
		if strings.EqualFold(other.Name, text) {
			return other.NodePort, true, nil
		}
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("failed to parse annotation %s: port %s not found in service", key, text)
	case n < 0 || n > 65535:
		return 0, false, fmt.Errorf("failed to parse annotation %s: port %d is out of range", key, n)
	}
	for _, other := range s.Spec.Ports {
		if int(other.Port) == n {
			return other.NodePort, true, nil
		}
	}
	return int32(n), true, nil
}

// pace sets how often a probe asks, and after how many failures a node is out.
func pace(s *corev1.Service, p corev1.ServicePort, probe *api.BalancerProbe) error {
	for _, part := range []struct {
		what  string
		value *int
		least int
	}{{"num-of-probe", &probe.Threshold, minProbeThreshold}, {"interval", &probe.Interval, minProbeInterval}} {
		key := fmt.Sprintf("%sport_%d_health-probe_%s", annotationPrefix, p.Port, part.what)
		if _, given := s.Annotations[key]; !given {
			key = annotationProbe + part.what
		}
		n, err := number(s, key, func(n int) error {
			if n < part.least {
				return fmt.Errorf("the minimum value of %s is %d", part.what, part.least)
			}
			return nil
		}, part.least)
		if err != nil {
			return fmt.Errorf("failed to parse annotation %s: %w", key, err)
		}
		*part.value = n
	}
	if probe.Interval*probe.Threshold >= maxProbeTime {
		return fmt.Errorf("total probe should be less than %d, please adjust interval and number of probe accordingly", maxProbeTime)
	}
	return nil
}
