package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	azure "demarc/nodes/cloud"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// Annotations of Services that AKS obeys (kubernetes-sigs/cloud-provider-azure, "Azure
// LoadBalancer"). They are preceded by annotationPrefix.
const (
	annotationPrefix = "service.beta.kubernetes.io/"

	annotationInternal    = annotationPrefix + "azure-load-balancer-internal"
	annotationIPv4        = annotationPrefix + "azure-load-balancer-ipv4"
	annotationGroup       = annotationPrefix + "azure-load-balancer-resource-group"
	annotationPIP         = annotationPrefix + "azure-pip-name"
	annotationLabel       = annotationPrefix + "azure-dns-label-name"
	annotationRanges      = annotationPrefix + "azure-allowed-ip-ranges"
	annotationTags        = annotationPrefix + "azure-allowed-service-tags"
	annotationDenyOthers  = annotationPrefix + "azure-deny-all-except-load-balancer-source-ranges"
	annotationIdleTimeout = annotationPrefix + "azure-load-balancer-tcp-idle-timeout"
	annotationNoReset     = annotationPrefix + "azure-load-balancer-disable-tcp-reset"
	annotationProbe       = annotationPrefix + "azure-load-balancer-health-probe-" // and what of it
)

// Limits and defaults of load balancers (kubernetes-sigs/cloud-provider-azure, pkg/consts and
// pkg/provider).
const (
	minIdleTimeout = 4 // minutes, and the default
	maxIdleTimeout = 100

	minProbeInterval  = 5 // seconds, and the default
	minProbeThreshold = 2 // and the default
	maxProbeTime      = 120

	maxBaseName = 32
)

func isInternal(s *corev1.Service) bool {
	return strings.EqualFold(s.Annotations[annotationInternal], "true")
}

// baseName is what names of a Service's resources begin with.
func baseName(s *corev1.Service) string {
	name := "a" + strings.ReplaceAll(string(s.UID), "-", "")
	return name[:min(len(name), maxBaseName)]
}

// balancerSpec is what a Service asks of load balancers, or in AKS's words what is wrong with
// it. The warnings do not keep it from anything.
func balancerSpec(s *corev1.Service) (spec azure.BalancerSpec, warnings []warning, err error) {
	spec = azure.BalancerSpec{
		Service: balancerKey(s), Base: baseName(s), Internal: isInternal(s), Address: s.Spec.LoadBalancerIP,
		PublicIP: s.Annotations[annotationPIP], Group: s.Annotations[annotationGroup], Label: s.Annotations[annotationLabel],
	}
	if ip := s.Annotations[annotationIPv4]; ip != "" {
		spec.Address = ip
	}
	if spec.Access, warnings, err = access(s); err != nil {
		return spec, warnings, err
	}
	idle, err := number(s, annotationIdleTimeout, func(n int) error {
		if n < minIdleTimeout || n > maxIdleTimeout {
			return fmt.Errorf("idle timeout value must be a whole number representing minutes between %d and %d, actual value: %d", minIdleTimeout, maxIdleTimeout, n)
		}
		return nil
	}, minIdleTimeout)
	if err != nil {
		return spec, warnings, fmt.Errorf("error generate lb rule for ha mod loadbalancer. err: error parsing idle timeout key: %s, err: %w", annotationIdleTimeout, err)
	}
	persistence := api.DistributionDefault
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		persistence = api.DistributionSourceIP
	}
	for _, p := range s.Spec.Ports {
		if p.Protocol == corev1.ProtocolSCTP {
			return spec, warnings, fmt.Errorf("SCTP is only supported on standard loadbalancer in internal mode")
		}
		if forPort(s, p, "no_lb_rule") == "true" {
			continue
		}
		r := api.BalancerRule{
			Name: fmt.Sprintf("%s-%s-%d", spec.Base, protocolOf(p), p.Port), Port: p.Port, Protocol: azure.TCP, IdleTimeout: idle, Persistence: persistence,
		}
		if r.TCPReset = !strings.EqualFold(s.Annotations[annotationNoReset], "true"); protocolOf(p) == corev1.ProtocolUDP {
			r.Protocol, r.TCPReset = azure.UDP, false
		}
		if forPort(s, p, "no_probe_rule") != "true" {
			probe, err := probeFor(s, p, r.Name)
			if err != nil {
				return spec, warnings, err
			}
			if r.Probe = probe.Name; probe.Name != "" && !slices.ContainsFunc(spec.Probes, func(p api.BalancerProbe) bool { return p.Name == probe.Name }) {
				spec.Probes = append(spec.Probes, probe)
			}
		}
		spec.Rules = append(spec.Rules, r)
	}
	return spec, warnings, nil
}

