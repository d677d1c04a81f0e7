package upstream

import (
	_ "unsafe" // for go:linkname

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/notfoundhandler"
	"k8s.io/client-go/tools/cache"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controlplane/apiserver"
)

// apiVersionPriorities is the order of Kubernetes' API groups in discovery.
//
//go:linkname apiVersionPriorities k8s.io/kubernetes/cmd/kube-apiserver/app.apiVersionPriorities
var apiVersionPriorities map[schema.GroupVersion]apiserver.APIServicePriority

// ServerChain is kube-apiserver's own CreateServerChain, which keeps to itself what
// we need: the server's informer of CustomResourceDefinitions, and the server of
// Kubernetes' own kinds, whose documents are made on demand.
func ServerChain(config app.CompletedConfig, documents *OpenAPI) (chain *aggregator.APIAggregator, crds cache.SharedIndexInformer, err error) {
	notFound := notfoundhandler.New(config.KubeAPIs.ControlPlane.Generic.Serializer, filters.NoMuxAndDiscoveryIncompleteKey)
	extensions, err := config.ApiExtensions.New(server.NewEmptyDelegateWithCustomHandler(notFound))
	if err != nil {
		return nil, nil, err
	}
	enabled := config.ApiExtensions.GenericConfig.MergedResourceConfig.ResourceEnabled(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	kube, err := config.KubeAPIs.New(extensions.GenericAPIServer)
	if err != nil {
		return nil, nil, err
	}
	if err := documents.lazy(kube.ControlPlane.GenericAPIServer); err != nil {
		return nil, nil, err
	}
	informer := extensions.Informers.Apiextensions().V1().CustomResourceDefinitions()
	chain, err = apiserver.CreateAggregatorServer(config.Aggregator, kube.ControlPlane.GenericAPIServer, informer, enabled, apiVersionPriorities)
	return chain, informer.Informer(), err
}
