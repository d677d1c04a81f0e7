package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

const (
	customer   = timeline.Customer
	provider   = timeline.Provider
	platform   = timeline.Platform
	kubernetes = timeline.Kubernetes
	node       = timeline.Node
)

// TestRules judges a small world for every rule, by both editions. What is judged
// is the last event, or the incident if there is one.
func TestRules(t *testing.T) {
	remove := ev("10m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop containerd")
	for _, tt := range []struct {
		name  string
		world World
		// want is for 2019-04, and then for 2026-08 where that is another.
		want []string
	}{
		{"a zone", world(ev("1m", platform, "failed", "zone/2", 0, "outage zone/2")),
			[]string{"zone-outage provider covered automatic support.cloud-integration,node.shared"}},
		{"a node of a lost zone", world(ev("1m", platform, "failed", "zone/2", 0, "outage zone/2"), ev("1m", node, "stopped", "node/a", 1, "")).out("node/a", 2, "1m", ""),
			[]string{"zone-outage provider covered automatic support.cloud-integration,node.shared"}},
		{"a service that was in that zone only", world(ev("1m", platform, "failed", "zone/2", 0, "outage zone/2"), ev("1m", platform, "is in one zone", "service/default/shop", 1, "")),
			[]string{"zone-without-spread customer not-covered customer workloads.customer,node.shared", "zone-without-spread customer not-covered customer workloads.customer,nodepool.configuration"}},
		{"a host that is maintained", world(ev("1m", platform, "maintaining", "node/a", 0, "event Reboot"), ev("16m", platform, "rebooted", "node/a", 1, "")).out("node/a", 2, "16m", ""),
			[]string{"maintenance provider covered automatic node.shared"}},
		{"a zone with lossy links", world(ev("1m", platform, "is lossy", "zone/2", 0, "lose zone/2 packets=10%")),
			[]string{"operates provider covered none control-plane.managed,node.shared"}},
		{"upstream bug", world(ev("1m", platform, "struck", "upstream/kubernetes-126500", 0, "kubelet leaks"), ev("2m", node, "failed", "kubelet/a", 1, "")).out("kubelet/a", 2, "2m", ""),
			[]string{"upstream-bug upstream covered none upstream.bugs"}},
		{"backups refused", world(ev("1m", customer, "was refused", "backups", 0, "backup list")),
			[]string{"backups-refused customer not-covered none etcd.backup-access"}},
		{"support refused", world(ev("1m", provider, "was refused", "node/a", 0, "logged in: no consent")),
			[]string{"support-refused provider covered none support.consent"}},
		{"support without consent", world(ev("1m", provider, "ran", "node/a", 0, "support ran: sudo systemctl stop kubelet"), ev("1m", node, "failed", "kubelet/a", 1, "")),
			[]string{"support-without-consent provider covered automatic support.consent,node.shared"}},
		{"support with consent", world(ev("1m", customer, "granted consent", "node/a", 0, "c1"), ev("2m", provider, "ran", "node/a", 0, "support ran: sudo systemctl stop kubelet"), ev("2m", node, "failed", "kubelet/a", 2, "")),
			[]string{"node-component provider covered automatic node.components,node.shared"}},
		{"support after consent", world(ev("1m", customer, "granted consent", "node/a", 0, "c1"), ev("2m", provider, "consent expired", "node/a", 0, "c1"), ev("3m", provider, "ran", "node/a", 0, "support ran: id")),
			[]string{"support-without-consent provider covered automatic support.consent,node.shared"}},
		{"a case", world(ev("1m", customer, "opened", "case/1", 0, "DNS fails")),
			[]string{"support-case provider covered none support.control-plane"}},
		{"an escalated case", world(ev("1m", customer, "opened", "case/1", 0, "DNS fails"), ev("2m", customer, "escalated", "case/1", 1, "")),
			[]string{"support-case provider covered none support.control-plane"}},
		{"CVE for the customer", world(ev("1m", provider, "notified", "cve/CVE-2019-1", 0, "kernel")),
			[]string{"cve-customer customer covered customer security.cve-nodes,nodes.reboot-by-customer"}},
		{"CVE hot patch", world(ev("1m", provider, "hot-patched", "cve/CVE-2019-1", 0, "kernel")),
			[]string{"cve-hot-patch provider covered automatic security.cve-nodes"}},
		{"CVE in the API server", world(ev("1m", provider, "patched", "cve/CVE-2019-2", 0, "")),
			[]string{"cve provider covered automatic security.cve-managed"}},
		{"preview", world(ev("1m", customer, "registered", "feature/MultiAgentpoolPreview", 0, "")),
			[]string{"preview customer best-effort customer features.preview,features.subscription"}},
		{"beta gate", world(ev("1m", customer, "enabled", "featuregate/UserNamespaces", 0, "", timeline.Detail{Stage: "BETA"})),
			[]string{"alpha-beta customer not-covered customer features.alpha-beta", "customer customer not-covered customer workloads.customer"}},
		{"alpha gate", world(ev("1m", customer, "enabled", "featuregate/New", 0, "", timeline.Detail{Stage: "ALPHA"})),
			[]string{"alpha-beta customer not-covered customer features.alpha-beta"}},
		{"needs reboot", world(ev("1m", node, "needs reboot", "node/a", 0, "")),
			[]string{"needs-reboot customer covered customer nodes.reboot-by-customer"}},
		{"the provider's patch breaks", world(ev("1m", provider, "patched", "node/a", 0, "containerd 2.0"), ev("2m", node, "failed", "containerd/a", 1, "")).out("node/a", 2, "2m", "20m"),
			[]string{"patch provider covered automatic nodes.os-patches,node.components"}},
		{"upgrade", world(ev("1m", customer, "upgraded", "cluster/c", 0, "to 1.38")),
			[]string{"upgrade customer covered customer nodes.upgrade-by-customer"}},
		{"upgrade by a channel", world(ev("1m", provider, "started upgrade of", "cluster/c", 0, "the newest node images, by node-os-upgrade-channel NodeImage")),
			[]string{"upgrade-by-channel customer covered customer nodes.os-patches,nodes.upgrade-by-customer"}},
		{"system tag", world(ev("1m", customer, "tagged", "node/a", 0, "the VM's tags were changed as an IaaS resource: map[aks-managed-poolName:mine]", timeline.Detail{Resource: true, Tags: map[string]string{"aks-managed-poolName": "mine"}})),
			[]string{"iaas-tag customer not-covered customer iaas.out-of-band", "iaas-system-tag customer voids-support customer iaas.system-tags,iaas.out-of-band"}},
		{"tag", world(ev("1m", customer, "tagged", "node/a", 0, "the VM's tags were changed as an IaaS resource: map[team:shop]", timeline.Detail{Resource: true, Tags: map[string]string{"team": "shop"}})),
			[]string{"iaas-tag customer not-covered customer iaas.out-of-band"}},
		{"IaaS", world(ev("1m", customer, "deallocated", "node/a", 0, "the VM was deallocated as an IaaS resource", vm)).out("node/a", 1, "1m", ""),
			[]string{"iaas customer voids-support customer iaas.out-of-band"}},
		{"egress", world(ev("1m", customer, "changed", "nsg", 0, "network security group rule no-egress: Deny outbound Tcp to Internet, ports 80,400-500", deny("no-egress", "Tcp", "80,400-500")), ev("3m", provider, "noticed", "nodes", 1, "")),
			[]string{"egress-443 customer voids-support customer network.egress-443,egress.required,network.egress-lockdown", "egress-443 customer voids-support customer network.egress-443,egress.required"}},
		{"another security rule", world(ev("1m", customer, "changed", "nsg", 0, "network security group rule no-mail: Deny outbound Tcp to Internet, ports 25", deny("no-mail", "Tcp", "25"))),
			[]string{"nsg customer not-covered customer network.requirements"}},
		{"escalation", world(ev("1m", customer, "escalated", "node/a", 0, "restart it"), ev("2m", provider, "rebooting", "node/a", 1, "")),
			[]string{"escalation customer covered escalation nodes.restart-on-escalation", "escalation customer covered escalation nodes.self-healing,node.shared"}},
		{"consent", world(ev("1m", customer, "granted consent", "node/a", 0, "c1")),
			[]string{"consent customer covered none support.consent"}},
		{"reboot", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: sudo reboot"), ev("1m", node, "stopped", "node/a", 1, "", rebooted)).out("node/a", 1, "1m", "2m"),
			[]string{"customer-reboots customer covered none nodes.reboot-by-customer"}},
		{"power", world(ev("1m", customer, "powered-off", "node/a", 0, "")).out("node/a", 1, "1m", "50m"),
			[]string{"customer-off customer not-covered customer node.shared,nodes.careless-changes"}},
		{"look", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: uptime")),
			[]string{"customer-look customer covered none nodes.customer-access,node.shared", "customer-look customer covered none nodes.customer-access"}},
		{"full disk", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: fallocate -l 100G /x"), ev("2m", node, "is short", "disk/a", 1, "")),
			[]string{"customer-disk customer not-covered customer nodes.careless-changes,node.shared"}},
		{"the customer stops the runtime", world(remove, ev("10m", node, "failed", "containerd/a", 1, "")).out("node/a", 1, "10m", "24m"),
			[]string{"customer-breaks-node customer covered automatic nodes.self-healing,nodes.customer-access,node.shared", "customer-breaks-node customer best-effort automatic nodes.self-healing,nodes.customer-access"}},
		{"the customer's firewall, which only the provider notices", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: sudo iptables -A OUTPUT -p tcp --dport 443 -j DROP"), ev("7m", provider, "noticed", "node/a", 1, "NotReady"), ev("12m", provider, "rebooting", "node/a", 1, "")),
			[]string{"customer-breaks-node customer covered automatic nodes.self-healing,nodes.customer-access,node.shared", "customer-breaks-node customer best-effort automatic nodes.self-healing,nodes.customer-access"}},
		{"the customer kills kube-proxy", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: sudo pkill -9 kube-proxy"), ev("1m", node, "crashed", "container/kube-system/kube-proxy-x/kube-proxy", 1, "")),
			[]string{"customer-breaks-managed-pod customer covered automatic nodes.self-healing,node.components"}},
		{"the customer scales CoreDNS", world(ev("1m", customer, "scaled", "deployment/kube-system/coredns", 0, "")).out("addon/deployment/coredns", 1, "1m", "2m"),
			[]string{"customer-changes-managed customer covered automatic control-plane.not-changeable,addons.managed"}},
		{"the customer fills etcd", world(ev("1m", customer, "created", "configmap/load/a", 0, ""), ev("2m", customer, "used up", "etcd", 1, "configmaps in load"), ev("2m", provider, "noticed", "etcd", 2, "")).out("etcd", 3, "2m", "3m"),
			[]string{"customer-fills-etcd customer covered automatic workloads.customer,etcd.managed,support.control-plane"}},
		{"the customer fills etcd with what nobody saw him write", world(ev("2m", customer, "used up", "etcd", 0, "configmaps in load"), ev("2m", provider, "noticed", "etcd", 1, "")).out("etcd", 2, "2m", "3m"),
			[]string{"customer-fills-etcd customer covered automatic workloads.customer,etcd.managed,support.control-plane"}},
		{"the provider fills etcd", world(ev("2m", provider, "used up", "etcd", 0, "leases in kube-node-lease"), ev("2m", provider, "noticed", "etcd", 1, "")).out("etcd", 2, "2m", "3m"),
			[]string{"etcd provider covered automatic etcd.managed,control-plane.managed"}},
		{"a full etcd and the nodes", world(ev("2m", customer, "used up", "etcd", 0, "configmaps in load"), ev("3m", provider, "noticed", "nodes", 1, "NotReady")).out("nodes", 2, "3m", "4m"),
			[]string{"full-etcd-hits-nodes customer not-covered customer workloads.customer"}},
		{"the customer floods the API server", world(ev("1m", customer, "flooded", "serviceaccount/load/crawler", 0, ""), ev("1m", customer, "throttled", "serviceaccount/load/crawler", 1, "429")).out("serviceaccount/load/crawler", 2, "1m", "3m"),
			[]string{"customer-floods customer not-covered customer workloads.customer,control-plane.managed", "customer-floods customer not-covered customer workloads.customer,support.how-to,control-plane.managed"}},
		{"workload", world(ev("1m", node, "crashed", "container/default/shop-1/shop", 0, "exit code 1")),
			[]string{"customer customer not-covered customer workloads.customer"}},
		{"backup", world(ev("1m", platform, "filled", "backup-store", 0, ""), ev("30m", provider, "failed to back up", "backup/20260105T083000Z", 1, "no space left")),
			[]string{"backup provider covered automatic etcd.backup"}},
		{"workload hit", world(ev("1m", platform, "powered-off", "node/a", 0, ""), ev("1m", node, "crashed", "container/default/shop-1/shop", 1, "")),
			[]string{"workload-hit provider covered automatic workloads.survive,control-plane.managed"}},
		{"etcd", world(ev("1m", platform, "wiped", "etcd", 0, "")).out("kube-apiserver", 1, "1m", "2m"),
			[]string{"etcd provider covered automatic etcd.managed,control-plane.managed"}},
		{"kube-proxy by itself", world(ev("1m", node, "crashed", "container/kube-system/kube-proxy-x/kube-proxy", 0, "")),
			[]string{"managed-network provider covered automatic network.managed,node.components"}},
		{"CoreDNS by itself", world(ev("1m", node, "crashed", "container/kube-system/coredns-x/coredns", 0, "")),
			[]string{"managed-dns provider covered automatic dns.managed"}},
		{"machine", world(ev("1m", platform, "powered-off", "node/a", 0, "")).out("node/a", 1, "1m", ""),
			[]string{"node-machine provider covered escalation nodes.restart-on-escalation,node.shared", "node-machine provider covered automatic nodes.self-healing,node.shared"}},
		{"support fills a disk", world(ev("1m", customer, "granted consent", "node/a", 0, "c1"), ev("2m", provider, "ran", "node/a", 0, "support ran: sudo fallocate -l 90G /dump"), ev("2m", node, "is short", "disk/a", 2, "")).out("disk/a", 2, "2m", "9m"),
			[]string{"provider-disk provider covered escalation node.shared"}},
		{"the provider's security rule", world(ev("1m", provider, "changed", "nsg", 0, "network security group rule ours: Deny outbound * to Internet, ports 443", deny("ours", "*", "443")), ev("1m", node, "failed", "node/a", 1, "")).out("node/a", 1, "1m", "9m"),
			[]string{"provider-nsg provider covered escalation network.nsg-bugs,node.shared"}},
		{"the provider stops a VM", world(ev("1m", provider, "stopped", "node/a", 0, "the VM was stopped as an IaaS resource; it is still allocated", vm)).out("node/a", 1, "1m", "9m"),
			[]string{"provider-iaas provider covered escalation node.shared"}},
		{"Azure takes a Spot node back", world(ev("1m", platform, "preempting", "node/a", 0, ""), ev("2m", platform, "deallocated", "node/a", 1, "")).out("node/a", 2, "2m", "9m"),
			[]string{"spot customer not-covered customer node.shared", "spot customer not-covered customer nodepool.configuration"}},
		{"the customer stops the cluster", world(ev("1m", customer, "started stop of", "cluster/c", 0, ""), ev("3m", provider, "is stopped", "cluster/c", 1, "")),
			[]string{"stopped customer covered customer workloads.customer", "stopped customer covered customer lifecycle.stopped"}},
		{"the customer shuts a node down from within", world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl poweroff"), ev("1m", node, "stopped", "node/a", 1, "", off)).out("node/a", 1, "1m", ""),
			[]string{"customer-off customer not-covered customer node.shared,nodes.careless-changes"}},
		{"kubelet by itself", world(ev("1m", node, "failed", "kubelet/a", 0, "")).out("kubelet/a", 1, "1m", "2m"),
			[]string{"node-component provider covered automatic node.components,node.shared"}},
		{"cloud", world(ev("1m", provider, "failed", "cloud/loadbalancer", 0, "")),
			[]string{"cloud provider covered automatic support.cloud-integration"}},
		{"API server", world(ev("1m", provider, "crashed", "kube-apiserver", 0, "")).out("kube-apiserver", 1, "1m", "2m"),
			[]string{"control-plane provider covered automatic control-plane.managed"}},
		{"load balancer that the cloud refuses", world(ev("1m", platform, "failed", "cloud/loadbalancers", 0, "failed cloud/loadbalancers"),
			ev("2m", provider, "refused", "service/default/late", 1, "a load balancer")).out("loadbalancer/default/late", 2, "2m", "10m"),
			[]string{"cloud provider covered automatic support.cloud-integration"}},
		{"Azure's DNS", world(ev("1m", platform, "failed", "cloud/dns", 0, "failed cloud/dns")).out("cloud/dns", 1, "1m", "10m"),
			[]string{"platform-dns provider covered automatic support.network"}},
		{"load balancer", world(ev("1m", provider, "provisioned", "service/default/shop", 0, "load balancer 198.51.100.10")),
			[]string{"load-balancer provider covered none support.cloud-integration"}},
		{"a node registers", world(ev("1m", node, "registered", "node/a", 0, "")),
			[]string{"operates provider covered none control-plane.managed,node.shared"}},
		{"anything else", world(ev("1m", provider, "failed", "hello", 0, "")),
			[]string{"anything-else provider covered none node.shared"}},
	} {
		for n, id := range both {
			t.Run(tt.name+"/"+id, func(t *testing.T) {
				got, err := last(edition(t, id), tt.world)
				if err != nil {
					t.Fatal(err)
				}
				if want := tt.want[min(n, len(tt.want)-1)]; brief(got) != want {
					t.Errorf("got  %s\nwant %s", brief(got), want)
				}
				if got.Sentence == "" || strings.Contains(got.Sentence, "{{") || strings.Contains(got.Sentence, "<no value>") {
					t.Errorf("sentence %q", got.Sentence)
				}
			})
		}
	}
}

