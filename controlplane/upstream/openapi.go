package upstream

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kube-aggregator/pkg/controllers/openapiv3"
	openapi "k8s.io/kube-aggregator/pkg/controllers/openapiv3/aggregator"
)

// An API server that has an aggregator asks the servers behind it, which are in the
// same process, for their OpenAPI documents once in a second: a twelfth of what an
// idle cluster does. Only a CustomResourceDefinition changes them. So they are asked
// as often for some seconds after one has changed, and else once in a minute.
const (
	openAPIOften  = time.Second // as upstream does always
	openAPIRarely = time.Minute
	openAPIFresh  = 10 * time.Second
)

// CalmOpenAPI has an API server, which is prepared and does not run yet, look at its
// own OpenAPI documents when one of its CustomResourceDefinitions has changed. What
// aggregated servers have is asked for as before.
func CalmOpenAPI(server *aggregator.APIAggregator, crds cache.SharedIndexInformer) error {
	queue, err := openAPIQueue(server)
	if err != nil {
		return err
	}
	calm := &openAPICalm{TypedRateLimitingInterface: *queue, often: time.Now().Add(openAPIFresh), local: map[string]bool{}}
	*queue = calm
	_, err = crds.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { calm.changed() },
		UpdateFunc: func(before, after any) {
			if resourceVersion(before) != resourceVersion(after) { // else it was told again
				calm.changed()
			}
		},
		DeleteFunc: func(any) { calm.changed() },
	})
	return err
}

func resourceVersion(o any) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetResourceVersion()
}

// openAPIQueue is the queue of the controller that asks for documents of version 3.
// Those of version 2 are put together when a client asks.
func openAPIQueue(server *aggregator.APIAggregator) (*workqueue.TypedRateLimitingInterface[string], error) {
	controller, err := field[*openapiv3.AggregationController](reflect.ValueOf(server), "openAPIV3AggregationController")
	if err != nil {
		return nil, err
	}
	return field[workqueue.TypedRateLimitingInterface[string]](reflect.ValueOf(*controller), "queue")
}

// openAPICalm is the queue of the servers whose documents are to be asked for.
type openAPICalm struct {
	workqueue.TypedRateLimitingInterface[string]

	mu    sync.Mutex
	often time.Time       // until then the local ones are asked often
	local map[string]bool // those in this process
}

// AddAfter implements [workqueue.TypedDelayingInterface].
func (q *openAPICalm) AddAfter(key string, d time.Duration) {
	if openapi.IsLocalAPIService(key) && d == openAPIOften {
		q.mu.Lock()
		q.local[key] = true
		if time.Now().After(q.often) {
			d = openAPIRarely
		}
		q.mu.Unlock()
	}
	q.TypedRateLimitingInterface.AddAfter(key, d)
}

// changed has the local servers asked soon, and often for a while: who puts a changed
// document together may not be done yet.
func (q *openAPICalm) changed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.often = time.Now().Add(openAPIFresh)
	for key := range q.local {
		q.TypedRateLimitingInterface.AddAfter(key, openAPIOften)
	}
}
