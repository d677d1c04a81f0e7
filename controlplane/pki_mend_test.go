package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/api"
	"demarc/sim/disk/disktest"
)

// secured is a plane in a directory with certificates and the customer's
// kubeconfig, and what was said about them.
func secured(t *testing.T, dir string) (*Plane, []api.Mended) {
	t.Helper()
	var said []api.Mended
	p := &Plane{cfg: Config{Name: "test", Dir: dir, Mended: func(m api.Mended) { said = append(said, m) }}, pki: pki{dir: dir + "/pki"}}
	if err := p.secure(); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := p.secureKubeconfig("https://127.0.0.1:1", customerAdmin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.writeKubeconfig(roleCustomer, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return p, said
}

// checkPKI fails unless all certificates are of the authorities that are there.
func checkPKI(t *testing.T, dir string) {
	t.Helper()
	pool := x509.NewCertPool()
	files, err := filepath.Glob(filepath.Join(dir, "pki", "*.crt"))
	if err != nil || len(files) < 8 {
		t.Fatalf("certificates: %v, %v", files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.HasSuffix(f, "ca.crt") {
			pool.AppendCertsFromPEM(b)
		}
	}
	for _, f := range files {
		pair, err := tls.LoadX509KeyPair(f, strings.TrimSuffix(f, "crt")+"key")
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
}

func TestDamagedPKI(t *testing.T) {
	sound := t.TempDir()
	p, said := secured(t, sound)
	if len(said) > 0 {
		t.Errorf("a new cluster was mended: %v", said)
	}
	id, authority := p.ID(), read(t, p.pki.cert("ca"))
	files, err := filepath.Glob(filepath.Join(sound, "pki", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		for _, damage := range disktest.All(rand.New(rand.NewPCG(7, 0)), 10) {
			t.Run(name+" "+damage.Name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
					t.Fatal(err)
				}
				disktest.Harm(t, filepath.Join(dir, "pki", name), damage)
				p, said := secured(t, dir)
				if p.ID() != id {
					t.Errorf("the cluster's ID was %s, and is %s: its backups are another's", id, p.ID())
				}
				checkPKI(t, dir)
				renewed := read(t, p.pki.cert("ca")) != authority
				if renewed && len(said) == 0 || renewed && name != "ca.key" {
					t.Errorf("the authority is another, and this was said: %v", said)
				}
				was, err1 := (&pkiMender{pki: pki{dir: sound + "/pki"}}).readKey(serviceAccount)
				is, err2 := (&pkiMender{pki: p.pki}).readKey(serviceAccount)
				if err1 != nil || err2 != nil || !was.Equal(is) && len(said) == 0 {
					t.Error("the key of service accounts is another, and nobody said so")
				}
				if _, again := secured(t, dir); len(again) > 0 {
					t.Errorf("mended again: %v", again)
				}
			})
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
