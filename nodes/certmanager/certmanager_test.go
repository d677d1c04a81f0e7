package certmanager

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// fakeAPI has objects by their paths, and takes statuses.
type fakeAPI struct {
	mu       sync.Mutex
	lists    map[string]string // by the path's last part
	secrets  map[string]corev1.Secret
	statuses map[string]string
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	body, _ := io.ReadAll(r.Body)
	rest, ours := strings.CutPrefix(r.URL.Path, api)
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case ours && r.Method == http.MethodPatch:
		f.statuses[rest] = string(body)
		_, _ = io.WriteString(w, "{}")
	case ours:
		_, _ = io.WriteString(w, `{"items": [`+f.lists[rest]+`]}`)
	case r.Method == http.MethodGet:
		if s, ok := f.secrets[name]; ok {
			_ = json.NewEncoder(w).Encode(s)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)
	default:
		var s corev1.Secret
		_ = json.Unmarshal(body, &s)
		f.secrets[s.Name] = s
		_, _ = w.Write(body)
	}
}

func TestCertificatesAreIssued(t *testing.T) {
	f := &fakeAPI{secrets: map[string]corev1.Secret{}, statuses: map[string]string{}, lists: map[string]string{
		"clusterissuers": `{"metadata": {"name": "acme"}, "spec": {"acme": {}}}`,
		"issuers": `{"metadata": {"name": "self", "namespace": "a"}, "spec": {"selfSigned": {}}},
			{"metadata": {"name": "ca", "namespace": "a"}, "spec": {"ca": {"secretName": "root"}}}`,
		"certificates": `{"metadata": {"name": "leaf", "namespace": "a"}, "spec": {"secretName": "leaf", "dnsNames": ["hook.a.svc"], "issuerRef": {"name": "ca"}}},
			{"metadata": {"name": "root", "namespace": "a"}, "spec": {"secretName": "root", "isCA": true, "commonName": "root", "issuerRef": {"name": "self", "kind": "Issuer"}}},
			{"metadata": {"name": "web", "namespace": "a", "generation": 3}, "spec": {"secretName": "web", "dnsNames": ["shop.example"], "issuerRef": {"name": "acme", "kind": "ClusterIssuer"}}},
			{"metadata": {"name": "lost", "namespace": "a"}, "spec": {"secretName": "lost", "issuerRef": {"name": "nobody"}}}`,
	}}
	srv := httptest.NewServer(f)
	defer srv.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: srv.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{client: client, out: io.Discard, namespace: "cert-manager"}
	if err := m.round(context.Background()); err == nil || f.secrets["leaf"].Data != nil {
		t.Errorf("a CA without its Secret signed: %v", err)
	}
	if err := m.round(context.Background()); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.secrets["root"].Data[caKey])
	leaf := f.secrets["leaf"]
	pair, err := tls.X509KeyPair(leaf.Data["tls.crt"], leaf.Data["tls.key"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "hook.a.svc"}); err != nil || leaf.Type != corev1.SecretTypeTLS {
		t.Errorf("the certificate of a CA, a %s: %v", leaf.Type, err)
	}
	if s := f.statuses["namespaces/a/certificates/web/status"]; !strings.Contains(s, `"status":"True","observedGeneration":3`) || !strings.Contains(s, `"renewalTime":`) {
		t.Errorf("the status of a Certificate: %s", s)
	}
	if s := f.statuses["clusterissuers/acme/status"]; !strings.Contains(s, `"type":"Ready","status":"True"`) {
		t.Errorf("the status of a ClusterIssuer: %s", s)
	}
	if _, made := f.secrets["lost"]; made {
		t.Error("a Certificate without its issuer was issued")
	}
	before := string(f.secrets["web"].Data["tls.crt"])
	if err := m.round(context.Background()); err != nil || string(f.secrets["web"].Data["tls.crt"]) != before {
		t.Errorf("it was issued anew: %v", err)
	}
}
