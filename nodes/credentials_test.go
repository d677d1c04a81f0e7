package nodes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

// signer signs what pods want of it.
type signer struct {
	w    *world
	key  *ecdsa.PrivateKey
	made atomic.Int32
}

// newSigner names requests as the API server does.
func newSigner(w *world) *signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &signer{w: w, key: key}
	w.api.PrependReactor("create", "podcertificaterequests", func(a clienttesting.Action) (bool, runtime.Object, error) {
		n := s.made.Add(1)
		o := a.(clienttesting.CreateAction).GetObject().(*certificatesv1.PodCertificateRequest)
		o.Name = fmt.Sprintf("%s%d", o.GenerateName, n)
		return false, nil, nil
	})
	return s
}

// answer ends the newest request with a condition; one that is issued has a certificate of
// an hour, to be renewed ten minutes before its end.
func (s *signer) answer(kind, reason, message string) *certificatesv1.PodCertificateRequest {
	s.w.t.Helper()
	requests := s.w.api.CertificatesV1().PodCertificateRequests("default")
	r, err := requests.Get(s.w.t.Context(), fmt.Sprintf("req-%d", s.made.Load()), metav1.GetOptions{})
	if err != nil {
		s.w.t.Fatal(err)
	}
	r.Status.Conditions = []metav1.Condition{{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}}
	if kind == certificatesv1.PodCertificateRequestConditionTypeIssued {
		asked, err := x509.ParseCertificateRequest(r.Spec.StubPKCS10Request)
		if err != nil {
			s.w.t.Fatal(err)
		}
		now := time.Now()
		t := &x509.Certificate{SerialNumber: big.NewInt(int64(s.made.Load())), Subject: pkix.Name{CommonName: r.Spec.PodName}, NotBefore: now, NotAfter: now.Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, t, t, asked.PublicKey, s.key)
		if err != nil {
			s.w.t.Fatal(err)
		}
		r.Status.CertificateChain = "issued to you\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		r.Status.NotBefore, r.Status.NotAfter = ptr.To(metav1.NewTime(t.NotBefore)), ptr.To(metav1.NewTime(t.NotAfter))
		r.Status.BeginRefreshAt = ptr.To(metav1.NewTime(t.NotAfter.Add(-10 * time.Minute)))
	}
	if _, err := requests.UpdateStatus(s.w.t.Context(), r, metav1.UpdateOptions{}); err != nil {
		s.w.t.Fatal(err)
	}
	return r
}

func account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: "default", UID: "uid-of-account"}}
}

// certified is a pod that shows the certificate that it has every minute.
func certified(w *world, name string) *corev1.Pod {
	v := corev1.Volume{Name: "tls", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{PodCertificate: &corev1.PodCertificateProjection{
		SignerName: "example.com/signer", KeyType: "ED25519", KeyPath: "key.pem", CertificateChainPath: "chain.pem", CredentialBundlePath: "all.pem",
		MaxExpirationSeconds: ptr.To[int32](3600), UserAnnotations: map[string]string{"a": "b"},
	}}}}}}
	return testPod(w.f, name, func(p *corev1.Pod) { p.Spec.ServiceAccountName = "default" },
		script("while true; do echo '##'; cat /tls/all.pem; sleep 60; done"), volumes(v))
}

// last is what the pod has shown last.
func last(w *world, name string) string {
	said := w.logged(name)
	return said[strings.LastIndex(said, "##")+3:]
}

// A pod waits for its certificate, gets it with its key, and gets a new one in time.
func TestAPodGetsItsCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, account())
		defer w.stop()
		s := newSigner(w)
		w.create(certified(w, "served"))
		w.pass(10 * time.Second)
		if want := `MountVolume.SetUp failed for volume "tls" : credential bundle is not issued yet`; !strings.Contains(w.events("served"), want) {
			t.Errorf("it says\n%s\nwant %s", w.events("served"), want)
		}
		r := s.answer("Issued", "Signed", "")
		node, err := w.f.node(w.f.NodeNames()[0])
		if err != nil {
			t.Fatal(err)
		}
		spec := r.Spec
		if spec.SignerName != "example.com/signer" || spec.PodUID != "uid-served" || spec.ServiceAccountUID != "uid-of-account" || spec.NodeUID != node.UID ||
			*spec.MaxExpirationSeconds != 3600 || spec.UnverifiedUserAnnotations["a"] != "b" || r.OwnerReferences[0].UID != "uid-served" {
			t.Errorf("it asks for %+v", r)
		}
		w.pass(time.Minute)
		first := last(w, "served")
		if _, err := tls.X509KeyPair([]byte(first), []byte(first)); err != nil || strings.Contains(first, "issued to you") {
			t.Fatalf("it has %v:\n%s", err, first)
		}
		w.pass(45 * time.Minute)
		if s.made.Load() != 1 || last(w, "served") != first {
			t.Errorf("it has asked %d times within three quarters of an hour", s.made.Load())
		}
		w.pass(11 * time.Minute)
		if s.made.Load() != 2 || last(w, "served") != first {
			t.Errorf("it has asked %d times, and shows\n%s", s.made.Load(), last(w, "served"))
		}
		w.pass(10 * time.Minute)
		for _, want := range []string{"CertificateOverdueForRefresh: PodCertificate refresh overdue", "CertificateExpired: PodCertificate expired"} {
			if !strings.Contains(w.events("served"), want) {
				t.Errorf("no event %q in\n%s", want, w.events("served"))
			}
		}
		s.answer("Issued", "Signed", "")
		w.pass(3 * time.Minute)
		if second := last(w, "served"); second == first {
			t.Errorf("it still shows the first certificate")
		} else if _, err := tls.X509KeyPair([]byte(second), []byte(second)); err != nil {
			t.Errorf("the second certificate: %v", err)
		}
	})
}