// last judges a world's last incident, or its last event if it has none.
func last(e *Edition, w World) (Judgement, error) {
	if n := len(w.Incidents); n > 0 {
		return e.Incident(w, w.Incidents[n-1].ID)
	}
	return e.Event(w, int64(len(w.Events)))
}

// TestMatters judges what support is asked about.
func TestMatters(t *testing.T) {
	for subject, want := range map[string]string{
		"third-party/helm":                     "third-party-best-effort customer best-effort customer support.third-party-oss",
		"third-party/istio":                    "third-party customer not-covered customer support.third-party-oss",
		"closed-source/scanner":                "closed-source customer not-covered customer support.closed-source",
		"multi-cloud":                          "multi-cloud customer not-covered customer support.multi-cloud",
		"how-to":                               "how-to customer not-covered customer support.how-to",
		"advice/autoscaling":                   "advice provider covered none support.advice",
		"custom-network/own-cni":               "custom-network customer not-covered customer network.undocumented",
		"nsg-bug":                              "nsg-bug provider covered escalation network.nsg-bugs",
		"configmap/kube-system/coredns-custom": "dns-custom customer covered customer support.control-plane,dns.managed",
		"upstream/kubernetes-1":                "upstream-bug upstream covered none upstream.bugs",
		"kube-apiserver":                       "control-plane provider covered automatic control-plane.managed",
		"container/default/shop-1/shop":        "customer customer not-covered customer workloads.customer",
		"container/kube-system/coredns-1/":     "managed-dns provider covered automatic dns.managed",
	} {
		for _, id := range both {
			if got, err := edition(t, id).Matter(timeline.Event{Subject: subject}); err != nil || brief(got) != want {
				t.Errorf("%s by %s: got %s, %v\nwant %s", subject, id, brief(got), err, want)
			}
		}
	}
	if _, err := edition(t, "2019-04").Matter(timeline.Event{Subject: "etdc"}); err == nil || !strings.Contains(err.Error(), "did you mean etcd?") {
		t.Errorf("unknown matter: %v", err)
	}
}

