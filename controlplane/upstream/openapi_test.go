//go:build faketime

package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	genericserver "k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	fcache "k8s.io/client-go/tools/cache/testing"
	v1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kube-aggregator/pkg/controllers/openapiv3"
)

// askedDocuments counts how often a server in this process, and an aggregated one, is
// asked for its documents.
type askedDocuments struct{ local, remote atomic.Int64 }

const localServer, remoteServer = "k8s_internal_local_delegation_chain_0000000001", "v1.shop"

func (a *askedDocuments) AddUpdateAPIService(http.Handler, *v1.APIService) {}
func (a *askedDocuments) RemoveAPIServiceSpec(string)                      {}
func (a *askedDocuments) GetAPIServiceNames() []string                     { return []string{localServer, remoteServer} }
func (a *askedDocuments) UpdateAPIServiceSpec(name string) error {
	if name == localServer {
		a.local.Add(1)
	} else {
		a.remote.Add(1)
	}
	return nil
}

// TestOpenAPIIsCalm runs upstream's controller: what it does every second by itself it
// does with us not before a client has asked, then every minute, and again every second
// when a CRD has changed.
func TestOpenAPIIsCalm(t *testing.T) {
	var asked askedDocuments
	server := &aggregator.APIAggregator{}
	controller, err := field[*openapiv3.AggregationController](reflect.ValueOf(server), "openAPIV3AggregationController")
	if err != nil {
		t.Fatal(err)
	}
	*controller = openapiv3.NewAggregationController(&asked)
	source := fcache.NewFakeControllerSource()
	crds := cache.NewSharedIndexInformer(source, &apiextensionsv1.CustomResourceDefinition{}, 5*time.Minute, nil)
	var documents OpenAPI
	if err := documents.Calm(server, crds); err != nil {
		t.Fatal(err)
	}
	go crds.RunWithContext(t.Context())
	go (*controller).RunWithContext(t.Context())
	during := func(d time.Duration) int64 {
		before := asked.local.Load()
		time.Sleep(d)
		return asked.local.Load() - before
	}
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "coupons.shop"}}
	source.Add(crd)
	if n := during(time.Hour); n != 0 {
		t.Errorf("asked %d times before a client has asked, want never", n)
	}
	source.Delete(crd)
	config := &genericserver.Config{BuildHandlerChainFunc: func(h http.Handler, _ *genericserver.Config) http.Handler { return h }}
	documents.Serve(config)
	h := config.BuildHandlerChainFunc(http.NotFoundHandler(), config)
	for path, want := range map[string]int64{"/openapi/v2": 0, "/openapi/v3/apis/apps/v1": 1} {
		before := asked.local.Load()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if n := asked.local.Load() - before; n != want {
			t.Errorf("asked %d times before %s was answered, want %d", n, path, want)
		}
	}
	if n := during(15 * time.Second); n < 9 || n > 12 {
		t.Errorf("asked %d times in the first 15s, want once in each of ten", n)
	}
	if n := during(time.Hour); n < 59 || n > 61 {
		t.Errorf("asked %d times in an idle hour, want once in each minute", n)
	}
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"created", func() { source.Add(crd) }},
		{"changed", func() { source.Modify(crd.DeepCopy()) }},
		{"deleted", func() { source.Delete(crd) }},
	} {
		change.do()
		if n := during(1500 * time.Millisecond); n < 1 || n > 2 {
			t.Errorf("asked %d times in the 1.5s after a CRD was %s, want once in a second", n, change.name)
		}
		time.Sleep(20 * time.Second)
		if n := during(time.Hour); n < 59 || n > 61 {
			t.Errorf("asked %d times in an hour in which no CRD changed, want once in each minute", n)
		}
	}
	if n := asked.remote.Load(); n < 295 || n > 310 { // five hours
		t.Errorf("an aggregated server was asked %d times in five hours, want once in each minute", n)
	}
}

// TestListsForPolicies: while there is no policy, an API server's own question for its
// documents has an empty answer within a client's patience, and a policy ends the wait.
func TestListsForPolicies(t *testing.T) {
	client := fake.NewClientset()
	shared := informers.NewSharedInformerFactory(client, 0)
	var asked atomic.Int64
	rt, err := ForPolicies(answers(func(*http.Request) (*http.Response, error) {
		asked.Add(1)
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}), Policies(&genericserver.Config{FeatureGate: utilfeature.DefaultFeatureGate}, shared))
	if err != nil {
		t.Fatal(err)
	}
	shared.Start(t.Context().Done())
	shared.WaitForCacheSync(t.Context().Done())
	ask := func(path string) (body string, took time.Duration) {
		t.Helper()
		began := time.Now()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		resp, err := rt.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b), time.Since(began)
	}
	if body, took := ask("/openapi/v3"); asked.Load() != 0 || body != `{"paths":{}}` || took > 31*time.Second {
		t.Errorf("without a policy: asked %d times, answered %q after %v; want an empty list within 31s", asked.Load(), body, took)
	}
	if _, took := ask("/openapi/v3/apis/apps/v1"); asked.Load() != 1 || took > time.Second {
		t.Errorf("a document itself: asked %d times, took %v; want it at once", asked.Load(), took)
	}
	time.AfterFunc(10*time.Second, func() {
		policy := &admissionv1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "labels"}}
		if _, err := client.AdmissionregistrationV1().MutatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	})
	if _, took := ask("/openapi/v3"); asked.Load() != 2 || took < 9*time.Second || took > 12*time.Second {
		t.Errorf("a policy after 10s: asked %d times, answered after %v; want the list when the policy is there", asked.Load(), took)
	}
	if _, took := ask("/openapi/v3"); asked.Load() != 3 || took > time.Second {
		t.Errorf("with a policy: asked %d times, took %v; want the list at once", asked.Load(), took)
	}
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }
