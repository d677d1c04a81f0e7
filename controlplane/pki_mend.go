package controlplane

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	certutil "k8s.io/client-go/util/cert"

	"demarc/sim/api"
	"demarc/sim/disk"
)

// pkiMender looks through the certificates and keys of a cluster that was there
// before. What is damaged and can be derived from what is whole is; of the rest it
// says what is lost. What was damaged is kept, as NAME.damaged; [pki.ensure] makes
// what is then missing.
type pkiMender struct {
	pki
	kubeconfig string // of the customer: it has the authority's certificate too
	mended     func(api.Mended)
	signers    []crypto.PublicKey // of the authorities
}

// serviceAccount is the key by which tokens of service accounts are signed.
const serviceAccount = "service-account"

func (m *pkiMender) say(file, found, remedy string) {
	m.mended(api.Mended{Subject: "pki/" + file, Found: found, Remedy: remedy})
}

// mend is to be called before [pki.ensure].
func (m *pkiMender) mend() error {
	authorities, others, err := m.names()
	if err != nil {
		return err
	}
	for _, name := range authorities {
		if err := m.authority(name); err != nil {
			return err
		}
	}
	for _, name := range others {
		if err := m.leaf(name); err != nil {
			return err
		}
	}
	return nil
}

// names are those of the authorities and of all others that have a file.
func (m *pkiMender) names() (authorities, others []string, err error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	authorities, others = []string{"ca"}, []string{serviceAccount}
	for _, e := range entries {
		name, ext := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())), filepath.Ext(e.Name())
		list := &others
		if name == "ca" || strings.HasSuffix(name, "-ca") {
			list = &authorities
		}
		if (ext == ".crt" || ext == ".key") && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	return authorities, others, nil
}

// authority looks at a certificate authority.
func (m *pkiMender) authority(name string) error {
	cert, certErr := m.readCert(name)
	if certErr == nil {
		certErr = cert.CheckSignatureFrom(cert)
	}
	key, keyErr := m.readKey(name)
	if certErr != nil && name == "ca" {
		if kept := m.certOfKubeconfig(); kept != nil && keyErr == nil && isOf(kept, key) {
			if err := m.writeCert(name, kept.Raw); err != nil {
				return err
			}
			m.say(name+".crt", certErr.Error(), "put back from the customer's kubeconfig; nothing is lost")
			cert, certErr = kept, nil
		}
	}
	if keyErr == nil && certErr == nil && !isOf(cert, key) {
		keyErr = errors.New("it is not the key of " + name + ".crt")
	}
	switch {
	case keyErr != nil:
		m.say(name+".key", keyErr.Error(), newAuthority(name))
		return m.setAside(m.cert(name), m.key(name))
	case certErr != nil:
		m.say(name+".crt", certErr.Error(), "issued anew with the key that is there: what it has signed stays good")
		m.signers = append(m.signers, key.Public())
		return m.setAside(m.cert(name))
	}
	m.signers = append(m.signers, key.Public())
	return nil
}

// newAuthority says what the loss of an authority's key costs.
func newAuthority(name string) string {
	if name == "ca" {
		return "there is a new certificate authority, and every certificate and kubeconfig of the cluster is issued anew: " +
			"copies of the kubeconfig, and client certificates that customers have been given, are void"
	}
	return "there is a new certificate authority, and what it had signed is issued anew: nobody outside uses it"
}

// leaf looks at a certificate of another, or at a key without one.
func (m *pkiMender) leaf(name string) error {
	if name == serviceAccount {
		err := m.checkLonelyKey(name)
		if err == nil {
			return nil
		}
		m.say(name+".key", err.Error(), "there is a new one: tokens of service accounts that were issued before are void")
		return m.setAside(m.key(name))
	}
	err := m.checkLeaf(name)
	if err == nil {
		return nil
	}
	if !errors.Is(err, errUnknownSigner) { // else its authority is new, which was said
		m.say(name, err.Error(), "issued anew; nothing is lost")
	}
	return m.setAside(m.cert(name), m.key(name))
}

// checkLonelyKey checks a key that no certificate speaks for: its file has the public
// key too.
func (m *pkiMender) checkLonelyKey(name string) error {
	key, err := m.readKey(name)
	if err != nil {
		return err
	}
	der, err := readPEM(m.key(name))
	if err != nil {
		return err
	}
	again, err := x509.MarshalECPrivateKey(key)
	if err != nil || !bytes.Equal(der, again) {
		return errors.New("it is damaged: it is not what was written")
	}
	return nil
}

// errUnknownSigner says that none of the authorities has signed a certificate.
var errUnknownSigner = errors.New("none of the authorities has signed it")

func (m *pkiMender) checkLeaf(name string) error {
	key, err := m.readKey(name)
	if err != nil {
		return err
	}
	cert, err := m.readCert(name)
	if err != nil {
		return err
	}
	if !isOf(cert, key) {
		return errors.New("key and certificate do not belong together")
	}
	for _, signer := range m.signers {
		authority := x509.Certificate{PublicKeyAlgorithm: x509.ECDSA, PublicKey: signer}
		if authority.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return nil
		}
	}
	return errUnknownSigner
}

func isOf(cert *x509.Certificate, key crypto.Signer) bool {
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	return ok && public.Equal(key.Public())
}

// certOfKubeconfig is the authority's certificate in the customer's kubeconfig, or nil.
func (m *pkiMender) certOfKubeconfig() *x509.Certificate {
	cfg, err := clientcmd.LoadFromFile(m.kubeconfig)
	if err != nil {
		return nil
	}
	for _, c := range cfg.Clusters {
		certs, err := certutil.ParseCertsPEM(c.CertificateAuthorityData)
		if err == nil && certs[0].CheckSignatureFrom(certs[0]) == nil {
			return certs[0]
		}
	}
	return nil
}

func (m *pkiMender) setAside(paths ...string) error {
	var errs []error
	for _, path := range paths {
		_, err := disk.SetAside(path)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