// TestEveryRuleIsTested fails if the tests of this file want no judgement by a rule.
func TestEveryRuleIsTested(t *testing.T) {
	used := map[string]bool{"customer-daemonset": true} // of one edition only: here
	e := edition(t, "2026-08")
	w := world(ev("1m", customer, "applied", "daemonset/default/tuner", 0, ""), ev("2m", node, "failed", "kubelet/a", 1, ""))
	if got, err := e.Event(w, 2); err != nil || brief(got) != "customer-daemonset customer not-covered automatic nodes.daemonsets,nodes.self-healing" {
		t.Errorf("got %s, %v", brief(got), err)
	}
	source := readTest(t, "judge_test.go")
	for _, e := range Editions() {
		for _, r := range e.Rules {
			if !used[r.ID] && !strings.Contains(source, `"`+r.ID+" "+r.Owner) {
				t.Errorf("no test judges by rule %s of %s", r.ID, e.ID)
			}
		}
	}
}

// TestChains follows causes that are deep, that are not there, and that go round.
func TestChains(t *testing.T) {
	deep := world(
		ev("1m", customer, "ran", "node/a", 0, "azureuser ran: sudo systemctl stop kubelet"),
		ev("2m", node, "failed", "kubelet/a", 1, ""),
		ev("3m", kubernetes, "evicted", "pod/default/shop-1", 2, ""),
		ev("4m", node, "crashed", "container/default/shop-1/shop", 3, ""),
		ev("5m", kubernetes, "noticed", "service/default/shop", 4, "no endpoints"),
	)
	for _, tt := range []struct {
		name  string
		world World
		seq   int64
		chain []int64
		owner string
	}{
		{"five deep", deep, 5, []int64{5, 4, 3, 2, 1}, Customer},
		{"dangling", world(ev("1m", node, "failed", "kubelet/a", 99, "")), 1, []int64{1}, Provider},
		{"itself", world(ev("1m", customer, "ran", "node/a", 1, "azureuser ran: id")), 1, []int64{1}, Customer},
		{"a loop", world(ev("1m", platform, "powered-off", "node/a", 2, ""), ev("2m", node, "failed", "kubelet/a", 1, "")), 2, []int64{2, 1}, Provider},
		{"negative", world(ev("1m", platform, "powered-off", "node/a", -5, "")), 1, []int64{1}, Provider},
	} {
		for _, id := range both {
			got, err := edition(t, id).Event(tt.world, tt.seq)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.chain, got.Chain); diff != "" || got.Owner != tt.owner {
				t.Errorf("%s by %s: owner %s, chain (-want +got):\n%s", tt.name, id, got.Owner, diff)
			}
		}
	}
}

