package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"

	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server"
)

// party is on whose behalf the API server is asked. Names prove nothing: who is a
// cluster's administrator has certificates signed for any user, is given tokens of any
// service account, and impersonates both. What proves who is the provider's is what
// nobody else has: the keys of its certificates, and the way by which its controllers
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
	keys    map[string]identity // by certificate
	callers map[*tls.ConnectionState]identity
	inside  map[string]*caller // by their identity's file
}

func newParties(p pki) (*parties, error) {
	x := &parties{keys: map[string]identity{}, callers: map[*tls.ConnectionState]identity{}, inside: map[string]*caller{}}
	for _, id := range []identity{recordedCustomer, providerAdmin, controllers, schedulerUser, kubeletClient, frontProxy} {
		cert, err := p.readCert(id.file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.cert(id.file), err)
		}
		x.keys[string(cert.Raw)] = id
		// A connection's state that is one of these is of a client inside the engine: any
		// other client has one of its own.
		c := &caller{certified: &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{cert}}, bare: &tls.ConnectionState{HandshakeComplete: true}}
		x.inside[id.file], x.callers[c.certified], x.callers[c.bare] = c, id, id
	}
	return x, nil
}

// caller is a client inside the engine that has an identity.
func (x *parties) caller(id identity) *caller { return x.inside[id.file] }

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
	case x.component(r) && account: // controllers have the tokens of service accounts
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

// component says whether a component of the control plane asks, by whichever identity.
func (x *parties) component(r *http.Request) bool {
	file := x.callers[r.TLS].file
	return file == controllers.file || file == schedulerUser.file
}

// recognise has an API server note the party of each request.
func (x *parties) recognise(c *server.Config) {
	c.Authentication.Authenticator = recogniser{x.trust(c.Authentication), x}
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
