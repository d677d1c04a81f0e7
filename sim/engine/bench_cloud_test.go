package engine_test

import (
	"fmt"
	"testing"
	"time"

	"demarc/sim/api"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The benchmarks of the cloud are of engines whose state is kept, as a user's is: each call
// of the cloud is saved.

// BenchmarkClaims1000 is 1,000 PersistentVolumeClaims that are bound, attached and mounted
// on 100 nodes: ten for each StatefulSet of a hundred. The nodes are there before.
func BenchmarkClaims1000(b *testing.B) {
	const nodes, sets, each = 100, 100, 10
	path := built(b)
	for b.Loop() {
		x := launchAs(b, path, api.EngineConfig{Cluster: api.ClusterSpec{Nodes: 1}})
		x.addPool(api.AddPoolRequest{Name: "data", Count: nodes, PoolShape: api.PoolShape{Size: "Standard_D8s_v5"}})
		before, began := x.status().Now, time.Now()
		cpu := x.p.Spent().Seconds()
		statefulSets := x.kube.AppsV1().StatefulSets(metav1.NamespaceDefault)
		for i := range sets {
			if _, err := statefulSets.Create(b.Context(), shelf(fmt.Sprintf("shelf-%d", i), each), metav1.CreateOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		for ready := int32(0); ready < sets*each; {
			time.Sleep(200 * time.Millisecond)
			list, err := statefulSets.List(b.Context(), metav1.ListOptions{})
			if err != nil {
				b.Fatal(err)
			}
			ready = 0
			for _, s := range list.Items {
				ready += s.Status.ReadyReplicas
			}
		}
		b.ReportMetric(time.Since(began).Seconds(), "mounted-s")
		b.ReportMetric(x.p.Spent().Seconds()-cpu, "mounted-cpu-s")
		b.ReportMetric(x.status().Now.Sub(before).Minutes(), "virtual-min")
		x.reportCost()
		x.p.Kill()
	}
}

// addPool adds a node pool and waits until it is there.
func (x *big) addPool(r api.AddPoolRequest) {
	x.b.Helper()
	op, err := x.p.Client.AddNodePool(x.b.Context(), r)
	for err == nil && op.InProgress() {
		time.Sleep(200 * time.Millisecond)
		var list []api.Operation
		if list, err = x.p.Client.Operations(x.b.Context()); err == nil {
			op = list[len(list)-1]
		}
	}
	if err != nil || op.Error != "" {
		x.b.Fatalf("node pool %s: %v %s", r.Name, err, op.Error)
	}
}

// shelf is a StatefulSet of pods that each have a managed disk, all made at once, on nodes of
// the pool "data".
func shelf(name string, replicas int32) *appsv1.StatefulSet {
	labels := map[string]string{"app": name}
	class := "managed-csi"
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, PodManagementPolicy: appsv1.ParallelPodManagement,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"agentpool": "data"},
					Containers: []corev1.Container{{
						Name: name, Image: "nginx", VolumeMounts: []corev1.VolumeMount{{Name: "books", MountPath: "/books"}},
					}},
				},
			},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
				ObjectMeta: metav1.ObjectMeta{Name: "books"},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
					Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("4Gi")}},
				},
			}},
		},
	}
}

// BenchmarkLoadBalancer is from the creation of a Service of type LoadBalancer to its
// address, in free run.
func BenchmarkLoadBalancer(b *testing.B) {
	x := launchAs(b, built(b), api.EngineConfig{Cluster: api.ClusterSpec{Nodes: 3}})
	services := x.kube.CoreV1().Services(metav1.NamespaceDefault)
	n := 0
	for b.Loop() {
		n++
		s, err := services.Create(b.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("shop-%d", n)},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "shop"},
				Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}},
			},
		}, metav1.CreateOptions{})
		for err == nil && len(s.Status.LoadBalancer.Ingress) == 0 {
			time.Sleep(time.Millisecond)
			s, err = services.Get(b.Context(), s.Name, metav1.GetOptions{})
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := services.Delete(b.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
