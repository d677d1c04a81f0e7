package example

import (
	"context"
	"testing"
	"time"

	"demarc/demarctest"

	"github.com/go-logr/logr/testr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// TestControlPlaneIsLost has the provider lose the whole control plane for an hour. The
// workload goes on; the controller waits, connects again, and does what there is to do.
func TestControlPlaneIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	cluster := demarctest.Start(t, demarctest.Nodes(2), demarctest.Rate("10x"))
	customer := runController(t, cluster.Config())

	// The controller works.
	create(t, customer, deployment("web"))
	cluster.Check(`object("v1", "Service", "default", "web") != null`, demarctest.Within(5*time.Minute))
	cluster.Check(`deployments.exists(d, d.metadata.name == "web" && d.?status.?readyReplicas.orValue(0) == 2)`, demarctest.Within(5*time.Minute))

	// The control plane is gone for an hour. No container notices.
	lost := cluster.Fault("crash control-plane hold=yes")
	if err := customer.List(t.Context(), &corev1.PodList{}); err == nil {
		t.Fatal("the API server still answers")
	}
	cluster.Advance(time.Hour)
	cluster.Check(`!components["kube-apiserver"].healthy`)
	cluster.Check(`containers.filter(c, c.pod.startsWith("web-")).size() == 2 &&
		containers.filter(c, c.pod.startsWith("web-")).all(c, c.state == "running" && c.restarts == 0)`)

	// It is back, and so is the controller: what is asked of it now it does.
	lost.End()
	cluster.Check(`components.all(name, components[name].healthy)`, demarctest.Within(10*time.Minute))
	create(t, customer, deployment("late"))
	if err := customer.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}); err != nil {
		t.Fatal(err)
	}
	cluster.Check(`["web", "late"].all(name, services.exists(s, s.metadata.name == name))`, demarctest.Within(20*time.Minute))
}

// runController runs the controller in the test's process, as its main would, until the test
// ends, and returns a client for the test.
func runController(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	m, err := ctrl.NewManager(config, ctrl.Options{
		Logger: testr.New(t), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Exposer{m.GetClient()}).SetupWithManager(m); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager has failed: %v", err)
		}
	})
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create creates an object; an API server that has just come back is asked again.
func create(t *testing.T, c client.Client, obj client.Object) {
	t.Helper()
	var err error
	for range 50 {
		if err = c.Create(t.Context(), obj); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal(err)
}

func deployment(name string) *appsv1.Deployment {
	replicas, labels := int32(2), map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{Label: "true"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "web", Image: "ghcr.io/acme/" + name + ":1", Ports: []corev1.ContainerPort{{ContainerPort: 8080}},
				}}},
			},
		},
	}
}
