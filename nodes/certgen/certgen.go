// Package certgen is what the program kube-webhook-certgen does, as a container of its image
// runs it: create makes a certificate for an admission webhook and puts it into a Secret,
// patch tells the webhook's configuration whom to trust (ingress-nginx,
// images/kube-webhook-certgen).
package certgen

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/spf13/pflag"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// certgen is one run of the program.
type certgen struct {
	client kubernetes.Interface
	out    io.Writer

	// Flags of the command line.
	hosts, namespace, secret, webhook, policy string
	ca, cert, key                             string // names in the Secret
	validating, mutating                      bool
}

// Run runs a command line with a client that speaks for the program's pod, and returns the
// exit code.
func Run(ctx context.Context, client kubernetes.Interface, out io.Writer, argv []string) int {
	c := &certgen{client: client, out: out}
	f := pflag.NewFlagSet("kube-webhook-certgen", pflag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&c.hosts, "host", "", "")
	f.StringVar(&c.namespace, "namespace", "", "")
	f.StringVar(&c.secret, "secret-name", "", "")
	f.StringVar(&c.webhook, "webhook-name", "", "")
	f.StringVar(&c.policy, "patch-failure-policy", "", "")
	f.StringVar(&c.ca, "ca-name", "ca", "")
	f.StringVar(&c.cert, "cert-name", "cert", "")
	f.StringVar(&c.key, "key-name", "key", "")
	f.BoolVar(&c.validating, "patch-validating", true, "")
	f.BoolVar(&c.mutating, "patch-mutating", true, "")
	f.ParseErrorsAllowlist.UnknownFlags = true
	err := f.Parse(argv)
	if err == nil {
		switch f.Arg(0) {
		case "create":
			err = c.create(ctx)
		case "patch":
			err = c.patch(ctx)
		default:
			err = errors.New("want create or patch")
		}
	}
	if err != nil {
		c.log("fatal", err.Error())
		return 1
	}
	return 0
}

// log logs a line as the program does.
func (c *certgen) log(level, message string) {
	b, err := json.Marshal(map[string]string{"level": level, "msg": message, "time": time.Now().UTC().Format(time.RFC3339)})
	if err == nil {
		fmt.Fprintf(c.out, "%s\n", b)
	}
}

// create makes the Secret, unless there is one.
func (c *certgen) create(ctx context.Context) error {
	secrets := c.client.CoreV1().Secrets(c.namespace)
	_, err := secrets.Get(ctx, c.secret, metav1.GetOptions{})
	switch {
	case err == nil:
		c.log("info", "secret already exists")
		return nil
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("error getting secret: %w", err)
	}
	c.log("info", "creating new secret")
	ca, cert, key, err := Certificates(strings.Split(c.hosts, ","), time.Now())
	if err != nil {
		return err
	}
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: c.secret},
		Data:       map[string][]byte{c.ca: ca, c.cert: cert, c.key: key},
	}, metav1.CreateOptions{})
	return err
}

// patch puts the Secret's CA into the webhook's configurations.
func (c *certgen) patch(ctx context.Context) error {
	s, err := c.client.CoreV1().Secrets(c.namespace).Get(ctx, c.secret, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("error getting secret: %w", err)
	}
	ca := s.Data[c.ca]
	if len(ca) == 0 {
		return fmt.Errorf("no secret with '%s' in '%s'", c.secret, c.namespace)
	}
	c.log("info", fmt.Sprintf("patching webhook configurations '%s' mutating=%t, validating=%t, failurePolicy=%s", c.webhook, c.mutating, c.validating, c.policy))
	policy := admissionv1.FailurePolicyType(c.policy)
	set := func(to *admissionv1.WebhookClientConfig, failure **admissionv1.FailurePolicyType) {
		to.CABundle = ca
		if policy != "" {
			*failure = &policy
		}
	}
	if c.validating {
		all := c.client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
		w, err := all.Get(ctx, c.webhook, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("failed getting validating webhook: %w", err)
		}
		for i := range w.Webhooks {
			set(&w.Webhooks[i].ClientConfig, &w.Webhooks[i].FailurePolicy)
		}
		if _, err := all.Update(ctx, w, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("failed patching validating webhook: %w", err)
		}
	}
	if c.mutating {
		all := c.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
		w, err := all.Get(ctx, c.webhook, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("failed getting mutating webhook: %w", err)
		}
		for i := range w.Webhooks {
			set(&w.Webhooks[i].ClientConfig, &w.Webhooks[i].FailurePolicy)
		}
		if _, err := all.Update(ctx, w, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("failed patching mutating webhook: %w", err)
		}
	}
	c.log("info", "Patched hook(s)")
	return nil
}

// validity is how long the certificates hold.
const validity = 100 * 365 * 24 * time.Hour

// Certificates are a CA and a server's certificate with its key, as PEM.
func Certificates(hosts []string, now time.Time) (ca, cert, key []byte, err error) {
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"nil1"}}, NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(validity),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, rootKey.Public(), rootKey)
	if err != nil {
		return nil, nil, nil, err
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Organization: []string{"nil2"}}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, server, authority, leafKey.Public(), rootKey)
	if err != nil {
		return nil, nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		return nil, nil, nil, err
	}
	return block("CERTIFICATE", root), block("CERTIFICATE", leaf), block("EC PRIVATE KEY", der), nil
}

func block(kind string, der []byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}) // it goes to memory
	return b.Bytes()
}
