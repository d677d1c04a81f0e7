package addon

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"demarc/sim/api"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

//go:embed manifests/*.yaml manifests/optional/*.yaml
var manifests embed.FS

// Labels of the addon manager, and the modes.
const (
	modeLabel    = "addonmanager.kubernetes.io/mode"
	serviceLabel = "kubernetes.io/cluster-service"
	reconcile    = "Reconcile"
	ensureExists = "EnsureExists"
)

// namespaces are where add-ons live.
var namespaces = []string{metav1.NamespaceSystem, api.AppRoutingNamespace}

// id names an object. A namespace that is empty means that it lives in none.
type id struct {
	gvr             schema.GroupVersionResource
	namespace, name string
}

// object is one object of the manifests.
type object struct {
	id       id
	kind     string
	manifest *unstructured.Unstructured
	// keepsEdits says that it is the customer's once it exists.
	keepsEdits bool
	// grant says that it is a [Grant], and needs which component of the control plane
	// cannot work without it.
	grant bool
	needs string
	// optional says that it is there only for who has enabled its add-on, and scaled that
	// somebody else says how many replicas it has.
	optional, scaled bool
}

// parse reads the manifests of a folder, in the order of their files' names.
func parse(files fs.FS, folder string) ([]*object, error) {
	names, err := fs.Glob(files, folder+"/*.yaml")
	if err != nil {
		return nil, err
	}
	var objects []*object
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		more, err := parseFile(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

func parseFile(b []byte) ([]*object, error) {
	var objects []*object
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(b), 4096)
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		o, err := newObject(u)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
		objects = append(objects, o)
	}
}

func newObject(u *unstructured.Unstructured) (*object, error) {
	gvr, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	o := &object{id: id{gvr, u.GetNamespace(), u.GetName()}, kind: u.GetKind(), manifest: u}
	switch mode := u.GetLabels()[modeLabel]; mode {
	case reconcile:
	case ensureExists:
		o.keepsEdits = true
	default:
		return nil, fmt.Errorf("label %s=%s: want %s or %s", modeLabel, mode, reconcile, ensureExists)
	}
	if ns := u.GetNamespace(); ns != "" && !slices.Contains(namespaces, ns) {
		return nil, fmt.Errorf("namespace %s: add-ons live in %s", ns, strings.Join(namespaces, " and "))
	}
	return o, nil
}

// kind is what one watch sees.
type kind struct {
	gvr       schema.GroupVersionResource
	namespace string
	// labelled says that objects without the mode label are not looked at.
	labelled bool
}

// kinds are the kinds of some objects. Where customers may edit an object they
// may take its label away, and its end is to be seen all the same. Grants have none.
func kinds(objects []*object) []kind {
	var list []kind
	index := map[schema.GroupVersionResource]int{}
	for _, o := range objects {
		i, ok := index[o.id.gvr]
		if !ok {
			i = len(list)
			index[o.id.gvr] = i
			list = append(list, kind{gvr: o.id.gvr, namespace: o.id.namespace, labelled: true})
		}
		if list[i].namespace != o.id.namespace {
			list[i].namespace = metav1.NamespaceAll
		}
		list[i].labelled = list[i].labelled && !o.keepsEdits && !o.grant
	}
	return list
}

// foreign says whether an object that is not in the manifests claims to be an
// add-on's.
func foreign(u *unstructured.Unstructured) bool {
	l := u.GetLabels()
	return u.GetNamespace() == metav1.NamespaceSystem && l[modeLabel] == reconcile && l[serviceLabel] == "true"
}
