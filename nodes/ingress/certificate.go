package ingress

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// certificate is what is shown to a client.
type certificate struct {
	pair tls.Certificate
	leaf *x509.Certificate
}

// Certificate is what the program shows at a port to a client that wants to see a name; nil at
// ports that are none of its own for HTTPS.
func (c *Controller) Certificate(port int32, name string) *tls.Certificate {
	o, t := c.options.Load(), c.table.Load()
	if o == nil || t == nil || port != o.https {
		return nil
	}
	shown := t.serverOf(name).certificate
	if shown == nil {
		shown = t.certificate
	}
	if shown == nil {
		shown = c.fake()
	}
	if shown == nil {
		return nil
	}
	return &shown.pair
}

// fakeCertificate is what the program shows for hosts without one, signed by itself; nil if
// none can be made.
func fakeCertificate() *certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil
	}
	now := time.Now()
	x := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{Organization: []string{"Acme Co"}, CommonName: "Kubernetes Ingress Controller Fake Certificate"},
		DNSNames: []string{"ingress.local"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	if err != nil {
		return nil
	}
	return &certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, x}
}

// secure gives the hosts of an Ingress their certificates.
func (s *store) secure(t *table, ing *networkingv1.Ingress) {
	if len(ing.Spec.TLS) == 0 {
		return
	}
	for _, rule := range ing.Spec.Rules {
		v := t.server(rule.Host)
		if v.tls || rule.Host == "" {
			continue
		}
		i := slices.IndexFunc(ing.Spec.TLS, func(x networkingv1.IngressTLS) bool { return slices.Contains(x.Hosts, rule.Host) })
		if i < 0 { // it may be the certificate that tells whose it is
			i = slices.IndexFunc(ing.Spec.TLS, func(x networkingv1.IngressTLS) bool {
				c := s.certificate(t, ing.Namespace+"/"+x.SecretName)
				return x.SecretName != "" && c != nil && c.leaf.VerifyHostname(v.host) == nil
			})
		}
		if i < 0 {
			continue
		}
		v.tls = true
		secret := ing.Spec.TLS[i].SecretName
		if secret == "" {
			t.note("Host %q is listed in the TLS section but secretName is empty. Using default certificate", v.host)
			continue
		}
		c := s.certificate(t, ing.Namespace+"/"+secret)
		if c == nil {
			continue
		}
		if err := c.leaf.VerifyHostname(v.host); err != nil {
			t.note("SSL certificate %q does not contain a Common Name or Subject Alternative Name for server %q: %v. Using default certificate", ing.Namespace+"/"+secret, v.host, err)
			continue
		}
		v.certificate = c
	}
}

// certificate is that of a Secret; nil if it has none.
func (s *store) certificate(t *table, key string) *certificate {
	namespace, name, ok := nameOf(key)
	if !ok {
		return nil
	}
	secret, err := s.secrets.Secrets(namespace).Get(name)
	if err != nil {
		t.note("Error getting SSL certificate %q: local SSL certificate %s was not found. Using default certificate", key, key)
		return nil
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil || pair.Leaf == nil {
		t.note("Error obtaining X.509 certificate: unexpected error creating SSL Cert %q: %v", key, err)
		return nil
	}
	return &certificate{pair, pair.Leaf}
}
