package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/sim/api"
)

// harms are what can happen to a file.
func harms(size int64) map[string]func([]byte) []byte {
	all := map[string]func([]byte) []byte{
		"deleted": nil,
		"emptied": func([]byte) []byte { return []byte{} },
		"halved":  func(b []byte) []byte { return b[:len(b)/2] },
		"garbled": func(b []byte) []byte {
			return bytes.Repeat([]byte("garbage!"), len(b)/8+1)[:len(b)]
		},
	}
	for at := int64(3); at < size; at += 97 {
		all[fmt.Sprintf("a bit of byte %d flipped", at)] = func(b []byte) []byte {
			b[at] ^= 2
			return b
		}
	}
	return all
}

func harm(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil && change == nil {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// secured is a plane in a directory with certificates and the customer's
// kubeconfig, and what was said about them.
func secured(t *testing.T, dir string) (*Plane, []api.Mended) {
	t.Helper()
	var said []api.Mended
	p := &Plane{cfg: Config{Name: "test", Dir: dir, Mended: func(m api.Mended) { said = append(said, m) }}, pki: pki{dir: dir + "/pki"}}
	if err := p.secure(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.writeKubeconfig("customer", "https://127.0.0.1:1", customerAdmin); err != nil {
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
		for how, change := range harms(int64(len(read(t, f)))) {
			t.Run(name+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
					t.Fatal(err)
				}
				harm(t, filepath.Join(dir, "pki", name), change)
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
				if err1 != nil || err2 != nil || !was.(*ecdsa.PrivateKey).Equal(is) && len(said) == 0 {
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