// TestUnknown names what there is.
func TestUnknown(t *testing.T) {
	e := edition(t, "2019-04")
	w := world(ev("1m", customer, "ran", "node/a", 0, "azureuser ran: id")).out("node/a", 1, "1m", "")
	for want, do := range map[string]func() error{
		"there is no event 7: the timeline has 1 to 1": func() error { _, err := e.Event(w, 7); return err },
		"there is no event 1: the timeline is empty":   func() error { _, err := e.Event(World{}, 1); return err },
		`there is no incident "i9": want one of i1`:    func() error { _, err := e.Incident(w, "i9"); return err },
		`there is no incident "i9": there has been none so far`: func() error {
			_, err := e.Incident(World{}, "i9")
			return err
		},
		`no edition "2019-4" of the support policy (did you mean 2019-04?): want 2019-04 or 2026-08`: func() error {
			_, err := Lookup("2019-4")
			return err
		},
	} {
		if got := fmt.Sprint(do()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestIncidentWithoutEvent goes by what the incident itself says.
func TestIncidentWithoutEvent(t *testing.T) {
	w := World{Now: after("1h"), Incidents: []api.Incident{{ID: "i1", Subject: "kubelet/a", Owner: customer, Cause: "stopped", Start: after("1m"), End: after("2m")}}}
	got, err := edition(t, "2019-04").Incident(w, "i1")
	if err != nil || got.Owner != Customer || len(got.Chain) != 0 || sharesOf(got) != "customer 1m0s-2m0s" {
		t.Errorf("got %+v, %v", got, err)
	}
}