// A signer's refusal is for good; a request that was deleted is made anew.
func TestAPodGetsNoCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, account())
		defer w.stop()
		s := newSigner(w)
		w.create(certified(w, "lost"))
		w.pass(10 * time.Second)
		if err := w.api.CertificatesV1().PodCertificateRequests("default").Delete(t.Context(), "req-1", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if w.pass(9 * time.Minute); s.made.Load() != 1 {
			t.Errorf("after nine minutes it has asked %d times", s.made.Load())
		}
		if w.pass(4 * time.Minute); s.made.Load() != 2 {
			t.Errorf("after thirteen minutes it has asked %d times", s.made.Load())
		}
		w.create(certified(w, "refused"))
		w.pass(10 * time.Second)
		s.answer("Denied", "UnsupportedKeyType", "want RSA")
		w.pass(20 * time.Minute)
		for _, want := range []string{
			`Denied: UnsupportedKeyType%!(EXTRA string=PodCertificateRequest default/req-3 was denied, reason="UnsupportedKeyType", message="want RSA")`,
			`MountVolume.SetUp failed for volume "tls" : PodCertificateRequest was permanently denied: reason="UnsupportedKeyType" message="want RSA"`,
		} {
			if !strings.Contains(w.events("refused"), want) {
				t.Errorf("no event %q in\n%s", want, w.events("refused"))
			}
		}
		if s.made.Load() != 3 && s.made.Load() != 4 || w.phase("refused") != "ContainerCreating" {
			t.Errorf("it has asked %d times and is %s", s.made.Load(), w.phase("refused"))
		}
	})
}

// What changes in a ClusterTrustBundle is in running containers within the kubelet's period,
// also of a bundle that is new to its signer.
func TestATrustBundleIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := func(text string) string {
			return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(text)}))
		}
		bundle := func(name, text string) *certificatesv1.ClusterTrustBundle {
			return &certificatesv1.ClusterTrustBundle{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: certificatesv1.ClusterTrustBundleSpec{SignerName: "example.com/s", TrustBundle: block(text)}}
		}
		w := newWorld(t, 1, nil, bundle("one", "A"))
		defer w.stop()
		trusts := func(name string, source *corev1.ClusterTrustBundleProjection) {
			source.Path = "bundle"
			v := corev1.Volume{Name: "trust", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ClusterTrustBundle: source}}}}}
			w.create(testPod(w.f, name, script("while true; do echo '##'; cat /trust/bundle; sleep 10; done"), volumes(v)))
		}
		trusts("named", &corev1.ClusterTrustBundleProjection{Name: ptr.To("one")})
		trusts("signed", &corev1.ClusterTrustBundleProjection{SignerName: ptr.To("example.com/s"), LabelSelector: &metav1.LabelSelector{}})
		shows := func(named, signed string) {
			t.Helper()
			for name, want := range map[string]string{"named": named, "signed": signed} {
				if got := last(w, name); got != strings.TrimSuffix(want, "\n") {
					t.Errorf("%s shows\n%s\nwant\n%s", name, got, want)
				}
			}
		}
		w.pass(30 * time.Second)
		shows(block("A"), block("A"))
		if _, err := w.api.CertificatesV1().ClusterTrustBundles().Update(t.Context(), bundle("one", "B"), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(90 * time.Second)
		shows(block("B"), block("B"))
		if _, err := w.api.CertificatesV1().ClusterTrustBundles().Create(t.Context(), bundle("two", "C"), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.pass(90 * time.Second)
		shows(block("B"), block("B")+block("C"))
	})
}
