//go:build faketime

package controlplane

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"demarc/sim/timeline"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// TestNobodyHides changes something under every name that a customer can give himself,
// and checks that each change is told of as a customer's; and that what the control
// plane does for him is not.
func TestNobodyHides(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	told := map[string]Change{}
	dir := t.TempDir()
	p, err := New(Config{
		Name: "test", Dir: dir, Logs: dir + "/logs", Ephemeral: true, Note: func(string, timeline.Verb, string) {},
		Tunnel: func(context.Context, string) (net.Conn, error) { return nil, errors.New("no agent") },
		Changed: func(c Change) {
			mu.Lock()
			defer mu.Unlock()
			told[c.Resource+"/"+c.Name] = c
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(ctx) })
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	customer := outside(t, p, customerAdmin)
	admin := kubernetes.NewForConfigOrDie(customer)
	if _, err := admin.CoreV1().ServiceAccounts("kube-system").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "hidden"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := admin.CoreV1().ServiceAccounts("kube-system").CreateToken(ctx, "hidden", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(cfg *rest.Config) *rest.Config {
		cfg.BearerToken = token.Status.Token
		return cfg
	}
	with := func(change func(*rest.Config)) *rest.Config {
		cfg := rest.CopyConfig(customer)
		change(cfg)
		return cfg
	}
	forged := identity{file: "forged", user: providerAdmin.user, groups: []string{"system:masters"}, ca: clusterCA}
	if err := p.pki.issue(forged.file, "ca", func(c *x509.Certificate) { // as the signer for clients does
		c.Subject = pkix.Name{CommonName: forged.user, Organization: forged.groups}
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().ClusterRoleBindings().Create(ctx, bindAdmin("hidden"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		cfg        *rest.Config
		told       bool
		user, play string
	}{
		"kubectl":     {customer, true, "masterclient", ""},
		"audit-id":    {with(func(c *rest.Config) { c.Wrap(auditID) }), true, "masterclient", ""},
		"certificate": {outside(t, p, forged), true, "aksService", ""},
		"token":       {bearer(rest.AnonymousClientConfig(customer)), true, "system:serviceaccount:kube-system:hidden", ""},
		"other-way":   {bearer(p.Provider()), true, "system:serviceaccount:kube-system:hidden", ""},
		"controller":  {bearer(p.restConfig(ControllerManager, controllers)), false, "", ""},
		"impersonated": {with(func(c *rest.Config) {
			c.Impersonate.UserName = "aksService"
			c.Impersonate.Groups = []string{"system:masters"}
		}), true, "masterclient", "aksService"},
		"recorded": {p.Customer(), false, "", ""},
		"provider": {p.Provider(), false, "", ""},
	} {
		cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := kubernetes.NewForConfigOrDie(tt.cfg).CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		mu.Lock()
		c, ok := told["configmaps/"+name]
		mu.Unlock()
		if ok != tt.told || c.User != tt.user || c.Impersonated != tt.play {
			t.Errorf("%s: told %t, of %+v", name, ok, c)
		}
	}
	// The control plane makes things for a new namespace, with the tokens of its controllers.
	if _, err := admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if _, err := admin.CoreV1().ServiceAccounts("new").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		t.Errorf("kube-controller-manager does not work: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for subject, c := range told {
		if !slices.Contains([]string{customerAdmin.user, forged.user, "system:serviceaccount:kube-system:hidden"}, c.User) {
			t.Errorf("%s is told to be a customer's: %+v", subject, c)
		}
	}
}

// outside is the configuration of a client that comes in by the front door's port.
func outside(t testing.TB, p *Plane, id identity) *rest.Config {
	t.Helper()
	kubeconfig, err := p.secureKubeconfig(p.customer.url(), id)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*kubeconfig, nil).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	return cfg
}

// auditID sets the header by which customers hid.
func auditID(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Audit-ID", "recorded-x")
		return next.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// bindAdmin makes a service account of kube-system an administrator.
func bindAdmin(account string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kube-system", Name: account}},
	}
}
