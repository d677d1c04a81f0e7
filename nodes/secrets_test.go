package nodes

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Other programs wait for what one of an image makes, and have it once the API server is there.
func TestAProgramMakesItsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		secret := func(name string) map[string][]byte {
			s, err := w.api.CoreV1().Secrets("default").Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return s.Data
		}
		w.create(testPod(w.f, "redis", func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "secret-init", Image: "quay.io/argoproj/argocd:v3.4.4", Command: []string{"argocd", "admin", "redis-initial-password"}}}
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "REDIS_PASSWORD", ValueFrom: &corev1.EnvVarSource{
				SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "argocd-redis"}, Key: "auth"},
			}}}
		}))
		w.pass(time.Minute)
		if p := w.pod("redis"); p.Status.Phase != corev1.PodRunning || len(secret("argocd-redis")["auth"]) == 0 {
			t.Errorf("Argo CD's redis is %s: %+v", p.Status.Phase, p.Status.ContainerStatuses)
		}
		w.create(testPod(w.f, "apiserver", func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "kedaorg-certs"}}}}
		}))
		w.create(testPod(w.f, "operator", func(p *corev1.Pod) { p.Spec.Containers[0].Image = "ghcr.io/kedacore/keda:2.20.2" }))
		w.pass(3 * time.Minute)
		if p := w.pod("apiserver"); p.Status.Phase != corev1.PodRunning {
			t.Errorf("KEDA's API server is %s", p.Status.Phase)
		}
		if s := secret("kedaorg-certs"); s["ca.crt"] == nil || s["ca.key"] == nil {
			t.Errorf("KEDA's Secret has %d keys", len(s))
		} else if _, err := tls.X509KeyPair(s["tls.crt"], s["tls.key"]); err != nil {
			t.Error(err)
		}
	})
}
