package certmanager

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// usual is for how long a certificate holds that does not say so.
const usual = 90 * 24 * time.Hour

// authority is a CA.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newAuthority is a CA that has signed itself.
func newAuthority(now time.Time) (*authority, error) {
	var o object
	o.Spec.CommonName, o.Spec.IsCA, o.Spec.Duration.Duration = "cert-manager", true, 10*365*24*time.Hour
	data, err := issue(o, nil, now)
	if err != nil {
		return nil, err
	}
	return readAuthority(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
}

// readAuthority is the CA of a Secret.
func readAuthority(cert, key []byte) (*authority, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("signing certificate is not a CA")
	}
	return &authority{pair.Leaf, signer}, nil
}

// issue makes what a Certificate's Secret has; by itself, if ca is nil.
func issue(o object, ca *authority, now time.Time) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	holds := o.Spec.Duration.Duration
	if holds <= 0 {
		holds = usual
	}
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // it never fails
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: o.Spec.CommonName}, NotBefore: now, NotAfter: now.Add(holds),
		DNSNames: o.Spec.DNSNames, IsCA: o.Spec.IsCA, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if t.IsCA {
		t.KeyUsage |= x509.KeyUsageCertSign
	} else {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	for _, a := range o.Spec.IPAddresses {
		if ip := net.ParseIP(a); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		}
	}
	parent, signer := t, crypto.Signer(key)
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	root := der
	if ca != nil {
		root = ca.cert.Raw
	}
	return map[string][]byte{
		corev1.TLSCertKey: block("CERTIFICATE", der), corev1.TLSPrivateKeyKey: block("EC PRIVATE KEY", secret), caKey: block("CERTIFICATE", root),
	}, nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// validity is when a certificate holds.
type validity struct{ from, to time.Time }

// renewal is when a third of it is left.
func (v validity) renewal() time.Time { return v.to.Add(-v.to.Sub(v.from) / 3) }

func validityOf(cert []byte) (v validity, ok bool) {
	b, _ := pem.Decode(cert)
	if b == nil {
		return v, false
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return v, false
	}
	return validity{c.NotBefore.UTC(), c.NotAfter.UTC()}, true
}
