package kubelet

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"demarc/nodes/timers"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Times of certificates of pods (kubernetes 1.37, pkg/kubelet/podcertificate).
const (
	// requestLost is after how long a request that is not there any more is made anew.
	requestLost = 10 * time.Minute
	// renewalOverdue is how long after its time a renewal is told to be late.
	renewalOverdue = 10 * time.Minute
	// renewalJitter is by how much renewals are put off at the most.
	renewalJitter = 5 * time.Minute
)

// credential is a private key, and the certificate that a signer issues for it, in a volume
// of a pod. The pod's one writer changes it, and others see it when it is in podConfig.
type credential struct {
	key, chain      []byte // in PEM; nil before the first was issued
	renew, notAfter time.Time
	refused         error // for good

	request string // the PodCertificateRequest under way, and its private key
	pending []byte
	lostAt  time.Time

	late, expired bool // was told
}

// errNotIssued is the kubelet's word for a certificate that nobody has signed yet.
var errNotIssued = errors.New("credential bundle is not issued yet")

// missing says why the volume cannot be mounted; nil if it can.
func (c *credential) missing() error {
	switch {
	case c == nil:
		return errNotIssued
	case c.refused != nil:
		return c.refused
	case c.chain == nil:
		return errNotIssued
	}
	return nil
}

// due is when the kubelet looks at it next; zero is never.
func (c *credential) due(now time.Time) time.Time {
	switch {
	case c.refused != nil || c.chain == nil: // who mounts the volume asks
		return time.Time{}
	case c.request != "" || !now.Before(c.renew):
		return timers.Tick(now.Add(resyncPeriod))
	}
	return timers.Tick(c.renew)
}

// renewing takes certificates as they are now.
func (c *podConfig) renewing(all map[credentialKey]*credential, now time.Time) {
	c.credentials, c.renew = all, time.Time{}
	for _, one := range all {
		c.renew = timers.Sooner(c.renew, one.due(now))
	}
}

// credentialKey names a source of a pod's volume.
type credentialKey struct {
	volume string
	source int
}

// credentialSources are the certificates that a pod wants.
func credentialSources(pod *corev1.Pod) map[credentialKey]*corev1.PodCertificateProjection {
	var all map[credentialKey]*corev1.PodCertificateProjection
	for _, v := range pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for i, s := range v.Projected.Sources {
			if s.PodCertificate == nil {
				continue
			}
			if all == nil {
				all = map[credentialKey]*corev1.PodCertificateProjection{}
			}
			all[credentialKey{v.Name, i}] = s.PodCertificate
		}
	}
	return all
}

// lookUpCredentials goes on with the certificates of a pod: asks signers for those that it
// has not, or that are to be renewed, and looks whether they were issued.
func (ks *Kubelets) lookUpCredentials(ctx context.Context, p *pod, spec *corev1.Pod) (map[credentialKey]*credential, error) {
	var out map[credentialKey]*credential
	var failed []error
	for key, source := range credentialSources(spec) {
		next := &credential{}
		ks.Lock.Lock()
		if old := p.config.credentials[key]; old != nil {
			*next = *old
		}
		ks.Lock.Unlock()
		// What the API server refuses a kubelet logs only: the volume goes without.
		if err := ks.advanceCredential(ctx, p, spec, source, next); err != nil && outage(err) {
			failed = append(failed, fmt.Errorf("certificate of volume %s: %w", key.volume, err))
		}
		if out == nil {
			out = map[credentialKey]*credential{}
		}
		out[key] = next
	}
	return out, errors.Join(failed...)
}

func (ks *Kubelets) advanceCredential(ctx context.Context, p *pod, spec *corev1.Pod, source *corev1.PodCertificateProjection, c *credential) error {
	now := time.Now()
	switch {
	case c.refused != nil:
		return nil
	case c.request != "":
		if err := ks.heedRequest(ctx, p, c, now); err != nil {
			return err
		}
	case c.chain == nil || !now.Before(c.renew):
		if err := ks.requestCredential(ctx, p, spec, source, c, now); err != nil {
			return err
		}
	}
	if c.chain == nil {
		return nil
	}
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	if now.After(c.renew.Add(renewalOverdue)) && !c.late {
		p.event(now, warning, "CertificateOverdueForRefresh", "PodCertificate refresh overdue", "")
		c.late = true
	}
	if now.After(c.notAfter) && !c.expired {
		p.event(now, warning, "CertificateExpired", "PodCertificate expired", "")
		c.expired = true
	}
	return nil
}

