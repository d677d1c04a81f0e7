package network

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A program whose ports nobody knows answers where a Service sends to, and nowhere else.
func TestTargeted(t *testing.T) {
	f := newFabric()
	f.nodes = []string{"a"}
	s := svc("shop", "10.0.0.10")
	f.program([]*corev1.Service{s}, slice(s, 3000, ep("10.244.0.2", "a")))
	for to, want := range map[string]bool{"10.244.0.2:3000": true, "10.244.0.2:80": false, "10.244.0.3:3000": false} {
		if got := f.Rules("a").Targeted(mustAddrPort(to), false); got != want {
			t.Errorf("%s: got %t", to, got)
		}
	}
	if f.Rules("a").Targeted(mustAddrPort("10.244.0.2:3000"), true) {
		t.Error("by a datagram: got true")
	}
	var none *Rules
	if none.Targeted(mustAddrPort("10.244.0.2:3000"), false) {
		t.Error("without rules: got true")
	}
}
