//go:build faketime

package controlplane

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// TestWebhookDialer checks by which addresses a webhook can be reached.
func TestWebhookDialer(t *testing.T) {
	here := httptest.NewServer(nil)
	defer here.Close()
	port := here.URL[strings.LastIndexByte(here.URL, ':'):]
	for address, allowed := range map[string]bool{
		"127.0.0.1" + port: true, "localhost" + port: true, "[::1]" + port: true, "[::ffff:127.0.0.1]" + port: true, "127.1.2.3" + port: true,
		"198.51.100.7:443": false, "0.0.0.0" + port: false, "[::]" + port: false, "169.254.169.254:80": false, "[2001:db8::1]:443": false, "[::ffff:198.51.100.7]:443": false,
	} {
		conn, err := webhookDialer(false)(t.Context(), address)
		if conn != nil {
			conn.Close()
		}
		if refused := errors.Is(err, errNotHere); refused == allowed {
			t.Errorf("%s: got %v, want it refused: %t", address, err, !allowed)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		conn, err := webhookDialer(true)(t.Context(), net.JoinHostPort(ip.String(), "1"))
		if conn != nil {
			conn.Close()
		}
		if errors.Is(err, errNotHere) {
			t.Errorf("%s with --webhook-egress: %v", ip, err)
		}
	}
}

// TestWebhooksByURL checks that the API server calls a webhook on this machine, and
// says which flag is missing for one elsewhere.
func TestWebhooksByURL(t *testing.T) {
	here := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Result: &metav1.Status{Message: "seen by the webhook"}}
		_ = json.NewEncoder(w).Encode(review) // the caller's error says more
	}))
	defer here.Close()
	t.Setenv("HTTPS_PROXY", here.URL) // no way around the dialer
	_, client := startPlane(t, 1, 1)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: here.Certificate().Raw})
	fail, none, seconds := registrationv1.Fail, registrationv1.SideEffectClassNone, int32(10)
	for name, c := range map[string]struct{ url, want string }{
		"here":   {here.URL, "seen by the webhook"},
		"away":   {"https://198.51.100.7/", "--webhook-egress"},
		"hidden": {"https://[::ffff:198.51.100.7]:443/", "--webhook-egress"},
	} {
		hook := registrationv1.ValidatingWebhook{
			Name: name + ".example.com", ClientConfig: registrationv1.WebhookClientConfig{URL: &c.url, CABundle: ca}, FailurePolicy: &fail, SideEffects: &none,
			TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"}, ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"hook": name}},
			Rules: []registrationv1.RuleWithOperations{{
				Operations: []registrationv1.OperationType{registrationv1.Create},
				Rule:       registrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}},
		}
		config := &registrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}, Webhooks: []registrationv1.ValidatingWebhook{hook}}
		if _, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		var last error
		err := wait.PollUntilContextTimeout(t.Context(), time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "x-", Labels: map[string]string{"hook": name}}}
			_, last = client.CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{})
			return last != nil && strings.Contains(last.Error(), c.want), nil
		})
		if err != nil {
			t.Errorf("%s: got %v, want an error with %q", name, last, c.want)
		}
	}
}
