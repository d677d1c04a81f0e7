package nodes

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/network"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// coreDNS makes the pod a CoreDNS with its Corefile in a ConfigMap dns.
func coreDNS(p *corev1.Pod) {
	c := &p.Spec.Containers[0]
	c.Image, c.Args, c.Ports = "coredns/coredns:1.12.1", []string{"-conf", "/dns/Corefile"}, nil
	volumes(configMapVolume("dns"))(p)
}

// corefile has a server with one name, and what else is said.
func corefile(ip, more string) *corev1.ConfigMap {
	return configMap("dns", "Corefile", ".:53 {\n reload\n errors\n hosts {\n  "+ip+" db.corp.test\n }\n "+more+"\n}\n")
}

// resolved is the address of db.corp.test, asked at the pod from its node.
func (w *world) resolved(pod string) string {
	w.t.Helper()
	records, err := w.f.Network().Query(context.Background(), network.Origin{Node: w.f.machines()[0].Name},
		network.Question{Name: "db.corp.test", Type: "A", Server: netip.MustParseAddr(w.pod(pod).Status.PodIP)})
	if err != nil || len(records) != 1 {
		return "none"
	}
	return records[0].Data
}

// TestCoreDNSGoesOnWithABrokenCorefile changes the ConfigMap of a CoreDNS that runs: a good
// Corefile is taken over within two minutes, and a broken one not before the container starts
// anew, be the engine stopped meanwhile.
func TestCoreDNSGoesOnWithABrokenCorefile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := corefile("10.1.0.1", "")
		w := newWorld(t, 1, nil, first)
		w.create(testPod(w.f, "dns", coreDNS))
		w.pass(20 * time.Second)
		if got := w.resolved("dns"); got != "10.1.0.1" {
			t.Fatalf("at first: got %s; it logs %s", got, w.logged("dns"))
		}
		change := func(c *corev1.ConfigMap) {
			if _, err := w.api.CoreV1().ConfigMaps("default").Update(context.Background(), c, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		change(corefile("10.1.0.2", ""))
		w.pass(2 * time.Minute)
		if got := w.resolved("dns"); got != "10.1.0.2" {
			t.Errorf("changed: got %s; it logs %s", got, w.logged("dns"))
		}
		broken := corefile("10.1.0.3", "foo")
		change(broken)
		w.pass(2 * time.Minute)
		if got := w.resolved("dns"); got != "10.1.0.2" || !strings.Contains(w.logged("dns"), "reload failed: /dns/Corefile:7 - Error during parsing: Unknown directive 'foo'") {
			t.Errorf("broken: got %s; it logs %s", got, w.logged("dns"))
		}

		state, err := w.f.Save()
		if err != nil {
			t.Fatal(err)
		}
		before := w.pod("dns")
		w.stop()
		w = newWorld(t, 1, state, before, broken)
		w.pass(time.Minute)
		if got := w.resolved("dns"); got != "10.1.0.2" || w.pod("dns").Status.ContainerStatuses[0].RestartCount != 0 {
			t.Errorf("after a resume: got %s; it logs %s", got, w.logged("dns"))
		}
		if _, err := w.f.CrashContainer("default", "dns", "c", 137, "", "customer"); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Minute)
		if got := w.phase("dns"); got != "CrashLoopBackOff" || !strings.Contains(w.logged("dns"), "/dns/Corefile:7 - Error during parsing: Unknown directive 'foo'") {
			t.Errorf("started anew it is %s, and logs %s", got, w.logged("dns"))
		}
		change(corefile("10.1.0.4", ""))
		w.pass(6 * time.Minute)
		if got := w.resolved("dns"); got != "10.1.0.4" {
			t.Errorf("mended: got %s; it is %s and logs %s", got, w.phase("dns"), w.logged("dns"))
		}
		w.stop()
	})
}
