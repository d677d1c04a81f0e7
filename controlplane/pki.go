package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"demarc/sim/disk"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// validity is wide on both sides because a cluster's clock may start years
// away from the machine's and then runs ahead of it.
const (
	validBefore = 20 * 365 * 24 * time.Hour
	validAfter  = 80 * 365 * 24 * time.Hour
)

// pki is the cluster's certificates and keys, as files of mode 0600 in one
// directory. What is there already is kept, so that a resumed cluster still
// trusts its clients; all but etcd's, which nobody outside this process has.
type pki struct {
	dir  string
	sync bool // they must survive a crash of the machine
}

// Authorities of the cluster. That of the API server also signs what customers ask
// for by a CertificateSigningRequest; so what no customer may be has others.
const (
	clusterCA    = "ca"
	frontProxyCA = "front-proxy-ca"
	etcdCA       = "etcd-ca"
)

// identity is a client certificate's user and groups, and who signs it.
type identity struct {
	file, user string
	groups     []string
	ca         string
}

// Identities of the cluster's own clients. The names are those of kubeadm and
// AKS, so that upstream's bootstrap RBAC roles apply.
var (
	customerAdmin = identity{"admin", "masterclient", []string{"system:masters"}, clusterCA}
	// recordedCustomer is the customer too, with a key of its own: see partyRecorded.
	recordedCustomer = identity{"recorded", customerAdmin.user, customerAdmin.groups, clusterCA}
	providerAdmin    = identity{"provider", "aksService", []string{"system:masters"}, clusterCA}
	controllers      = identity{"kube-controller-manager", "system:kube-controller-manager", nil, clusterCA}
	schedulerUser    = identity{"kube-scheduler", "system:kube-scheduler", nil, clusterCA}
	kubeletClient    = identity{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", []string{"system:masters"}, clusterCA}
	frontProxy       = identity{"front-proxy-client", "front-proxy-client", nil, frontProxyCA}
	etcdClient       = identity{"apiserver-etcd-client", "kube-apiserver-etcd-client", nil, etcdCA}
)

// Certificates of etcd's members: for their clients, and for each other.
const (
	etcdServer = "etcd-server"
	etcdPeer   = "etcd-peer"
)

func (p pki) cert(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p pki) key(name string) string  { return filepath.Join(p.dir, name+".key") }

// ensure makes whatever is missing.
func (p pki) ensure() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	for _, ca := range []string{clusterCA, frontProxyCA, etcdCA} {
		if err := p.issue(ca, "", func(t *x509.Certificate) {
			t.Subject.CommonName = ca
			t.IsCA, t.BasicConstraintsValid = true, true
			t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
		}); err != nil {
			return err
		}
	}
	if err := p.issue("apiserver", clusterCA, serving("kube-apiserver", []net.IP{net.ParseIP(kubernetesServiceIP)},
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")); err != nil {
		return err
	}
	for _, name := range []string{etcdServer, etcdPeer} {
		if err := p.issue(name, etcdCA, func(t *x509.Certificate) {
			serving(name, nil)(t)
			if name == etcdPeer { // a member is a client of the others
				t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
			}
		}); err != nil {
			return err
		}
	}
	for _, id := range []identity{customerAdmin, recordedCustomer, providerAdmin, controllers, schedulerUser, kubeletClient, frontProxy, etcdClient} {
		if err := p.issue(id.file, id.ca, func(t *x509.Certificate) {
			t.Subject = pkix.Name{CommonName: id.user, Organization: id.groups}
			t.KeyUsage = x509.KeyUsageDigitalSignature
			t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}); err != nil {
			return err
		}
	}
	_, err := p.loadOrMakeKey(serviceAccount)
	return err
}

// forgetEtcd removes etcd's certificates and keys, so that they are made anew.
func (p pki) forgetEtcd() error {
	for _, name := range []string{etcdCA, etcdServer, etcdPeer, etcdClient.file} {
		for _, file := range []string{p.cert(name), p.key(name)} {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// serving fills in the certificate of a server on this machine, which has further
// addresses and names too.
func serving(name string, addresses []net.IP, names ...string) func(*x509.Certificate) {
	return func(t *x509.Certificate) {
		t.Subject.CommonName = name
		t.KeyUsage = x509.KeyUsageDigitalSignature
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		t.DNSNames = append([]string{"localhost"}, names...)
		t.IPAddresses = append([]net.IP{net.IPv4(127, 0, 0, 1)}, addresses...)
	}
}

// tls is for connections between who has a certificate and those whom an authority
// has signed. Servers refuse whoever cannot show that.
func (p pki) tls(name, ca string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(p.cert(name), p.key(name))
	if err != nil {
		return nil, err
	}
	pool, err := certutil.NewPool(p.cert(ca))
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}, nil
}

// issue makes name.crt and name.key, signed by the CA named, or by itself.
func (p pki) issue(name, ca string, fill func(*x509.Certificate)) error {
	if _, err := os.Stat(p.cert(name)); err == nil {
		return nil
	}
	key, err := p.loadOrMakeKey(name)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-validBefore), NotAfter: now.Add(validAfter)}
	fill(tmpl)
	parent, signer := tmpl, key
	if ca != "" {
		if parent, signer, err = p.load(ca); err != nil {
			return err
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("sign certificate %s: %w", name, err)
	}
	return p.writeCert(name, der)
}

// load reads an authority.
func (p pki) load(name string) (*x509.Certificate, crypto.Signer, error) {
	cert, err := p.readCert(name)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.cert(name), err)
	}
	key, err := p.loadOrMakeKey(name)
	return cert, key, err
}

func (p pki) loadOrMakeKey(name string) (crypto.Signer, error) {
	if _, err := os.Stat(p.key(name)); errors.Is(err, fs.ErrNotExist) {
		made, err := keyutil.MakeEllipticPrivateKeyPEM()
		if err == nil {
			err = disk.Replace(p.key(name), made, p.sync)
		}
		if err != nil {
			return nil, err
		}
	}
	key, err := p.readKey(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.key(name), err)
	}
	return key, nil
}

// readCert and readKey read a file of the PKI. Their errors do not name it.
func (p pki) readCert(name string) (*x509.Certificate, error) {
	return readAs(p.cert(name), x509.ParseCertificate)
}

func (p pki) readKey(name string) (*ecdsa.PrivateKey, error) {
	return readAs(p.key(name), x509.ParseECPrivateKey)
}

func readAs[T any](path string, parse func([]byte) (*T, error)) (*T, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	is, err := parse(der)
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return is, nil
}

// readPEM reads what is in a file. Its errors do not name it.
func readPEM(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it is missing")
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is damaged: there is no PEM block in it")
	}
	return block.Bytes, nil
}

// writeCert writes a certificate.
func (p pki) writeCert(name string, der []byte) error {
	return disk.Replace(p.cert(name), pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: der}), p.sync)
}
