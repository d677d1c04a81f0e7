package nodes

import (
	"fmt"
	"testing"
	"time"

	"demarc/nodes/timers"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"
)

// BenchmarkFleet measures what the machines of a large fleet cost by
// themselves: a second of 1,000 nodes with 10,000 pods whose readiness is
// probed every ten seconds, without what is written to the API server.
func BenchmarkFleet(b *testing.B) {
	const nodes, perNode = 1000, 10
	f, err := NewFleet(Config{ClusterName: "bench", Nodes: nodes, Client: fake.NewClientset()})
	if err != nil {
		b.Fatal(err)
	}
	now := timers.Tick(time.Now())
	for i := range nodes * perNode {
		p := testPod(f, fmt.Sprint("p", i), func(p *corev1.Pod) {
			p.Spec.NodeName = f.machines()[i%nodes].Name
			p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}},
				PeriodSeconds: 10, FailureThreshold: 3, SuccessThreshold: 1,
			}
		})
		f.podSeen(p, false)
	}
	advance := func() {
		for more := true; more; {
			_, more = f.timers.StepDue(now)
		}
		now = now.Add(time.Second)
	}
	for range 15 {
		advance()
	}
	if got := f.Containers()[0].State; got != "running" {
		b.Fatalf("state = %s, want running", got)
	}
	b.ReportAllocs()
	for b.Loop() {
		advance()
	}
}
