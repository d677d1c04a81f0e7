package policy

import (
	"strings"
	"testing"

	"demarc/sim/timeline"
)

// states is the history in one line: STATE FROM-TO.
func states(s Supportability) string {
	var parts []string
	for _, p := range s.History {
		parts = append(parts, p.State+" "+p.From.Sub(zero).String()+"-"+p.To.Sub(zero).String())
	}
	return strings.Join(parts, ", ")
}

func TestSupport(t *testing.T) {
	begin := ev("0s", provider, "created", "cluster/c", 0, "")
	tags := func(at, name, value string) timeline.Event {
		return ev(at, customer, "tagged", "node/a", 0, "", timeline.Detail{Resource: true, Tags: map[string]string{name: value}})
	}
	size := func(at, from, to string) timeline.Event {
		return ev(at, customer, "resized", "node/a", 0, "the VM was resized as an IaaS resource from "+from+" to "+to, timeline.Detail{Resource: true, Size: &timeline.Resize{From: from, To: to}})
	}
	rule := func(at, name, ports string) timeline.Event {
		if ports == "" { // is deleted
			return ev(at, customer, "changed", "nsg", 0, "", timeline.Detail{Rule: &timeline.SecurityRule{Name: name}})
		}
		return ev(at, customer, "changed", "nsg", 0, "", deny(name, "Tcp", ports))
	}
	for _, tt := range []struct {
		name  string
		world World
		want  []string // histories by 2019-04, and by 2026-08 where that is another
		// clause is of the first reason that holds now, and way in its way back.
		clause, way string
	}{
		{"nothing", world(begin), []string{"supported 0s-2h0m0s"}, "", ""},
		{"looking is harmless", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: uptime")), []string{"supported 0s-2h0m0s"}, "", ""},
		{"port 443 is blocked", world(begin, rule("10m", "x", "443"), rule("20m", "y", "443"), rule("30m", "x", "")),
			[]string{"supported 0s-10m0s, unsupported 10m0s-20m0s, unsupported 20m0s-30m0s, unsupported 30m0s-2h0m0s"}, "network.egress-443", "Delete rule y"},
		{"port 443 is open again", world(begin, rule("10m", "x", "443"), rule("30m", "x", "")),
			[]string{"supported 0s-10m0s, unsupported 10m0s-30m0s, supported 30m0s-2h0m0s"}, "", ""},
		{"another rule", world(begin, rule("10m", "x", "25")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-2h0m0s"}, "network.requirements", "rule x"},
		{"a VM is stopped and started", world(begin, ev("10m", customer, "stopped", "node/a", 0, "the VM was stopped as an IaaS resource; it is still allocated", vm), ev("20m", customer, "started", "node/a", 0, "the VM was started as an IaaS resource", vm)),
			[]string{"supported 0s-10m0s, unsupported 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"a VM is deleted", world(begin, ev("10m", customer, "deleted", "node/a", 0, "the VM was deleted as an IaaS resource", vm)),
			[]string{"supported 0s-10m0s, unsupported 10m0s-2h0m0s"}, "iaas.out-of-band", "scale the node pool"},
		{"a VM is resized, and back in two steps", world(begin, size("10m", "A", "B"), size("20m", "B", "C"), size("30m", "C", "A")),
			[]string{"supported 0s-10m0s, unsupported 10m0s-20m0s, unsupported 20m0s-30m0s, supported 30m0s-2h0m0s"}, "", ""},
		{"the provider stops a VM", world(begin, ev("10m", provider, "stopped", "node/a", 0, "the VM was stopped as an IaaS resource", vm)), []string{"supported 0s-2h0m0s"}, "", ""},
		{"a tag, removed again", world(begin, tags("10m", "team", "shop"), tags("20m", "team", "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"a tag with blanks and colons, removed again", world(begin, tags("10m", "team", "shop: on call"), tags("20m", "team", "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"a system tag with blanks and colons, set back", world(begin, tags("10m", "aks-managed-x", "a: b"), tags("20m", "aks-managed-x", "c d")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s", "supported 0s-10m0s, unsupported 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"to speak of packages is harmless", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: grep apt-get install /var/log/syslog; echo sudo reboot")), []string{"supported 0s-2h0m0s"}, "", ""},
		{"a system tag", world(begin, tags("10m", "aks-managed-poolName", "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-2h0m0s", "supported 0s-10m0s, unsupported 10m0s-2h0m0s"}, "iaas.", "tags back"},
		{"a system tag, set back", world(begin, tags("10m", "aks-managed-poolName", ""), tags("20m", "aks-managed-poolName", "nodepool1")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s", "supported 0s-10m0s, unsupported 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"a node is broken and healed", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop kubelet"), ev("10m", node, "failed", "kubelet/a", 2, ""), ev("11m", node, "repaired", "kubelet/a", 2, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-11m0s, supported 11m0s-2h0m0s"}, "", ""},
		{"a kill leaves nothing behind", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo pkill -9 coredns"), ev("10m", node, "crashed", "container/kube-system/coredns-1/coredns", 2, ""), ev("11m", node, "restarted", "container/kube-system/coredns-1/coredns", 3, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-11m0s, supported 11m0s-2h0m0s"}, "", ""},
		{"what was killed is not back", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo pkill -9 coredns"), ev("10m", node, "crashed", "container/kube-system/coredns-1/coredns", 2, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-2h0m0s"}, "nodes.customer-access", "Let the service heal"},
		{"a node image is too old, and then upgraded", world(begin, ev("10m", provider, "outdated", "nodepool/p", 0, "node image x"), ev("20m", provider, "upgraded", "nodepool/p", 0, "")),
			[]string{"supported 0s-2h0m0s", "supported 0s-10m0s, unsupported 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"a reboot is the customer's duty", world(begin, ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo reboot"), ev("10m", node, "stopped", "node/a", 2, "", rebooted)).out("node/a", 2, "10m", "11m"),
			[]string{"supported 0s-2h0m0s"}, "", ""},
		{"a file is changed and put back", world(begin, ev("10m", customer, "changed", "node/a", 0, "the node differs from its image: file /etc/motd (changed)"), ev("20m", customer, "reverted", "node/a", 0, "the node is as its image again")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"what support changes on a node", world(begin, ev("10m", provider, "changed", "node/a", 0, "the node differs from its image: file /etc/motd (changed)")), []string{"supported 0s-2h0m0s"}, "", ""},
		{"packages stay until the image is fresh", world(begin, ev("10m", customer, "ran", "node/a", 0, remove), ev("10m", customer, "changed", "node/a", 2, "the node differs from its image: package moby-containerd (removed)", packaged), ev("20m", provider, "repaired", "node/a", 2, ""), ev("30m", provider, "reimaged", "node/a", 2, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-30m0s, supported 30m0s-2h0m0s"}, "", ""},
		{"a beta gate", world(begin, ev("10m", customer, "enabled", "featuregate/New", 0, "", timeline.Detail{Stage: "BETA"})),
			[]string{"supported 0s-10m0s, at-risk 10m0s-2h0m0s", "supported 0s-2h0m0s"}, "features.alpha-beta", "Switch New off"},
		{"a preview", world(begin, ev("10m", customer, "registered", "feature/P", 0, ""), ev("20m", customer, "unregistered", "feature/P", 0, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"vulnerable until rebooted", world(begin, ev("10m", provider, "notified", "cve/C", 0, ""), ev("20m", node, "fixed", "cve/C", 0, "")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, supported 20m0s-2h0m0s"}, "", ""},
		{"the worst counts", world(begin, tags("10m", "a", "b"), rule("20m", "x", "443")),
			[]string{"supported 0s-10m0s, at-risk 10m0s-20m0s, unsupported 20m0s-2h0m0s"}, "network.egress-443", "rule x"},
	} {
		for n, id := range both {
			t.Run(tt.name+"/"+id, func(t *testing.T) {
				got, err := edition(t, id).Support(tt.world)
				if err != nil {
					t.Fatal(err)
				}
				if want := tt.want[min(n, len(tt.want)-1)]; states(got) != want {
					t.Errorf("got  %s\nwant %s", states(got), want)
				}
				if end := got.History[len(got.History)-1]; end.State != got.State || len(end.Reasons) != len(got.Reasons) {
					t.Errorf("is %s, but the history ends with %s", got.State, end.State)
				}
				switch {
				case got.State == StateSupported && len(got.Reasons) > 0:
					t.Errorf("supported, and %+v", got.Reasons)
				case got.State != StateSupported && (!strings.HasPrefix(got.Reasons[0].Clause, tt.clause) || !strings.Contains(got.Reasons[0].WayBack, tt.way)):
					t.Errorf("reason %+v", got.Reasons[0])
				}
			})
		}
	}
	if got, err := edition(t, "2019-04").Support(World{}); err != nil || got.State != StateSupported || len(got.History) != 0 {
		t.Errorf("an empty world: %+v, %v", got, err)
	}
}
