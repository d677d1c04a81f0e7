package controlplane

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
)

// wholeRenewal is how often a kubelet's renewal of its node's lease goes the whole way
// through the API server: it is authorised, validated and audited then. The others are
// written to etcd as the API server would write them. Renewals are half of all requests
// of an idle cluster, and all but all of a large one's.
const wholeRenewal = time.Hour

const (
	nodeLeases    = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"
	nodeLeaseKeys = "/registry/leases/kube-node-lease/"
)

// leaseRenewals is the handler of an API server for calls from inside the engine, where
// nodes renew their leases. Its short way writes nothing but a time: whatever else is to
// be changed, was changed by others, is refused or could be by a webhook or a policy goes
// the whole way. The gates of a call (crashed, hung, slow, cut off) are before it.
type leaseRenewals struct {
	whole http.Handler
	etcd  clientv3.KV
	nodes *tls.ConnectionState // of the proxy that speaks for kubelets
	// inspected says whether a webhook or a policy may look at requests, or priority and
	// fairness has requests to choose among.
	inspected func() bool

	mu    sync.Mutex
	known map[string]storedLease // by node
}

// storedLease is a lease as it is in etcd, since it was last written the whole way.
type storedLease struct {
	lease    *coordinationv1.Lease // without its resource version
	revision int64
	whole    time.Time
}

// ServeHTTP implements [http.Handler].
func (l *leaseRenewals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, ok := w.(*wholeAnswer)
	node := l.renews(r)
	if !ok || node == "" {
		l.whole.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body) // who reads on has what was read, and then the same end
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
	if renewed := l.renew(r.Context(), node, body); renewed != nil {
		w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
		_, _ = w.Write(renewed) // into memory
		return
	}
	l.whole.ServeHTTP(w, r)
	l.learn(node, answer)
}

// renews is the node whose kubelet asks to update its own lease; empty for any other
// request.
func (l *leaseRenewals) renews(r *http.Request) string {
	node, ok := strings.CutPrefix(r.URL.Path, nodeLeases)
	if !ok || r.Method != http.MethodPut || r.URL.RawQuery != "" || r.TLS != l.nodes ||
		r.Header.Get("Content-Type") != runtime.ContentTypeProtobuf || !strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) ||
		!slices.Equal(r.Header["X-Remote-User"], []string{"system:node:" + node}) || r.Header.Get("Impersonate-User") != "" {
		return ""
	}
	return node
}

// renew writes a lease's new time and is the answer; nil if that has to go the whole way,
// which also finds the words for what went wrong.
func (l *leaseRenewals) renew(ctx context.Context, node string, body []byte) []byte {
	l.mu.Lock()
	known, ok := l.known[node]
	delete(l.known, node) // unless this goes well
	l.mu.Unlock()
	if !ok || time.Since(known.whole) >= wholeRenewal || l.inspected() {
		return nil
	}
	asked, err := decodeLease(body)
	if err != nil || asked.ResourceVersion != strconv.FormatInt(known.revision, 10) {
		return nil
	}
	next := known.lease.DeepCopy()
	next.Spec.RenewTime = asked.Spec.RenewTime
	asked.ResourceVersion = ""
	if !equality.Semantic.DeepEqual(asked, next) {
		return nil
	}
	next.ManagedFields[0].Time = &metav1.Time{Time: time.Now().UTC().Truncate(time.Second)}
	value, err := encodeLease(next)
	if err != nil {
		return nil
	}
	key := nodeLeaseKeys + node
	resp, err := l.etcd.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", known.revision)).
		Then(clientv3.OpPut(key, string(value))).Commit()
	if err != nil || !resp.Succeeded {
		return nil
	}
	l.know(node, storedLease{next, resp.Header.Revision, known.whole})
	written := *next
	written.ResourceVersion = strconv.FormatInt(resp.Header.Revision, 10)
	answer, err := encodeLease(&written)
	if err != nil {
		return nil
	}
	return answer
}

// learn remembers a lease that went the whole way.
func (l *leaseRenewals) learn(node string, answer *wholeAnswer) {
	if answer.code != http.StatusOK {
		return
	}
	lease, err := decodeLease(answer.body.Bytes())
	if err != nil || len(lease.ManagedFields) != 1 { // or it has several authors
		return
	}
	revision, err := strconv.ParseInt(lease.ResourceVersion, 10, 64)
	if err != nil {
		return
	}
	lease.ResourceVersion = ""
	l.know(node, storedLease{lease, revision, time.Now()})
}

func (l *leaseRenewals) know(node string, s storedLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[node] = s
}

// leases is their form on the wire and in etcd.
var leases = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

func decodeLease(b []byte) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	_, _, err := leases.Decode(b, nil, lease)
	lease.TypeMeta = metav1.TypeMeta{}
	return lease, err
}

func encodeLease(lease *coordinationv1.Lease) ([]byte, error) {
	typed := *lease
	typed.SetGroupVersionKind(coordinationv1.SchemeGroupVersion.WithKind("Lease"))
	return runtime.Encode(leases, &typed)
}

// renewals is the handler of calls for a server that has the link to etcd by calls.
func (s *apiServer) renewals(whole http.Handler, shared informers.SharedInformerFactory, policies []cache.SharedIndexInformer) http.Handler {
	link, ok := s.etcd.(*etcdCalls)
	if !ok {
		return whole
	}
	v1 := shared.Admissionregistration().V1()
	inspectors := append([]cache.SharedIndexInformer{
		v1.MutatingWebhookConfigurations().Informer(), v1.ValidatingWebhookConfigurations().Informer(),
	}, policies...)
	return &leaseRenewals{
		whole: whole, etcd: link.newClient().KV, nodes: s.plane.parties.caller(frontProxy).certified, known: map[string]storedLease{},
		inspected: func() bool {
			return s.plane.flows.crowded() || slices.ContainsFunc(inspectors, func(i cache.SharedIndexInformer) bool {
				return !i.HasSynced() || len(i.GetStore().ListKeys()) > 0
			})
		},
	}
}