// heedRequest takes what has come of a request.
func (ks *Kubelets) heedRequest(ctx context.Context, p *pod, c *credential, now time.Time) error {
	r, err := ks.Client.CertificatesV1().PodCertificateRequests(p.namespace).Get(ctx, c.request, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && now.After(c.lostAt):
		c.request, c.pending = "", nil
		return nil
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	for _, cond := range r.Status.Conditions {
		switch cond.Type {
		case certificatesv1.PodCertificateRequestConditionTypeDenied:
			ks.refuseCredential(p, c, r, cond, "was denied", "denied", now)
			return nil
		case certificatesv1.PodCertificateRequestConditionTypeFailed:
			ks.refuseCredential(p, c, r, cond, "failed", "failed", now)
			return nil
		case certificatesv1.PodCertificateRequestConditionTypeIssued:
			jitter := time.Duration(sha256.Sum256([]byte(r.UID))[0]) * renewalJitter / 256
			*c = credential{
				key: c.pending, chain: []byte(strings.Join(certificates(r.Status.CertificateChain), "")),
				renew: r.Status.BeginRefreshAt.Add(jitter), notAfter: r.Status.NotAfter.Time,
			}
			return nil
		}
	}
	return nil
}

// refuseCredential notes that there will be no certificate. Of the event the reason stands
// for a format, as upstream has it.
func (ks *Kubelets) refuseCredential(p *pod, c *credential, r *certificatesv1.PodCertificateRequest, cond metav1.Condition, what, word string, now time.Time) {
	c.refused = fmt.Errorf("PodCertificateRequest was permanently %s: reason=%q message=%q", word, cond.Reason, cond.Message)
	text := fmt.Sprintf("PodCertificateRequest %s/%s %s, reason=%q, message=%q", r.Namespace, r.Name, what, cond.Reason, cond.Message)
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	p.event(now, warning, cond.Type, fmt.Sprintf("%s%%!(EXTRA string=%s)", cond.Reason, text), "")
}

// requestCredential makes a key, and asks the signer for its certificate.
func (ks *Kubelets) requestCredential(ctx context.Context, p *pod, spec *corev1.Pod, source *corev1.PodCertificateProjection, c *credential, now time.Time) error {
	node, err := ks.Node(p.k.m.Name)
	if err != nil {
		return nil // nobody has told of it yet
	}
	account, err := ks.Client.CoreV1().ServiceAccounts(p.namespace).Get(ctx, spec.Spec.ServiceAccountName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("while fetching service account: %w", err)
	}
	key, proof, err := newCredentialKey(source.KeyType)
	if err != nil {
		return nil // the API server lets in no type but those
	}
	r, err := ks.Client.CertificatesV1().PodCertificateRequests(p.namespace).Create(ctx, &certificatesv1.PodCertificateRequest{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.namespace, GenerateName: "req-",
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: p.name, UID: p.uid}},
		},
		Spec: certificatesv1.PodCertificateRequestSpec{
			SignerName: source.SignerName, PodName: p.name, PodUID: p.uid,
			ServiceAccountName: account.Name, ServiceAccountUID: account.UID, NodeName: types.NodeName(node.Name), NodeUID: node.UID,
			MaxExpirationSeconds: source.MaxExpirationSeconds, StubPKCS10Request: proof, UnverifiedUserAnnotations: source.UserAnnotations,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("while creating on API: %w", err)
	}
	c.request, c.pending, c.lostAt = r.Name, key, now.Add(requestLost)
	return nil
}

// keyTypes make a private key of each type that a volume can want.
var keyTypes = map[string]func() (crypto.Signer, error){
	"RSA3072":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) },
	"RSA4096":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 4096) },
	"ECDSAP256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"ECDSAP384": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
	"ECDSAP521": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	"ED25519": func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	},
}

// newCredentialKey makes a private key in PEM, and the proof that one has it.
func newCredentialKey(kind string) (text, proof []byte, err error) {
	generate := keyTypes[kind]
	if generate == nil {
		return nil, nil, fmt.Errorf("unknown key type %q", kind)
	}
	key, err := generate()
	if err != nil {
		return nil, nil, err
	}
	if proof, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key); err != nil {
		return nil, nil, fmt.Errorf("while generating stub PKCS#10 request: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("while marshaling key to PKCS#8: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), proof, nil
}
