package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server"
)

// testParties are parties of certificates that were just made.
func testParties(t *testing.T) (pki, *parties) {
	t.Helper()
	p := pki{dir: t.TempDir()}
	if err := p.ensure(); err != nil {
		t.Fatal(err)
	}
	x, err := newParties(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, x
}

// TestParties checks that no name makes a customer somebody else.
func TestParties(t *testing.T) {
	p, x := testParties(t)
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
	shown := func(certs ...*x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: certs}
	}
	imitation := *x.caller(controllers).bare
	for _, tt := range []struct {
		what   string
		conn   *tls.ConnectionState
		user   string
		groups []string
		want   party
	}{
		{"the customer's kubeconfig", shown(own(customerAdmin)), customerAdmin.user, nil, partyCustomer},
		{"scenarios", x.caller(recordedCustomer).certified, customerAdmin.user, nil, partyRecorded},
		{"the provider", x.caller(providerAdmin).certified, providerAdmin.user, nil, partyProvider},
		{"the provider from outside", shown(own(providerAdmin)), providerAdmin.user, nil, partyProvider},
		{"the scheduler", x.caller(schedulerUser).certified, schedulerUser.user, nil, partyProvider},
		{"a node", x.caller(frontProxy).certified, "system:node:a", []string{"system:nodes"}, partyProvider},
		{"a program in a pod", x.caller(frontProxy).certified, "system:serviceaccount:kube-system:kured", account, partyCustomer},
		{"a controller", x.caller(controllers).bare, "system:serviceaccount:kube-system:job-controller", account, partyProvider},
		{"the token of a controller", shown(), "system:serviceaccount:kube-system:job-controller", account, partyCustomer},
		{"the same by the provider's client", x.caller(providerAdmin).bare, "system:serviceaccount:kube-system:job-controller", account, partyCustomer},
		{"the same without TLS", nil, "system:serviceaccount:kube-system:job-controller", account, partyCustomer},
		{"what looks like a controller's connection", &imitation, "system:serviceaccount:kube-system:job-controller", account, partyCustomer},
		{"a certificate of the provider's name", shown(forged(providerAdmin.user)), providerAdmin.user, nil, partyCustomer},
		{"one of the front proxy's name", shown(forged(frontProxy.user)), frontProxy.user, nil, partyCustomer},
		{"one of a controller's name", shown(forged(controllers.user)), controllers.user, nil, partyCustomer},
		{"one of a node's name", shown(forged("system:node:a")), "system:node:a", []string{"system:nodes"}, partyCustomer},
		{"a token", shown(), "x", nil, partyCustomer},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.TLS = tt.conn
		if got := x.of(r, &user.DefaultInfo{Name: tt.user, Groups: tt.groups}); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.what, got, tt.want)
		}
	}
}

// TestTrust has upstream's authenticator look at each certificate inside the engine once,
// and at everybody else's always.
func TestTrust(t *testing.T) {
	_, x := testParties(t)
	asked := 0
	headers := func(names ...string) headerrequest.StringSliceProvider { return headerrequest.StaticStringSlice(names) }
	trusted := x.trust(server.AuthenticationInfo{
		Authenticator: authenticator.RequestFunc(func(r *http.Request) (*authenticator.Response, bool, error) {
			asked++
			if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
				return nil, false, nil
			}
			return &authenticator.Response{User: &user.DefaultInfo{Name: r.TLS.PeerCertificates[0].Subject.CommonName}}, true, nil
		}),
		RequestHeaderConfig: &authenticatorfactory.RequestHeaderConfig{
			UsernameHeaders: headers("X-Remote-User"), UIDHeaders: headers(), GroupHeaders: headers("X-Remote-Group"), ExtraHeaderPrefixes: headers(),
		},
	})
	imitation := *x.caller(frontProxy).certified
	for _, tt := range []struct {
		what  string
		conn  *tls.ConnectionState
		want  string
		asked int
	}{
		{"the provider", x.caller(providerAdmin).certified, "aksService []", 1},
		{"the provider again", x.caller(providerAdmin).certified, "aksService []", 0},
		{"the scheduler", x.caller(schedulerUser).certified, "system:kube-scheduler []", 1},
		{"the front proxy", x.caller(frontProxy).certified, "somebody [others system:authenticated]", 0},
		{"what looks like it", &imitation, "front-proxy-client []", 1},
		{"what looks like it again", &imitation, "front-proxy-client []", 1},
		{"a component with a token", x.caller(controllers).bare, "", 1},
		{"nobody", nil, "", 1},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.TLS = tt.conn
		r.Header = http.Header{"X-Remote-User": {"somebody"}, "X-Remote-Group": {"others"}}
		asked = 0
		resp, ok, err := trusted.AuthenticateRequest(r)
		got := ""
		if ok {
			got = fmt.Sprint(resp.User.GetName(), " ", resp.User.GetGroups())
		}
		if got != tt.want || asked != tt.asked || err != nil {
			t.Errorf("%s: got %q, %v, and upstream was asked %d times; want %q and %d", tt.what, got, err, asked, tt.want, tt.asked)
		}
	}
}
