package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
)

// TestParties checks that no name makes a customer somebody else.
func TestParties(t *testing.T) {
	p := pki{dir: t.TempDir()}
	if err := p.ensure(); err != nil {
		t.Fatal(err)
	}
	x, err := newParties(p)
	if err != nil {
		t.Fatal(err)
	}
	forged := func(name string) *x509.Certificate {
		if err := p.issue("forged-"+name, "ca", func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: name, Organization: []string{"system:masters"}}
		}); err != nil {
			t.Fatal(err)
		}
		c, _, err := p.load("forged-" + name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	own := func(id identity) *x509.Certificate {
		c, _, err := p.load(id.file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	account := []string{"system:serviceaccounts", "system:serviceaccounts:kube-system"}
	for _, tt := range []struct {
		what   string
		cert   *x509.Certificate
		path   bool
		user   string
		groups []string
		want   party
	}{
		{"the customer's kubeconfig", own(customerAdmin), false, customerAdmin.user, nil, partyCustomer},
		{"scenarios", own(recordedCustomer), false, customerAdmin.user, nil, partyRecorded},
		{"the provider", own(providerAdmin), false, providerAdmin.user, nil, partyProvider},
		{"the scheduler", own(schedulerUser), true, schedulerUser.user, nil, partyProvider},
		{"a node", own(frontProxy), false, "system:node:a", []string{"system:nodes"}, partyProvider},
		{"a program in a pod", own(frontProxy), false, "system:serviceaccount:kube-system:kured", account, partyCustomer},
		{"a controller", nil, true, "system:serviceaccount:kube-system:job-controller", account, partyProvider},
		{"the token of a controller", nil, false, "system:serviceaccount:kube-system:job-controller", account, partyCustomer},
		{"a certificate of the provider's name", forged(providerAdmin.user), false, providerAdmin.user, nil, partyCustomer},
		{"one of the front proxy's name", forged(frontProxy.user), false, frontProxy.user, nil, partyCustomer},
		{"one of a controller's name", forged(controllers.user), true, controllers.user, nil, partyCustomer},
		{"one of a node's name", forged("system:node:a"), false, "system:node:a", []string{"system:nodes"}, partyCustomer},
		{"a token", nil, false, "x", nil, partyCustomer},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.TLS = &tls.ConnectionState{}
		if tt.cert != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{tt.cert}
		}
		if tt.path {
			r = r.WithContext(context.WithValue(r.Context(), byPathKey{}, true))
		}
		if got := x.of(r, &user.DefaultInfo{Name: tt.user, Groups: tt.groups}); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.what, got, tt.want)
		}
	}
}

// TestComponentsPath checks that the components' path is taken off, and no other.
func TestComponentsPath(t *testing.T) {
	x := &parties{path: "SECRET"}
	for asked, want := range map[string]string{
		"/SECRET/api/v1/pods?watch=1": "/api/v1/pods?watch=1 ours", "/SECRET/healthz": "/healthz ours", "/api/v1/pods": "/api/v1/pods",
		"/SECRE/api": "/SECRE/api", "/SECRET": "/SECRET", "/": "/", "/SECRET/apis/a%2Fb": "/apis/a%2Fb ours", "//SECRET/api": "//SECRET/api",
	} {
		got := ""
		x.enter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = r.URL.RequestURI()
			if byPath(r.Context()) {
				got += " ours"
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, asked, nil))
		if got != want {
			t.Errorf("%s: got %s, want %s", asked, got, want)
		}
	}
}
