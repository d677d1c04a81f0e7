//go:build faketime

package upstream

import (
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
// does with us every minute, and again every second when a CRD has changed.
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
	if err := CalmOpenAPI(server, crds); err != nil {
		t.Fatal(err)
	}
	go crds.RunWithContext(t.Context())
	go (*controller).RunWithContext(t.Context())
	during := func(d time.Duration) int64 {
		before := asked.local.Load()
		time.Sleep(d)
		return asked.local.Load() - before
	}
	if n := during(15 * time.Second); n < 9 || n > 12 {
		t.Errorf("asked %d times in the first 15s, want once in each of ten", n)
	}
	if n := during(time.Hour); n < 59 || n > 61 {
		t.Errorf("asked %d times in an idle hour, want once in each minute", n)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "coupons.shop"}}
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
	if n := asked.remote.Load(); n < 235 || n > 250 { // four hours
		t.Errorf("an aggregated server was asked %d times in four hours, want once in each minute", n)
	}
}
