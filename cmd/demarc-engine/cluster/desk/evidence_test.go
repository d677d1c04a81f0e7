package desk

import (
	"strings"
	"testing"
	"time"

	"demarc/sim/desk"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestLookReadsOutputs reads what the commands of a look print.
func TestLookReadsOutputs(t *testing.T) {
	const status = "● kubelet.service - Kubelet\n     Loaded: loaded (/etc/x; enabled)\n     Active: active (running) since Mon\n   Main PID: 7 (kubelet)\n" +
		"\n○ containerd.service - containerd container runtime\n     Active: inactive (dead)\n"
	want := []desk.Unit{{Name: "kubelet", Active: "active (running) since Mon"}, {Name: "containerd", Active: "inactive (dead)"}}
	if diff := cmp.Diff(want, unitsIn(status)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := percentIn("Filesystem      Size  Used Avail Use% Mounted on\n/dev/root       124G  113G   11G   92% /\n"); got != 92 {
		t.Errorf("got %d%%", got)
	}
	if got := percentIn("df: no such thing"); got != -1 {
		t.Errorf("got %d%%", got)
	}
}

func TestPodProblem(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	running := func(since time.Duration, ready bool) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: "c", Ready: ready, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-since))}}}
	}
	waiting := func(reason string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: "c", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
	}
	restarted := running(time.Minute, true)
	restarted.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: metav1.NewTime(now.Add(-time.Minute))}
	old := running(time.Hour, true)
	old.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: metav1.NewTime(now.Add(-time.Hour))}
	for want, s := range map[string][]corev1.ContainerStatus{
		"CrashLoopBackOff": {running(time.Hour, true), waiting("CrashLoopBackOff")}, "exit code 137 (OOMKilled)": {restarted}, "is not ready": {running(time.Hour, false)},
		"": {running(time.Hour, true), running(time.Minute, false), waiting("ContainerCreating"), old},
	} {
		got := podProblem(corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: s}}, now)
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAllowsDNS(t *testing.T) {
	port := func(p intstr.IntOrString, end int32) networkingv1.NetworkPolicyEgressRule {
		x := networkingv1.NetworkPolicyPort{Port: &p}
		if end > 0 {
			x.EndPort = &end
		}
		return networkingv1.NetworkPolicyEgressRule{Ports: []networkingv1.NetworkPolicyPort{x}}
	}
	for _, tt := range []struct {
		rule networkingv1.NetworkPolicyEgressRule
		want bool
	}{
		{networkingv1.NetworkPolicyEgressRule{}, true}, {port(intstr.FromInt32(53), 0), true}, {port(intstr.FromString("dns"), 0), true},
		{port(intstr.FromInt32(50), 60), true}, {port(intstr.FromInt32(443), 0), false}, {port(intstr.FromInt32(54), 60), false},
	} {
		if got := allowsDNS(tt.rule); got != tt.want {
			t.Errorf("%+v: got %v", tt.rule, got)
		}
	}
}
