package drain

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"
	core "k8s.io/client-go/testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvict(t *testing.T) {
	pod := func(name, owner, of string, change func(*corev1.Pod)) runtime.Object {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.PodSpec{NodeName: "a"}}
		if owner != "" {
			yes := true
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: owner, Name: of, Controller: &yes}}
		}
		if change != nil {
			change(p)
		}
		return p
	}
	client := fake.NewClientset(
		&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "logs"}},
		pod("web", "ReplicaSet", "web", nil),
		pod("bare", "", "", nil),
		pod("finished-job", "Job", "job", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
		pod("logs", "DaemonSet", "logs", nil),
		pod("failed-logs", "DaemonSet", "logs", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }),
		pod("orphan", "DaemonSet", "deleted", nil),
		pod("static", "Node", "a", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }),
		pod("ending", "ReplicaSet", "web", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{}; p.Finalizers = []string{"x/y"} }),
		pod("guarded", "ReplicaSet", "web", func(p *corev1.Pod) { p.Labels = map[string]string{"app": "web"} }),
		&policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
			Status:     policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 1, DesiredHealthy: 1, ExpectedPods: 2},
		},
		&policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "another"},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}},
		},
	)
	var evicted []string
	client.PrependReactor("create", "pods", func(action core.Action) (bool, runtime.Object, error) {
		name := action.(core.CreateAction).GetObject().(metav1.Object).GetName()
		if name == "guarded" {
			return true, nil, apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
		}
		evicted = append(evicted, name)
		return true, nil, nil
	})
	left, blocked, err := Evict(t.Context(), client, "a")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"bare", "failed-logs", "finished-job", "orphan", "web"}, evicted); d != "" {
		t.Errorf("evicted (-want +got):\n%s", d)
	}
	Explain(t.Context(), client, blocked)
	want := []Blocked{{"shop/guarded", "Cannot evict pod as it would violate the pod's disruption budget.", []Budget{{
		Name: "web", Limit: "MinAvailable", Value: "1", Healthy: 1, DesiredHealthy: 1, Expected: 2, Unready: []string{"guarded"},
	}}}}
	if d := cmp.Diff(want, blocked); d != "" {
		t.Fatalf("blocked (-want +got):\n%s", d)
	}
	const line = "shop/guarded blocked by pdb web (MinAvailable: 1) (CurrentHealthy: 1) (DesiredHealthy: 1) (ExpectedPods: 2) with 1 unready pods: [guarded]"
	if got := blocked[0].String(); got != line {
		t.Errorf("got %s\nwant %s", got, line)
	}
	if left != 7 {
		t.Errorf("left: got %d, want the evicted, the one that ends and the one that is guarded", left)
	}
}
