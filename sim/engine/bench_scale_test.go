package engine_test

import (
	"fmt"
	"testing"
	"time"

	"demarc/sim/api"
	"demarc/sim/engine"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// The benchmarks of scale are of a whole engine in free run. Real time depends on
// who else computes, so the engine's own processor time is reported beside it.

// big is an engine of many nodes, seen by its customer.
type big struct {
	b     *testing.B
	dir   string
	p     *engine.Process
	kube  kubernetes.Interface
	began time.Time
	ready api.Status
}

// launch starts an engine in free run, which saves nothing, and waits until its cluster is
// ready.
func launch(b *testing.B, path string, spec api.ClusterSpec) *big {
	b.Helper()
	return launchAs(b, path, api.EngineConfig{Cluster: spec, Ephemeral: true})
}

// launchAs starts an engine in free run and waits until its cluster is ready.
func launchAs(b *testing.B, path string, engineConfig api.EngineConfig) *big {
	b.Helper()
	x := &big{b: b, dir: b.TempDir(), began: time.Now()}
	spec := &engineConfig.Cluster
	spec.Name, spec.Edition, spec.Start, spec.Seed = "bench", api.DefaultEdition, time.Now(), 1
	engineConfig.Rate = api.FreeRun
	p, err := engine.Start(b.Context(), engine.Options{Path: path, DataDir: x.dir, Config: engineConfig})
	if err != nil {
		b.Fatal(err)
	}
	x.p = p
	b.Cleanup(p.Kill)
	for x.ready.State != "ready" {
		if x.ready = x.status(); x.ready.State == "failed" {
			b.Fatal(x.ready.Error)
		}
		time.Sleep(200 * time.Millisecond) // a status has every machine in it
	}
	b.ReportMetric(time.Since(x.began).Seconds(), "ready-s")
	cfg, err := clientcmd.BuildConfigFromFlags("", x.ready.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	cfg.QPS, cfg.ContentType = -1, "application/vnd.kubernetes.protobuf"
	x.kube = kubernetes.NewForConfigOrDie(cfg)
	return x
}

func (x *big) status() api.Status {
	x.b.Helper()
	s, err := x.p.Client.Status(x.b.Context())
	if err != nil {
		x.b.Fatal(err)
	}
	return s
}

// replicas is how large the deployments are that pods come in.
const replicas = 500

// deploy makes deployments of that many pods in all, and waits until every pod is
// Running and ready.
func (x *big) deploy(pods int) {
	x.b.Helper()
	deployments := x.kube.AppsV1().Deployments(metav1.NamespaceDefault)
	for i := range pods / replicas {
		if _, err := deployments.Create(x.b.Context(), crowdOf(fmt.Sprintf("crowd-%d", i), replicas), metav1.CreateOptions{}); err != nil {
			x.b.Fatal(err)
		}
	}
	for x.readyReplicas() < pods {
		time.Sleep(200 * time.Millisecond)
	}
}

func (x *big) readyReplicas() (ready int) {
	x.b.Helper()
	list, err := x.kube.AppsV1().Deployments(metav1.NamespaceDefault).List(x.b.Context(), metav1.ListOptions{})
	if err != nil {
		x.b.Fatal(err)
	}
	for _, d := range list.Items {
		ready += int(d.Status.ReadyReplicas)
	}
	return ready
}

func crowdOf(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "crowd", Image: "nginx"}}},
			},
		},
	}
}

// report says how long it took and what it cost since the engine was started.
func (x *big) report() {
	x.b.Helper()
	x.b.ReportMetric(time.Since(x.began).Seconds(), "running-s")
	x.b.ReportMetric(x.status().Now.Sub(x.ready.Cluster.Start).Minutes(), "virtual-min")
	x.reportCost()
}

func (x *big) reportCost() {
	x.b.ReportMetric(x.p.Spent().Seconds(), "cpu-s")
	x.b.ReportMetric(peakMiB(x.dir), "peak-MiB")
}

// idle lets virtual time pass, and says how much real time that took.
func (x *big) idle(d time.Duration) time.Duration {
	x.b.Helper()
	began := time.Now()
	k, err := x.p.Client.SetClock(x.b.Context(), api.ClockRequest{Rate: api.FreeRun, Until: x.status().Now.Add(d)})
	for err == nil && k.Rate != 0 {
		time.Sleep(50 * time.Millisecond)
		k, err = x.p.Client.Clock(x.b.Context())
	}
	if err != nil {
		x.b.Fatal(err)
	}
	return time.Since(began)
}

// BenchmarkNodes1000Pods2000 is from the start of the process until 2,000 pods
// are Running on 1,000 nodes.
func BenchmarkNodes1000Pods2000(b *testing.B) {
	path := built(b)
	for b.Loop() {
		x := launch(b, path, api.ClusterSpec{Nodes: 1000})
		x.deploy(2000)
		x.report()
		x.p.Kill()
	}
}

// BenchmarkNodes1000Pods10000 is from the start of the process until 10,000 pods
// are Running on 1,000 nodes, and then an hour in which nobody does anything.
func BenchmarkNodes1000Pods10000(b *testing.B) {
	path := built(b)
	for b.Loop() {
		x := launch(b, path, api.ClusterSpec{Nodes: 1000})
		x.deploy(10000)
		x.report()
		before := x.p.Spent().Seconds()
		b.ReportMetric(x.idle(time.Hour).Seconds(), "hour-s")
		b.ReportMetric(x.p.Spent().Seconds()-before, "hour-cpu-s")
		x.reportCost()
		x.p.Kill()
	}
}
