package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/nodes/image"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Pods of images that nobody knows come up and come to an end, which is told once for each
// image and place.
func TestImagesThatAreNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		const unknown = "ghcr.io/acme/shop:1"
		app := func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: unknown, Args: []string{"migrate"}}}
			c := &p.Spec.Containers[0]
			c.Image, c.Command, c.Ports = unknown, nil, nil
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(9001)}}, PeriodSeconds: 1, FailureThreshold: 1, SuccessThreshold: 1}
			c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/app/alive"}}}, PeriodSeconds: 1, FailureThreshold: 1, SuccessThreshold: 1}
		}
		w.create(testPod(w.f, "app", app))
		w.create(testPod(w.f, "again", app))
		w.create(testPod(w.f, "job", func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: "job", UID: "j"}}
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Command = unknown, nil
		}))
		w.pass(20 * time.Second)
		for _, name := range []string{"app", "again"} {
			if s := w.pod(name).Status; s.Phase != corev1.PodRunning || len(s.ContainerStatuses) != 1 || !s.ContainerStatuses[0].Ready || s.ContainerStatuses[0].RestartCount != 0 {
				t.Errorf("%s is %s: %+v\n%s", name, s.Phase, s.ContainerStatuses, w.events(name))
			}
		}
		if s := w.pod("job").Status; s.Phase != corev1.PodSucceeded {
			t.Errorf("the Job's pod is %s", s.Phase)
		}
		told := map[string]int{}
		events, _ := w.f.log.Since(0)
		for _, e := range events {
			if e.Verb == "assumed" && e.Actor == timeline.Node && e.Subject == "image/"+unknown {
				told[e.Message]++
			}
		}
		for message, n := range told {
			if n != 1 || !strings.Contains(message, "demarc help images") {
				t.Errorf("told %d times: %s", n, message)
			}
		}
		if len(told) != 4 { // main, init, Job, exec
			t.Errorf("told %v", told)
		}
	})
}

// A cluster's own catalogue says how an image behaves.
func TestACataloguesImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, problems := image.Parse("f", []byte("images:\n- match: [shop]\n  ends: {after: 5s, code: 7}\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		w := makeWorld(t, Config{Nodes: 1, Images: image.Builtin().With(own)})
		defer w.stop()
		w.create(testPod(w.f, "shop", func(p *corev1.Pod) {
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
			p.Spec.Containers[0].Image, p.Spec.Containers[0].Command = "ghcr.io/acme/shop:1", nil
		}))
		w.pass(15 * time.Second)
		if s := w.pod("shop").Status; s.Phase != corev1.PodFailed || s.ContainerStatuses[0].State.Terminated.ExitCode != 7 {
			t.Errorf("it is %s: %+v", s.Phase, s.ContainerStatuses)
		}
	})
}

// What cannot be pulled says why, in the kubelet's and containerd's words.
func TestImagesThatCannotBePulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, problems := image.Parse("f", []byte("registries:\n- {match: private.azurecr.io, private: true}\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		w := makeWorld(t, Config{Nodes: 1, Images: image.Builtin().With(own)})
		defer w.stop()
		pod := func(name, image string, secrets ...corev1.LocalObjectReference) {
			w.create(testPod(w.f, name, func(p *corev1.Pod) {
				p.Spec.Containers[0].Image, p.Spec.Containers[0].Command, p.Spec.ImagePullSecrets = image, nil, secrets
			}))
		}
		if _, err := w.api.CoreV1().Secrets("default").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pull"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		pod("badtag", "nginx:1.161")
		pod("invalid", "NGINX::latest")
		pod("private", "private.azurecr.io/shop/app:v1")
		pod("secret", "private.azurecr.io/shop/web:v1", corev1.LocalObjectReference{Name: "pull"})
		pod("nosecret", "ghcr.io/acme/app:v1", corev1.LocalObjectReference{Name: "nosuchsecret"})
		w.pass(20 * time.Second)
		for _, tt := range []struct{ name, reason, event string }{
			{"badtag", "ImagePullBackOff", "docker.io/library/nginx:1.161: not found"},
			{"invalid", "InvalidImageName", `Failed to apply default image tag "NGINX::latest": couldn't parse image name "NGINX::latest": invalid reference format: repository name (library/NGINX) must be lowercase`},
			{"private", "ImagePullBackOff", "https://private.azurecr.io/oauth2/token?scope=repository%3Ashop%2Fapp%3Apull&service=private.azurecr.io: 401 Unauthorized"},
			{"nosecret", "ImagePullBackOff", "Unable to retrieve some image pull secrets (nosuchsecret); attempting to pull the image may not succeed."},
		} {
			s := w.pod(tt.name).Status
			if len(s.ContainerStatuses) != 1 || s.ContainerStatuses[0].State.Waiting == nil || s.ContainerStatuses[0].State.Waiting.Reason != tt.reason || !strings.Contains(w.events(tt.name), tt.event) {
				t.Errorf("%s is %+v\n%s", tt.name, s.ContainerStatuses, w.events(tt.name))
			}
		}
		if s := w.pod("secret").Status; s.Phase != corev1.PodRunning {
			t.Errorf("with the secret it is %s\n%s", s.Phase, w.events("secret"))
		}
	})
}
