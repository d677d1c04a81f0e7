package upstream

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kube-aggregator/pkg/controllers/openapiv3"
	openapi "k8s.io/kube-aggregator/pkg/controllers/openapiv3/aggregator"
)

// An API server that has an aggregator asks the servers behind it, which are in the
// same process, for their OpenAPI documents once in a second: a twelfth of what an
// idle cluster does. Only a CustomResourceDefinition changes them. So they are asked
// as often for some seconds after one has changed, and else once in a minute; and not
// at all before a client has asked for a document.
const (
	openAPIOften  = time.Second // as upstream does always
	openAPIRarely = time.Minute
	openAPIFresh  = 10 * time.Second
)

// openAPIController asks the servers behind an API server for their documents of version
// 3. Those of version 2 are put together when a client asks.
type openAPIController struct {
	queue   *workqueue.TypedRateLimitingInterface[string]
	servers openapi.SpecProxier
}

func openAPIControllerOf(server *aggregator.APIAggregator) (c openAPIController, err error) {
	controller, err := field[*openapiv3.AggregationController](reflect.ValueOf(server), "openAPIV3AggregationController")
	if err != nil {
		return c, err
	}
	if c.queue, err = field[workqueue.TypedRateLimitingInterface[string]](reflect.ValueOf(*controller), "queue"); err != nil {
		return c, err
	}
	servers, err := field[openapi.SpecProxier](reflect.ValueOf(*controller), "openAPIAggregationManager")
	if err != nil {
		return c, err
	}
	c.servers = *servers
	return c, nil
}

// openAPICalm is the queue of the servers whose documents are to be asked for.
type openAPICalm struct {
	workqueue.TypedRateLimitingInterface[string]

	mu    sync.Mutex
	asked bool      // a client has asked for documents
	often time.Time // until then the local ones are asked often
	local []string  // the servers in this process
}

// Get implements [workqueue.TypedInterface].
func (q *openAPICalm) Get() (key string, shutdown bool) {
	for {
		key, shutdown = q.TypedRateLimitingInterface.Get()
		if shutdown || !openapi.IsLocalAPIService(key) || q.wanted() {
			return key, shutdown
		}
		q.Done(key)
	}
}

func (q *openAPICalm) wanted() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.asked
}

// AddAfter implements [workqueue.TypedDelayingInterface].
func (q *openAPICalm) AddAfter(key string, d time.Duration) {
	if openapi.IsLocalAPIService(key) && d == openAPIOften {
		q.mu.Lock()
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
	if !q.asked {
		return
	}
	for _, key := range q.local {
		q.TypedRateLimitingInterface.AddAfter(key, openAPIOften)
	}
}

// want has the local servers asked from now on.
func (q *openAPICalm) want() {
	q.mu.Lock()
	q.asked = true
	q.mu.Unlock()
	q.changed()
}
