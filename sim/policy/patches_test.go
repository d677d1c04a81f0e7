package policy

import (
	"strings"
	"testing"

	"demarc/sim/timeline"
)

// patchWorld is what the engine puts on the timeline of a bad patch that reaches one
// node at night and another by its customer's hand, and of vulnerabilities.
func patchWorld() World {
	return world(
		ev("1m", timeline.Provider, "published", "patch/openssl", 0, "openssl 3.0.2-0ubuntu1.21 is in the archives; it needs a reboot"), // 1
		ev("10m", timeline.Provider, "patched", "node/a", 1, "unattended-upgrades installed openssl 3.0.2-0ubuntu1.21"),
		ev("10m", timeline.Node, "needs reboot", "node/a", 2, "a reboot makes effective: openssl"), // 3
		ev("10m", timeline.Node, "failed", "kubelet/a", 2, "kubelet.service does not run: failed (Result: exit-code)"),
		ev("20m", timeline.Customer, "ran", "node/b", 0, "azureuser ran: sudo apt-get install -y openssl"), // 5
		ev("20m", timeline.Node, "failed", "kubelet/b", 5, "kubelet.service does not run: failed (Result: exit-code)"),
		ev("30m", timeline.Customer, "changed", "nsg", 0, "network security group rule no-web: Deny outbound * to Internet, ports 80", deny("no-web", "*", "80")), // 7
		ev("31m", timeline.Node, "failed to patch", "node/c", 7, "unattended-upgrades: E: Failed to fetch"),
		ev("40m", timeline.Provider, "published", "cve/CVE-2026-1", 0, "CVE-2026-1 in kernel, severity high; mended by: reboot"), // 9
		ev("50m", timeline.Provider, "published", "patch/linux-image-azure", 9, "linux-image-azure 5.15.0.1111.108 is in the archives; it needs a reboot"),
		ev("50m", timeline.Provider, "patched", "node/c", 9, "unattended-upgrades installed linux-image-azure 5.15.0.1111.108"), // 11
		ev("50m", timeline.Provider, "awaits reboot", "cve/CVE-2026-1", 9, "the customer is told to reboot the nodes"),
		ev("80m", timeline.Provider, "fixed", "cve/CVE-2026-1", 9, "nothing runs any more that has it"), // 13
		ev("81m", timeline.Provider, "published", "cve/CVE-2026-2", 0, "CVE-2026-2 in openssl, severity high; mended by: hot-patch"),
		ev("82m", timeline.Provider, "hot-patched", "cve/CVE-2026-2", 14, "openssl 3.0.2-0ubuntu1.22 runs on every node"), // 15
		ev("83m", timeline.Provider, "published", "cve/CVE-2026-3", 0, "CVE-2026-3 in kube-apiserver, severity high; mended by: patch"),
		ev("84m", timeline.Provider, "patched", "kube-apiserver", 16, "it was restarted with the provider's build aks.1, for CVE-2026-3"), // 17
		ev("84m", timeline.Provider, "patched", "cve/CVE-2026-3", 16, "kube-apiserver runs the provider's build aks.1"),
		ev("85m", timeline.Provider, "notified", "cve/CVE-2026-4", 0, "the customer is told: upgrade the node image"), // 19
	).out("kubelet/a", 4, "10m", "30m").out("kubelet/b", 6, "20m", "40m")
}

// TestPatchesAreJudged checks that what the engine tells of patches is judged as the
// policy says: whose patch broke it, and whose the reboot is.
func TestPatchesAreJudged(t *testing.T) {
	for _, id := range both {
		j := edition(t, id).Judge(patchWorld())
		for _, tt := range []struct {
			event       int64
			owner, rule string
		}{
			{1, "provider", "patch"}, {2, "provider", "patch"}, {3, "customer", "needs-reboot"}, {4, "provider", "patch"},
			{6, "customer", "customer-breaks-node"}, {8, "customer", "nsg"}, {9, "provider", "cve"}, {10, "provider", "cve"}, {11, "provider", "cve"},
			{12, "customer", "cve-customer"}, {15, "provider", "cve-hot-patch"}, {17, "provider", "cve"}, {18, "provider", "cve"}, {19, "customer", "cve-customer"},
		} {
			v, err := j.Event(tt.event)
			if err != nil {
				t.Fatal(err)
			}
			if id == "2026-08" && tt.rule == "customer-breaks-node" {
				tt.rule = v.Rule // that edition has rules of its own for who breaks nodes
			}
			if v.Owner != tt.owner || v.Rule != tt.rule {
				t.Errorf("%s: event %d is %s's by rule %s, want %s's by %s: %s", id, tt.event, v.Owner, v.Rule, tt.owner, tt.rule, v.Sentence)
			}
		}
		for incident, owner := range map[string]string{"i1": "provider", "i2": "customer"} {
			if v, err := j.Incident(incident); err != nil || v.Owner != owner {
				t.Errorf("%s: incident %s is %s's, want %s's: %s, %v", id, incident, v.Owner, owner, v.Sentence, err)
			}
		}
	}
}

// TestUnmendedCVEPutsAtRisk checks that a vulnerability that waits for the customer
// puts the cluster at risk, until it is fixed.
func TestUnmendedCVEPutsAtRisk(t *testing.T) {
	for _, id := range both {
		w := patchWorld()
		w.Events = w.Events[8:13]
		for now, want := range map[string]string{"45m": StateSupported, "60m": StateAtRisk, "90m": StateSupported} {
			w.Now = after(now)
			s, err := edition(t, id).Support(w)
			if err != nil {
				t.Fatal(err)
			}
			if s.State != want {
				t.Errorf("%s at %s: %s, want %s: %+v", id, now, s.State, want, s.Reasons)
			}
			if want == StateAtRisk && (s.Reasons[0].Clause != "security.cve-nodes" || !strings.Contains(s.Reasons[0].Sentence, "CVE-2026-1")) {
				t.Errorf("%s: %+v", id, s.Reasons[0])
			}
		}
	}
}