func protocolOf(p corev1.ServicePort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

// forPort is the value of an annotation that speaks of one port.
func forPort(s *corev1.Service, p corev1.ServicePort, what string) string {
	return s.Annotations[fmt.Sprintf("%sport_%d_%s", annotationPrefix, p.Port, what)]
}

// number is the whole number that an annotation has, or another one if it is not there.
func number(s *corev1.Service, key string, check func(int) error, otherwise int) (int, error) {
	text, given := s.Annotations[key]
	if !given {
		return otherwise, nil
	}
	text = strings.TrimSpace(text)
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("error value: %w: %s value must be a whole number", err, text)
	}
	if err := check(int(n)); err != nil {
		return 0, fmt.Errorf("error parsing value: %w", err)
	}
	return int(n), nil
}

// access is who may come to a Service's address.
func access(s *corev1.Service) (a azure.Access, warnings []warning, _ error) {
	var invalid bool
	ranges, bad := prefixes(s.Spec.LoadBalancerSourceRanges)
	if len(bad) > 0 {
		invalid = true
		warnings = append(warnings, warning{"InvalidSourceRanges", fmt.Sprintf("Found invalid spec.LoadBalancerSourceRanges %q, ignoring and adding a default DenyAll rule in security group.", bad)})
	}
	var annotated []string
	for _, key := range []string{annotationRanges, corev1.AnnotationLoadBalancerSourceRangesKey} {
		if text, given := s.Annotations[key]; given {
			annotated = append(annotated, strings.Split(strings.TrimSpace(text), ",")...)
		}
	}
	allowed, bad := prefixes(annotated)
	if len(bad) > 0 {
		invalid = true
		warnings = append(warnings, warning{"InvalidAllowedIPRanges", fmt.Sprintf("Found invalid %s %q, ignoring and adding a default DenyAll rule in security group.", annotationRanges, bad)})
	}
	if len(ranges) > 0 && len(allowed) > 0 {
		return a, warnings, fmt.Errorf("cannot set both spec.LoadBalancerSourceRanges and service annotation %s", annotationRanges)
	}
	if text := strings.TrimSpace(s.Annotations[annotationTags]); text != "" {
		for tag := range strings.SplitSeq(text, ",") {
			tag = strings.TrimSpace(tag)
			if err := azure.CheckServiceTag(&tag); err != nil {
				return a, warnings, err
			}
			a.Tags = append(a.Tags, tag)
		}
	}
	if len(ranges) > 0 && len(a.Tags) > 0 {
		warnings = append(warnings, warning{"ConflictConfiguration", fmt.Sprintf("Please use annotation %s instead of spec.loadBalancerSourceRanges while using %s annotation at the same time.", annotationRanges, annotationTags)})
	}
	all := append(ranges, allowed...)
	for _, p := range all {
		a.Sources = append(a.Sources, p.String())
	}
	if len(all) == 0 && len(a.Tags) == 0 && !invalid && !isInternal(s) {
		a.Tags = []string{azure.Internet}
	}
	a.DenyOthers = invalid || len(all) > 0 && strings.EqualFold(s.Annotations[annotationDenyOthers], "true")
	return a, warnings, nil
}

// prefixes reads address prefixes, and says which are none.
func prefixes(texts []string) (good []netip.Prefix, bad []string) {
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
			bad = append(bad, text)
		} else {
			good = append(good, p)
		}
	}
	return good, bad
}
