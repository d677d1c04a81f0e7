package nodes

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/network"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
)

// Nodes enforce what they have heard of, and go on with it while they hear nothing. Without
// an engine nobody asks for policies, and all pods reach each other.
func TestNodesEnforcePolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, engine := range []api.NetworkPolicy{api.NetworkPolicyNone, api.NetworkPolicyAzure} {
			enforces := engine == api.NetworkPolicyAzure
			w := makeWorld(t, Config{Nodes: 2, NetworkPolicy: engine}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}})
			w.pass(time.Second)
			w.create(testPod(w.f, "web"))
			w.create(testPod(w.f, "client", func(p *corev1.Pod) { p.Spec.NodeName = w.f.machines()[1].Name }))
			w.pass(10 * time.Second)
			node := w.f.machines()[0].Name
			reaches := func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				conn, err := w.f.Network().Dial(ctx, network.Origin{Node: w.f.machines()[1].Name}, w.pod("web").Status.PodIP+":80")
				if err == nil {
					conn.Close()
				}
				return err == nil
			}
			want := func(about string, want bool) {
				t.Helper()
				w.pass(2 * time.Second)
				if got := reaches(); got != want {
					t.Errorf("%s, %s: got %t", engine, about, got)
				}
			}
			want("no policy", true)
			policies := w.api.NetworkingV1().NetworkPolicies("default")
			deny := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny", Namespace: "default"}}
			if _, err := policies.Create(t.Context(), deny, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			want("denied", !enforces)
			w.f.mu.Lock()
			w.f.named(node).Blocked = "a rule" // the node hears nothing
			w.f.mu.Unlock()
			if err := policies.Delete(t.Context(), "deny", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			want("the policy is gone, and its node has not heard of it", !enforces)
			w.f.mu.Lock()
			w.f.named(node).Blocked = ""
			w.f.timers.Wake(w.f.proxy)
			w.f.mu.Unlock()
			want("it has", true)
			asked := slices.ContainsFunc(w.api.Actions(), func(a clienttesting.Action) bool {
				return strings.Contains("networkpolicies namespaces", a.GetResource().Resource) && (a.GetVerb() == "list" || a.GetVerb() == "watch")
			})
			if asked != enforces {
				t.Errorf("%s: asked for policies: %t", engine, asked)
			}
			w.stop()
		}
	})
}
