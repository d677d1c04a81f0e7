package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestKubeletTakesItsConditionsBack(t *testing.T) {
	status := func(ready, scheduled corev1.ConditionStatus) *corev1.PodStatus {
		return &corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: ready}, {Type: corev1.PodScheduled, Status: scheduled},
		}}
	}
	own := status(corev1.ConditionTrue, corev1.ConditionTrue)
	for _, tt := range []struct {
		name string
		api  *corev1.PodStatus
		want bool
	}{
		{"the same", own, false},
		{"marked not ready by the node lifecycle controller", status(corev1.ConditionFalse, corev1.ConditionTrue), true},
		{"the scheduler's condition is not the kubelet's", status(corev1.ConditionTrue, corev1.ConditionFalse), false},
		{"not written yet", &corev1.PodStatus{}, false},
	} {
		if got := contradicts(tt.api, own); got != tt.want {
			t.Errorf("%s: contradicts = %v, want %v", tt.name, got, tt.want)
		}
	}
}
