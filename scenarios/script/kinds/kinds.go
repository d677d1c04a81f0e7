// Package kinds knows Kubernetes' kinds as client-go does: their words, their
// versions, and whether their objects live in namespaces.
package kinds

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"demarc/sim/fault"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/scheme"
)

// clusterScoped are the built-in kinds that live in no namespace. client-go's
// scheme does not say so; the list is Kubernetes v1.37's (kubectl api-resources
// --namespaced=false), and the two kinds that define others.
var clusterScoped = []string{
	"APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ClusterTrustBundle",
	"ComponentStatus", "CSIDriver", "CSINode", "CustomResourceDefinition", "DeviceClass", "DeviceTaintRule", "FlowSchema",
	"IngressClass", "IPAddress", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
	"MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
	"PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "SelfSubjectAccessReview",
	"SelfSubjectReview", "SelfSubjectRulesReview", "ServiceCIDR", "StorageClass", "StorageVersion",
	"StorageVersionMigration", "SubjectAccessReview", "TokenReview", "ValidatingAdmissionPolicy",
	"ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
}

// aliases are kubectl's short names.
var aliases = map[string]string{
	"cj": "cronjob", "cm": "configmap", "crd": "customresourcedefinition", "deploy": "deployment", "ds": "daemonset",
	"ep": "endpoints", "hpa": "horizontalpodautoscaler", "ing": "ingress", "no": "node", "ns": "namespace",
	"pdb": "poddisruptionbudget", "po": "pod", "pv": "persistentvolume", "pvc": "persistentvolumeclaim",
	"rs": "replicaset", "sa": "serviceaccount", "sc": "storageclass", "sts": "statefulset", "svc": "service",
}

// outsideScheme are kinds that every API server has and client-go's scheme does not.
var outsideScheme = []schema.GroupVersionKind{
	{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
	{Group: "apiregistration.k8s.io", Version: "v1", Kind: "APIService"},
}

// builtin is what client-go knows of kinds.
type builtin struct {
	// byWord finds the preferred kind by its lower-case name.
	byWord map[string]schema.GroupVersionKind
	// versions lists the apiVersions of a kind, the preferred first.
	versions map[string][]schema.GroupVersion
	groups   map[string]bool
}

var builtins = sync.OnceValue(func() builtin {
	b := builtin{byWord: map[string]schema.GroupVersionKind{}, versions: map[string][]schema.GroupVersion{}, groups: map[string]bool{}}
	all := slices.Clone(outsideScheme)
	for gvk := range scheme.Scheme.AllKnownTypes() {
		if isObject(gvk) {
			all = append(all, gvk)
		}
	}
	slices.SortFunc(all, func(x, y schema.GroupVersionKind) int {
		return cmp.Or(groupRank(x.Group)-groupRank(y.Group), strings.Compare(x.Group, y.Group), version.CompareKubeAwareVersionStrings(y.Version, x.Version))
	})
	for _, gvk := range all {
		b.groups[gvk.Group] = true
		b.versions[gvk.Kind] = append(b.versions[gvk.Kind], gvk.GroupVersion())
		word := strings.ToLower(gvk.Kind)
		if _, ok := b.byWord[word]; !ok {
			b.byWord[word] = gvk
		}
	}
	return b
})

// groupRank puts the groups that own a kind before those that also serve one
// of that name.
func groupRank(group string) int {
	first := []string{"", "apps", "batch", "networking.k8s.io", "policy"}
	if i := slices.Index(first, group); i >= 0 {
		return i
	}
	return len(first)
}

// isObject says whether a type of the scheme is an object and not a list or
// the options of a request.
func isObject(gvk schema.GroupVersionKind) bool {
	if gvk.Version == "__internal" || gvk.Group == "meta.k8s.io" || gvk.Group == "extensions" || gvk.Kind == "WatchEvent" {
		return false
	}
	if strings.HasSuffix(gvk.Kind, "Options") {
		return false
	}
	obj, err := scheme.Scheme.New(gvk)
	if err != nil {
		return false
	}
	_, err = meta.Accessor(obj)
	return err == nil && !strings.HasSuffix(gvk.Kind, "List")
}

// ByWord finds a kind by what people type: deployment, deployments, deploy,
// or kind.group for kinds of CRDs, whose version is then unknown.
func ByWord(w string) (schema.GroupVersionKind, bool) {
	w = strings.ToLower(w)
	if full, ok := aliases[w]; ok {
		w = full
	}
	b := builtins()
	if gvk, ok := b.byWord[w]; ok {
		return gvk, true
	}
	for _, gvk := range b.byWord {
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		if plural.Resource == w {
			return gvk, true
		}
	}
	if kind, group, ok := strings.Cut(w, "."); ok && !b.groups[group] {
		return schema.GroupVersionKind{Group: group, Kind: kind}, true
	}
	return schema.GroupVersionKind{}, false
}

// Words are the words by which kinds can be named.
func Words() []string {
	words := make([]string, 0, len(aliases)+100)
	for w := range builtins().byWord {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// Namespaced says whether objects of a built-in kind live in a namespace.
// Kinds that are not built in are taken to.
func Namespaced(gvk schema.GroupVersionKind) bool {
	return !slices.Contains(clusterScoped, gvk.Kind)
}

// Check says what is wrong with an apiVersion and a kind, whether it is
// the kind, and what was probably meant. Groups of CRDs cannot be known here.
func Check(gv schema.GroupVersion, kind string) (message string, wrongKind bool, suggestion string) {
	b := builtins()
	versions := b.versions[kind]
	if slices.Contains(versions, gv) {
		return "", false, ""
	}
	if !b.groups[gv.Group] && strings.Contains(gv.Group, ".") {
		return "", false, ""
	}
	if len(versions) > 0 {
		return "there is no " + kind + " in " + gv.String(), false, versions[0].String()
	}
	return "unknown kind " + strconv.Quote(kind), true, fault.Suggest(kind, slices.Sorted(maps.Keys(b.versions)))
}

// BuiltIn says whether client-go knows the kinds of a group.
func BuiltIn(group string) bool { return builtins().groups[group] }
