package upstream

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// policyWait is for how long, in virtual time, who asks for the list of documents waits
// for a policy. Clients of discovery have patience for 32 seconds.
const policyWait = 30 * time.Second

// policyLists answers an API server's own questions for the list of its documents of
// version 3. They are for admission policies that are about custom resources, and are
// asked every five seconds. While there is no policy they are answered late, and with an
// empty list; the first policy ends the wait.
type policyLists struct {
	http.RoundTripper
	policy chan struct{} // closed when there is a policy
}

// Policies are a server's own informers of the admission policies that it obeys. In an
// older version of Kubernetes there are none that mutate: an informer of what is not served
// never has a list, and a server with one is never ready.
func Policies(c *server.Config, shared informers.SharedInformerFactory) []cache.SharedIndexInformer {
	v1 := shared.Admissionregistration().V1()
	list := []cache.SharedIndexInformer{v1.ValidatingAdmissionPolicies().Informer()}
	if c.FeatureGate.Enabled(features.MutatingAdmissionPolicy) {
		list = append(list, v1.MutatingAdmissionPolicies().Informer())
	}
	return list
}

// ForPolicies wraps the way by which an API server calls itself: while it has no
// admission policy, its documents are not made for its own sake.
func ForPolicies(rt http.RoundTripper, policies []cache.SharedIndexInformer) (http.RoundTripper, error) {
	l := &policyLists{rt, make(chan struct{})}
	first := sync.OnceFunc(func() { close(l.policy) })
	for _, i := range policies {
		if _, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) { first() }}); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// RoundTrip implements [http.RoundTripper].
func (l *policyLists) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != openAPIv3 {
		return l.RoundTripper.RoundTrip(r)
	}
	patience := time.NewTimer(policyWait)
	defer patience.Stop()
	select {
	case <-l.policy:
		return l.RoundTripper.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-patience.C:
	}
	const none = `{"paths":{}}`
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(none)),
		Body: io.NopCloser(strings.NewReader(none)), Request: r,
	}, nil
}
