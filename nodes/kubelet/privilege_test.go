package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

func TestAdministersNetwork(t *testing.T) {
	with := func(add ...corev1.Capability) *corev1.SecurityContext {
		return &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: add, Drop: []corev1.Capability{"ALL"}}}
	}
	for _, c := range []struct {
		context *corev1.SecurityContext
		want    bool
	}{
		{nil, false},
		{&corev1.SecurityContext{Privileged: ptr.To(false)}, false},
		{&corev1.SecurityContext{Privileged: ptr.To(true)}, true},
		{with("NET_RAW"), false},
		{with("NET_ADMIN"), true},
		{with("cap_net_admin"), true},
		{with("ALL"), true},
	} {
		if got := administersNetwork(c.context); got != c.want {
			t.Errorf("%+v: got %t", c.context, got)
		}
	}
}
