package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/annotation"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestInitContainersRunInOrderAndSidecarsOutliveThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		always := corev1.ContainerRestartPolicyAlways
		w.create(testPod(w.f, "web", func(p *corev1.Pod) {
			exits(0, 10*time.Second)(p)
			first := p.Spec.Containers[0]
			first.Name = "first"
			sidecar := corev1.Container{Name: "sidecar", Image: "proxy:1", RestartPolicy: &always}
			p.Spec.InitContainers = []corev1.Container{first, sidecar}
			exits(0, 20*time.Second)(p)
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
		}))
		w.pass(5 * time.Second)
		p := w.pod("web")
		if got := p.Status.ContainerStatuses[0].State.Waiting; got == nil || got.Reason != "PodInitializing" {
			t.Errorf("the container = %+v, want PodInitializing", p.Status.ContainerStatuses[0].State)
		}
		if p.Status.InitContainerStatuses[1].State.Running != nil {
			t.Error("the sidecar runs before the init container is done")
		}
		if got := condition(p, corev1.PodInitialized); got != corev1.ConditionFalse {
			t.Errorf("Initialized = %s, want False", got)
		}
		w.pass(12 * time.Second)
		p = w.pod("web")
		if p.Status.InitContainerStatuses[1].State.Running == nil || p.Status.ContainerStatuses[0].State.Running == nil {
			t.Errorf("statuses = %+v %+v, want both running", p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
		}
		w.pass(30 * time.Second)
		p = w.pod("web")
		if p.Status.Phase != corev1.PodSucceeded {
			t.Errorf("phase = %s, want Succeeded", p.Status.Phase)
		}
		if p.Status.InitContainerStatuses[1].State.Terminated == nil {
			t.Errorf("the sidecar = %+v, want terminated", p.Status.InitContainerStatuses[1].State)
		}
	})
}

func TestMissingImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web", func(p *corev1.Pod) { p.Spec.Containers[0].Image = "nginx:does-not-exist" }))
		w.pass(1500 * time.Millisecond)
		reason := func() string {
			if s := w.pod("web").Status.ContainerStatuses[0].State.Waiting; s != nil {
				return s.Reason
			}
			return ""
		}
		if got := reason(); got != "ErrImagePull" {
			t.Errorf("waiting for %q, want ErrImagePull", got)
		}
		w.pass(3 * time.Second)
		if got := reason(); got != "ImagePullBackOff" {
			t.Errorf("waiting for %q, want ImagePullBackOff", got)
		}
		if got := w.pod("web").Status.Phase; got != corev1.PodPending {
			t.Errorf("phase = %s, want Pending", got)
		}
		for _, want := range []string{`BackOff: Back-off pulling image "nginx:does-not-exist"`, "Failed: Error: ErrImagePull", "code = NotFound"} {
			if !strings.Contains(w.events("web"), want) {
				t.Errorf("no %q in:\n%s", want, w.events("web"))
			}
		}
	})
}

func TestMissingConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "env", func(p *corev1.Pod) {
			p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
		}))
		w.create(testPod(w.f, "volume", func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "keys"}}}}
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/keys"}}
		}))
		w.pass(5 * time.Second)
		if s := w.pod("env").Status.ContainerStatuses[0].State.Waiting; s == nil || s.Reason != "CreateContainerConfigError" || s.Message != `configmap "settings" not found` {
			t.Errorf("env = %+v, want CreateContainerConfigError", w.pod("env").Status.ContainerStatuses[0].State)
		}
		if want := `FailedMount: MountVolume.SetUp failed for volume "v" : secret "keys" not found`; !strings.Contains(w.events("volume"), want) {
			t.Errorf("no %q in:\n%s", want, w.events("volume"))
		}
		w.api.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"COLOUR": "blue"}}, metav1.CreateOptions{})
		w.api.CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}, Data: map[string][]byte{"a": []byte("b")}}, metav1.CreateOptions{})
		w.pass(20 * time.Second)
		for _, name := range []string{"env", "volume"} {
			if w.pod(name).Status.Phase != corev1.PodRunning {
				t.Errorf("%s is %s, want Running", name, w.pod(name).Status.Phase)
			}
		}
		if got := w.exec("volume", "cat /keys/a"); got != "b" {
			t.Errorf("/keys/a = %q, want b", got)
		}
		if got := w.exec("env", "env"); !strings.Contains(got, "COLOUR=blue") {
			t.Errorf("environment = %s, want COLOUR=blue", got)
		}
	})
}

func TestInvalidAnnotationIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "shop", func(p *corev1.Pod) {
			p.Annotations = map[string]string{"demarc.dev/reddy-after": "10s", "demarc.dev/exit-code": "0", "team": "sales"}
		}))
		w.pass(10 * time.Second)
		want := `InvalidAnnotation: there is no annotation demarc.dev/reddy-after; demarc help annotations lists them (did you mean "demarc.dev/ready-after"?)`
		if got := w.events("shop"); strings.Count(got, want) != 1 || strings.Count(got, "InvalidAnnotation") != 1 {
			t.Errorf("want once %q, got:\n%s", want, got)
		}
		told := w.said("annotated wrongly")
		if len(told) != 1 || told[0].Actor != timeline.Customer || told[0].Subject != "pod/default/shop" ||
			*told[0].Detail.Annotation != (timeline.Annotation{Key: "demarc.dev/reddy-after", Suggestion: annotation.ReadyAfter}) {
			t.Errorf("on the timeline is %+v", told)
		}
		if w.pod("shop").Status.Phase != corev1.PodRunning {
			t.Errorf("the pod is %s, want Running", w.pod("shop").Status.Phase)
		}
	})
}

func TestLivenessProbeRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web", func(p *corev1.Pod) {
			closed := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(81)}}
			p.Spec.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: closed, PeriodSeconds: 5, FailureThreshold: 2, SuccessThreshold: 1, TimeoutSeconds: 1}
		}))
		w.pass(14 * time.Second)
		c := w.pod("web").Status.ContainerStatuses[0]
		if c.RestartCount != 1 {
			t.Errorf("restarts = %d, want 1", c.RestartCount)
		}
		for _, want := range []string{
			"Unhealthy: Liveness probe failed: dial tcp 10.244.0.2:81: connect: connection refused",
			"Killing: Container c failed liveness probe, will be restarted",
		} {
			if !strings.Contains(w.events("web"), want) {
				t.Errorf("no %q in:\n%s", want, w.events("web"))
			}
		}
		if got := w.count("killed container/default/web/c"); got != 1 {
			t.Errorf("timeline has %d kills, want 1: %v", got, w.verbs())
		}
	})
}

func TestReadinessProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		probe := func(port int32) func(*corev1.Pod) {
			return func(p *corev1.Pod) {
				get := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt32(port)}}
				p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: get, PeriodSeconds: 5, FailureThreshold: 3, SuccessThreshold: 1, TimeoutSeconds: 1}
			}
		}
		w.create(testPod(w.f, "good", probe(80)))
		w.create(testPod(w.f, "bad", probe(81)))
		w.pass(3 * time.Second)
		if w.pod("good").Status.ContainerStatuses[0].Ready {
			t.Error("ready before the first probe")
		}
		w.pass(10 * time.Second)
		if !w.pod("good").Status.ContainerStatuses[0].Ready {
			t.Errorf("not ready after a probe:\n%s", w.events("good"))
		}
		if bad := w.pod("bad"); bad.Status.ContainerStatuses[0].Ready || bad.Status.ContainerStatuses[0].RestartCount != 0 {
			t.Errorf("bad = %+v, want running and not ready", bad.Status.ContainerStatuses[0])
		}
	})
}

func TestActiveDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		seconds := int64(30)
		w.create(testPod(w.f, "web", func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = &seconds }))
		w.pass(29 * time.Second)
		if got := w.pod("web").Status.Phase; got != corev1.PodRunning {
			t.Errorf("phase = %s before the deadline, want Running", got)
		}
		w.pass(5 * time.Second)
		if p := w.pod("web"); p.Status.Phase != corev1.PodFailed || p.Status.Reason != "DeadlineExceeded" {
			t.Errorf("phase = %s %s, want Failed DeadlineExceeded", p.Status.Phase, p.Status.Reason)
		}
	})
}

func TestPendingPodIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web", func(p *corev1.Pod) { p.Spec.Containers[0].Image = "nginx:does-not-exist" }))
		w.pass(5 * time.Second)
		w.remove("web", 30)
		w.pass(2 * time.Second)
		if !w.gone("web") {
			t.Errorf("still there: %+v", w.pod("web").Status)
		}
	})
}

func TestOutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "web"))
		w.pass(5 * time.Second)
		if _, err := w.f.CrashContainer("default", "web", "c", 137, "OOMKilled", timeline.Customer); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		last := w.pod("web").Status.ContainerStatuses[0].LastTerminationState.Terminated
		if last == nil || last.Reason != "OOMKilled" || last.ExitCode != 137 {
			t.Errorf("last state = %+v, want OOMKilled 137", last)
		}
	})
}

func TestFaultsOfUnknownThings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, nil)
		defer w.stop()
		for _, tc := range []struct {
			do   func() error
			want string
		}{
			{func() error { _, err := w.f.PowerOff("7", timeline.Platform); return err }, `no node "7": want an index from 0 to 1`},
			{func() error { _, err := w.f.PowerOn("0", timeline.Platform); return err }, "already powered on"},
			{func() error { _, err := w.f.RestoreNetwork("0", timeline.Platform); return err }, "is not cut"},
			{func() error { _, err := w.f.StartKubelet("0", timeline.Platform); return err }, "already runs"},
			{func() error {
				_, err := w.f.CrashContainer("default", "nope", "", 1, "", timeline.Customer)
				return err
			}, "pod default/nope is on no node"},
			{func() error {
				_, err := w.f.CrashContainer("default", "nope", "", 256, "", timeline.Customer)
				return err
			}, "want 0 to 255"},
		} {
			if err := tc.do(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		}
	})
}
