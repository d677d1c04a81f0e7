package cluster

import (
	"time"

	"demarc/cmd/demarc-engine/cluster/probe"
	"demarc/sim/api"
	"demarc/sim/clock"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dnsService is the Service of the cluster's DNS.
const dnsService = "kube-dns"

// keepProbing probes what serves the cluster, until it ends. Nothing has to while the cluster
// is stopped.
func (c *Cluster) keepProbing() {
	out := false
	for clock.Sleep(c.ctx, clock.UntilTick(time.Now(), probe.Period)) {
		if c.Resting() {
			c.probes.Take(nil, time.Now())
			continue
		}
		found := c.probe()
		c.probes.Take(found, time.Now())
		out = c.namesOut(found[0].Serving == 0, out)
	}
}

// customNames is what is out when CoreDNS does not start with what customers configure.
const customNames = "addon/configmap/coredns-custom"

// namesOut enters that no CoreDNS serves since none starts with its configuration, and that
// one does again. It returns whether that is so.
func (c *Cluster) namesOut(now, before bool) bool {
	if !now {
		if before {
			c.incidents.Mended(customNames, time.Now())
		}
		return false
	}
	cause, misconfigured := c.fleet.Misconfigured()
	if misconfigured {
		c.incidents.Begin(customNames, cause, time.Now())
	}
	return before || misconfigured
}

// probe looks once at the DNS, the tunnel and each load balancer. One whose Service has no
// endpoints leads nobody anywhere, and is not probed.
func (c *Cluster) probe() []probe.Finding {
	net := c.fleet.Network()
	answer, of := net.Answering(metav1.NamespaceSystem, dnsService)
	agents, all := c.fleet.TunnelAgents()
	found := []probe.Finding{{Subject: api.ProbeDNS, Serving: answer, Of: of}, {Subject: api.ProbeTunnel, Serving: agents, Of: all}}
	seen := map[string]bool{}
	for _, l := range c.balancers.list() {
		name := l.Namespace + "/" + l.Service
		answer, of := net.Answering(l.Namespace, l.Service)
		healthy, nodes := net.Frontends(l.Namespace, l.Service)
		if seen[name] || nodes == 0 || of == 0 && healthy > 0 {
			continue
		}
		seen[name] = true
		f := probe.Finding{Subject: api.ProbeLoadBalancer + name, Serving: answer, Of: of}
		if healthy == 0 || answer == of && healthy < nodes {
			f.Serving, f.Of = healthy, nodes
		}
		found = append(found, f)
	}
	return found
}
