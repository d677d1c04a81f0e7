package scenarios_test

import (
	"slices"
	"testing"

	"demarc/scenarios"
)

// families are the built-in scenarios by what they are about. The first of each is
// played by go test -short: a short one, or a behaviour that everybody relies on.
var families = []family{
	{"the control plane is lost", []string{"control-plane-lost", "apiserver-flapping", "apiserver-lost", "changes-wait-for-the-control-plane",
		"container-crash-while-control-plane-is-lost", "links-break-and-heal", "no-mass-eviction-on-return",
		"node-breaks-while-control-plane-is-down", "node-dies-while-control-plane-is-lost",
		"outage-prolonged-by-lost-control-plane", "rollout-interrupted", "scheduler-and-controller-manager-lost",
		"watchdog-restarts-what-crashes-and-hangs"}},
	{"etcd is lost", []string{"etcd-lost", "etcd-member-lost-changes-nothing", "etcd-quorum-lost-and-regained-without-restore", "slow-etcd-is-no-outage"}},
	{"customers break the control plane", []string{"etcd-full-of-revisions", "api-server-flooded", "etcd-full", "webhook-hangs"}},
	{"backup and restore", []string{"restore-from-backup", "backup-every-30-minutes", "backup-late-is-the-providers",
		"customer-cannot-reach-backups", "disk-full-never-loses-a-good-backup", "provider-leader-lost-mid-backup",
		"restore-picks-the-previous-backup-when-the-newest-is-corrupt", "restore-undoes-a-rollout"}},
	{"nodes heal", []string{"customer-stops-kubelet", "all-nodes-broken", "bad-patch-breaks-node", "broken-by-hand-2026", "customer-blocks-443",
		"customer-breaks-tunnel", "customer-fills-disk", "customer-kills-kube-proxy", "customer-only-looks",
		"customer-removes-container-runtime", "customer-updates-kernel-and-node-will-not-boot", "repair-exhausted",
		"node-off-needs-no-escalation-2026", "three-deep-chain", "two-of-three-nodes-broken"}},
	{"by whom", []string{"node-off-by-whom", "crash-of-a-container-by-whom", "disk-filled-by-whom", "kube-proxy-killed-by-whom",
		"reboot-while-the-api-server-is-lost", "reboot-while-the-scheduler-is-lost", "reboots-by-whom", "runtime-removed-by-whom", "shop-loses-its-node-by-whom", "two-break-one-node", "unrelated-events-change-nothing"}},
	{"add-ons", []string{"customer-edits-kube-proxy", "admissions-enforcer", "hpa-follows-traffic", "coredns-deleted-twice", "customer-deletes-coredns", "customer-deletes-metrics-server", "dns-is-out-until-it-answers",
		"rbac-of-the-scheduler-deleted", "webhook-blocks-leases", "webhook-by-service"}},
	{"patches", []string{"cve-on-nodes-hot-patch", "blocked-egress-gets-no-patches", "cve-in-managed-component", "cve-on-nodes-awaits-reboot",
		"kured-reboots-one-at-a-time", "os-patches-nightly"}},
	{"upgrades", []string{"upgrade-skips-no-minor", "upgrade-blocked-by-pdb", "upgrade-by-the-customer", "image-too-old", "maintenance-window-kept", "upgrade-goes-on-after-a-restore",
		"upgrade-of-a-single-api-server", "upgrade-survives-leader-loss"}},
	{"features", []string{"alpha-gate-is-refused", "alpha-gate-allowed-but-unsupported", "beta-gate-is-supported-in-2026",
		"beta-gate-is-unsupported-in-2019", "preview-not-registered-is-refused", "preview-registered"}},
	{"the cloud", []string{"nsg-custom-rule", "customer-deletes-vm-out-of-band", "egress-443-blocked", "iaas-stop-and-start",
		"iaas-system-tag-changed", "iaas-tags", "last-system-pool-stays", "nodepool-added-takes-tainted-workloads", "nodepool-deleted-drains", "nodepool-scales", "share-deleted-past-aks", "cluster-stopped-and-started", "share-read-by-many", "scheduled-event-reboots-node", "spot-eviction", "surge-node-behind-a-rule", "vm-deleted-during-an-upgrade", "zone-outage-with-and-without-spread"}},
	{"the cluster autoscaler", []string{"autoscaler-at-maximum", "autoscaler-follows-load", "autoscaler-keeps-what-it-may-not-move"}},
	{"load balancers", []string{"load-balancer-source-ranges", "internal-load-balancer", "local-traffic-policy-follows-pods", "load-balancer-bad-annotation",
		"load-balancer-edited-behind-the-back", "cloud-fails-load-balancers"}},
	{"the network", []string{"network-policy-denies", "network-policy-none-ignores", "coredns-custom-broken", "dns-upstream-lost", "ingress-misconfigured", "ingress-survives-control-plane-loss", "packet-loss-10-percent", "route-deleted", "probe-asks-over-a-slow-link", "slow-link-is-no-outage", "snat-exhaustion", "subnet-exhausted"}},
	{"disks", []string{"disk-follows-its-pod", "claims-get-disks", "cloud-throttles", "disk-stays-in-its-zone", "disk-taken-from-a-silent-node", "multi-attach-after-silent-node",
		"reimage-keeps-disks-loses-emptydir", "restore-and-file-shares", "restore-believes-in-deleted-disks", "restore-orphans-disks"}},
	{"support", []string{"support-third-party", "consent-required", "escalation-restarts-a-node-with-care", "support-control-plane",
		"support-dns", "support-looks-only-with-consent", "support-questions", "support-restarts-only-on-escalation",
		"support-security-group", "support-today-gives-best-effort", "support-unsupported-cluster",
		"support-upstream-bug", "support-without-consent"}},
	{"whose requests fail", []string{"shop-scaled-to-nought", "customer-taints-every-node", "drain-of-every-node",
		"image-that-does-not-exist", "liveness-probe-at-a-wrong-port",
		"namespace-deleted-with-its-shop", "new-image-crash-loops", "quota-stops-a-rollout", "rule-closes-the-shops-port",
		"scaled-to-nought-while-the-node-is-off", "selector-matches-nothing", "service-deleted", "webhook-blocks-new-pods"}},
	{"workloads", []string{"workload-basics", "backend-refused-in-free-run", "crash-loop-back-off", "known-images-are-ready", "pods-ask-the-api-server", "printed-on-the-node", "volumes-share-refresh-and-wait", "what-a-kubelet-refuses", "what-ends-by-itself"}},
}

// family is what its scenarios are about, and they.
type family struct {
	about     string
	scenarios []string
}

// firsts are the first scenarios of the families.
func firsts() (names []string) {
	for _, f := range families {
		names = append(names, f.scenarios[0])
	}
	return names
}

// TestFamilies checks that each scenario has a family and only one.
func TestFamilies(t *testing.T) {
	var all []string
	for _, f := range families {
		all = append(all, f.scenarios...)
	}
	slices.Sort(all)
	for i, name := range all {
		if !slices.Contains(scenarios.Names(), name) {
			t.Errorf("the family of %s: there is no such scenario", name)
		}
		if i > 0 && all[i-1] == name {
			t.Errorf("%s is in two families", name)
		}
	}
	for _, name := range scenarios.Names() {
		if !slices.Contains(all, name) {
			t.Errorf("%s is in no family: add it to the table in families_test.go", name)
		}
	}
}
