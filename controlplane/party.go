package controlplane

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server"
)

// party is on whose behalf the API server is asked. Names prove nothing: who is a
// cluster's administrator has certificates signed for any user, is given tokens of any
// service account, and impersonates both. What proves who is the provider's is what
// nobody else has: the keys of its certificates, and the path by which its controllers
// ask. Everybody else is a customer.
type party string

const (
	partyCustomer party = "customer"
	partyProvider party = "provider" // with its controllers and the nodes
	// partyRecorded is a customer whose deeds are put on the timeline by whoever does
	// them: scenarios say in their own words what they do.
	partyRecorded party = "recorded"
)

// partyAnnotation is the audit annotation that has the party of a request. It is the
// first that is set: what admission adds under that name later is dropped.
const partyAnnotation = "demarc.dev/party"

// parties tells them apart.
type parties struct {
	keys map[string]identity // by certificate
	// path is the first part of the paths by which components ask. Controllers do so
	// with the tokens of service accounts, and without a certificate.
	path string
}

func newParties(p pki) (*parties, error) {
	x := &parties{keys: map[string]identity{}, path: rand.Text()}
	for _, id := range []identity{recordedCustomer, providerAdmin, controllers, schedulerUser, kubeletClient, frontProxy} {
		der, err := readPEM(p.cert(id.file))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.cert(id.file), err)
		}
		x.keys[string(der)] = id
	}
	return x, nil
}

// of is the party of a request that was found to be a user's.
func (x *parties) of(r *http.Request, u user.Info) party {
	account := slices.Contains(u.GetGroups(), serviceaccount.AllServiceAccountsGroup)
	switch id := x.certified(r); {
	case id.file == recordedCustomer.file:
		return partyRecorded
	case id.file == frontProxy.file && account: // a program in a pod
		return partyCustomer
	case id.file != "":
		return partyProvider
	case byPath(r.Context()) && account:
		return partyProvider
	}
	return partyCustomer
}

// certified is the identity of ours whose key the client has; empty for none.
func (x *parties) certified(r *http.Request) identity {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return identity{}
	}
	return x.keys[string(r.TLS.PeerCertificates[0].Raw)]
}

// url is where components find an API server.
func (x *parties) url(e *entrance) string { return e.url() + "/" + x.path }

type byPathKey struct{}

func byPath(ctx context.Context) bool { return ctx.Value(byPathKey{}) != nil }

// enter takes the components' path off their requests, and remembers that it was there.
func (x *parties) enter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if ok && subtle.ConstantTimeCompare([]byte(first), []byte(x.path)) == 1 {
			r = r.WithContext(context.WithValue(r.Context(), byPathKey{}, true))
			r.URL = &url.URL{Path: "/" + rest, RawPath: strings.TrimPrefix(r.URL.RawPath, "/"+x.path), RawQuery: r.URL.RawQuery}
			r.RequestURI = r.URL.RequestURI()
		}
		next.ServeHTTP(w, r)
	})
}

// recognise has an API server note the party of each request.
func (x *parties) recognise(c *server.Config) {
	build := c.BuildHandlerChainFunc
	c.BuildHandlerChainFunc = func(h http.Handler, c *server.Config) http.Handler { return x.enter(build(h, c)) }
	c.Authentication.Authenticator = recogniser{c.Authentication.Authenticator, x}
}

// recogniser authenticates, and notes the party.
type recogniser struct {
	authenticator.Request
	parties *parties
}

// AuthenticateRequest implements [authenticator.Request].
func (a recogniser) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	resp, ok, err := a.Request.AuthenticateRequest(r)
	if ok && err == nil {
		audit.AddAuditAnnotation(r.Context(), partyAnnotation, string(a.parties.of(r, resp.User)))
	}
	return resp, ok, err
}
