package certgen

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestCreateAndPatch(t *testing.T) {
	client := fake.NewClientset(&admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "hook"}, Webhooks: []admissionv1.ValidatingWebhook{{Name: "a"}, {Name: "b"}},
	})
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		return Run(t.Context(), client, &out, args), out.String()
	}
	patch := []string{"patch", "--webhook-name=hook", "--namespace=ns", "--patch-mutating=false", "--secret-name=s", "--patch-failure-policy=Fail"}
	if code, out := run(patch...); code != 1 {
		t.Errorf("without a Secret: got %d, %s", code, out)
	}
	create := []string{"create", "--host=ctl,ctl.ns.svc", "--namespace=ns", "--secret-name=s"}
	if code, out := run(create...); code != 0 {
		t.Fatalf("create: got %d, %s", code, out)
	}
	s, err := client.CoreV1().Secrets("ns").Get(t.Context(), "s", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(s.Data["cert"], s.Data["key"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.Data["ca"])
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "ctl.ns.svc"}); err != nil {
		t.Error(err)
	}
	if code, _ := run(create...); code != 0 {
		t.Errorf("again: got %d", code)
	}
	if again, err := client.CoreV1().Secrets("ns").Get(t.Context(), "s", metav1.GetOptions{}); err != nil || !bytes.Equal(again.Data["ca"], s.Data["ca"]) {
		t.Errorf("the Secret was made anew: %v", err)
	}
	if code, out := run(patch...); code != 0 {
		t.Fatalf("patch: got %d, %s", code, out)
	}
	w, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(t.Context(), "hook", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range w.Webhooks {
		if !bytes.Equal(x.ClientConfig.CABundle, s.Data["ca"]) || x.FailurePolicy == nil || *x.FailurePolicy != admissionv1.Fail {
			t.Errorf("webhook %s: %+v", x.Name, x)
		}
	}
	if code, _ := run("delete"); code != 1 {
		t.Errorf("another command: got %d", code)
	}
}
