package cluster

import (
	"net/http"

	"demarc/nodes/kubelet"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// fleetUser reads for all nodes at once; what it may read is in
// addons/node-fleet.yaml.
const fleetUser = "system:node-fleet"

// nodeIdentity lets one connection speak for every node, and for the service
// accounts of pods whose programs speak to the API server: it sets the headers
// by which a front proxy tells the API server who is asking. So NodeRestriction
// and the node authorizer see each node as itself.
type nodeIdentity struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t nodeIdentity) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if node, ok := kubelet.Identity(r.Context()); ok {
		r.Header.Set("X-Remote-User", "system:node:"+node)
		r.Header.Set("X-Remote-Group", "system:nodes")
		r.Header.Set("User-Agent", "kubelet") // the field manager of what it writes
	} else if namespace, name, ok := kubelet.ServiceAccount(r.Context()); ok {
		r.Header.Set("X-Remote-User", "system:serviceaccount:"+namespace+":"+name)
		r.Header["X-Remote-Group"] = []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace}
	} else {
		r.Header.Set("X-Remote-User", fleetUser)
	}
	return t.next.RoundTrip(r)
}

// nodesClient is the client that the fleet of nodes uses.
func nodesClient(cfg *rest.Config) (kubernetes.Interface, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return nodeIdentity{rt} })
	return kubernetes.NewForConfig(cfg)
}
