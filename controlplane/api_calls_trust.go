package controlplane

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/server"
)

// trust is an API server's authenticator that looks at the certificate of a client inside
// the engine once, not at each request: nobody else's requests have the state of its
// connection. What it says is what upstream's says.
func (x *parties) trust(a server.AuthenticationInfo) authenticator.Request {
	t := &trusting{Request: a.Authenticator, found: map[*tls.ConnectionState]*atomic.Pointer[authenticator.Response]{}}
	for _, c := range x.inside {
		t.found[c.certified] = &atomic.Pointer[authenticator.Response]{}
	}
	if h := a.RequestHeaderConfig; h != nil {
		t.proxy = x.caller(frontProxy).certified
		named := headerrequest.NewDynamic(h.UsernameHeaders, h.UIDHeaders, h.GroupHeaders, h.ExtraHeaderPrefixes)
		t.named = group.NewAuthenticatedGroupAdder(authenticator.WrapAudienceAgnosticRequest(a.APIAudiences, named))
	}
	return t
}

// trusting is that authenticator.
type trusting struct {
	authenticator.Request
	found map[*tls.ConnectionState]*atomic.Pointer[authenticator.Response] // what upstream's has said
	proxy *tls.ConnectionState                                             // the front proxy's
	named authenticator.Request                                            // of whom the front proxy names
}

// AuthenticateRequest implements [authenticator.Request].
func (t *trusting) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	found := t.found[r.TLS]
	switch {
	case found == nil:
		return t.Request.AuthenticateRequest(r)
	case r.TLS == t.proxy:
		return t.named.AuthenticateRequest(r)
	}
	if resp := found.Load(); resp != nil {
		return resp, true, nil
	}
	resp, ok, err := t.Request.AuthenticateRequest(r)
	if ok && err == nil {
		found.Store(resp)
	}
	return resp, ok, err
}
