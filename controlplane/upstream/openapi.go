package upstream

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/apiserver/pkg/server/routes"
	"k8s.io/client-go/tools/cache"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	openapi "k8s.io/kube-aggregator/pkg/controllers/openapiv3/aggregator"
	openapicommon "k8s.io/kube-openapi/pkg/common"
)

// OpenAPI are an API server's OpenAPI documents. Upstream makes those of Kubernetes' own
// kinds while a server starts, which is a sixth of the work of a start. Here they are made
// for the first client who asks. The zero value is ready.
type OpenAPI struct {
	wanted  atomic.Bool // a client has asked for documents of version 3
	once    sync.Once
	queue   *openAPICalm
	servers openapi.SpecProxier
}

const openAPIv2, openAPIv3 = "/openapi/v2", "/openapi/v3"

// Serve has the server that is made of c make its documents of version 3 before it
// answers who asks for them.
func (o *OpenAPI) Serve(c *server.Config) {
	build := c.BuildHandlerChainFunc
	c.BuildHandlerChainFunc = func(h http.Handler, c *server.Config) http.Handler {
		return build(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, openAPIv3) {
				o.once.Do(o.make)
			}
			h.ServeHTTP(w, r)
		}), c)
	}
}

// make has the aggregator ask the servers behind it, as upstream does at the start.
func (o *OpenAPI) make() {
	o.wanted.Store(true)
	for _, name := range o.queue.local {
		_ = o.servers.UpdateAPIServiceSpec(name) // it is asked again, by the queue
	}
	o.queue.want()
}

// lazy takes from a server, which is not prepared yet, what it makes its documents of, and
// serves them in its stead.
func (o *OpenAPI) lazy(s *server.GenericAPIServer) error {
	v2, err := field[*openapicommon.Config](reflect.ValueOf(s), "openAPIConfig")
	if err != nil {
		return err
	}
	v3, err := field[*openapicommon.OpenAPIV3Config](reflect.ValueOf(s), "openAPIV3Config")
	if err != nil {
		return err
	}
	documents := routes.OpenAPI{Config: *v2, V3Config: *v3}
	*v2, *v3 = nil, nil
	made := func(install func(*mux.PathRecorderMux)) func() http.Handler {
		return sync.OnceValue(func() http.Handler {
			m := mux.NewPathRecorderMux("openapi")
			install(m)
			return m
		})
	}
	madeV2 := made(func(m *mux.PathRecorderMux) { documents.InstallV2(s.Handler.GoRestfulContainer, m) })
	madeV3 := made(func(m *mux.PathRecorderMux) { documents.InstallV3(s.Handler.GoRestfulContainer, m) })
	serveV3 := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.wanted.Load() {
			w.WriteHeader(http.StatusServiceUnavailable) // it is the aggregator, which starts
			return
		}
		madeV3().ServeHTTP(w, r)
	})
	routes := s.Handler.NonGoRestfulMux
	routes.HandleFunc(openAPIv2, func(w http.ResponseWriter, r *http.Request) { madeV2().ServeHTTP(w, r) })
	routes.Handle(openAPIv3, serveV3)
	routes.HandlePrefix(openAPIv3+"/", serveV3)
	return nil
}

// Calm has an API server, which is prepared and does not run yet, look at its own
// documents when one of its CustomResourceDefinitions has changed. What aggregated
// servers have is asked for as upstream does.
func (o *OpenAPI) Calm(server *aggregator.APIAggregator, crds cache.SharedIndexInformer) error {
	c, err := openAPIControllerOf(server)
	if err != nil {
		return err
	}
	local := slices.DeleteFunc(c.servers.GetAPIServiceNames(), func(name string) bool { return !openapi.IsLocalAPIService(name) })
	o.queue = &openAPICalm{TypedRateLimitingInterface: *c.queue, local: local}
	o.servers, *c.queue = c.servers, o.queue
	_, err = crds.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { o.queue.changed() },
		UpdateFunc: func(before, after any) {
			if resourceVersion(before) != resourceVersion(after) { // else it was told again
				o.queue.changed()
			}
		},
		DeleteFunc: func(any) { o.queue.changed() },
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
