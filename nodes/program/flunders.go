package program

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// sampleAPIServer is upstream's example of an API server that is aggregated
// (k8s.io/sample-apiserver): its API has flunders, which do nothing.
const sampleAPIServer = "sample-apiserver"

// flunderGroup is the API's group, and its versions are the same but for their names.
const flunderGroup = "wardle.example.com"

var flunderVersions = []string{"v1beta1", "v1alpha1"}

// flunderResource names them in errors.
var flunderResource = schema.GroupResource{Group: flunderGroup, Resource: "flunders"}

// flunders are an API server's, as long as its container runs: it keeps them in memory. They
// cannot be watched or patched.
type flunders struct {
	mu      sync.Mutex
	version int
	all     []*unstructured.Unstructured // in the order of their creation
}

func planSampleAPIServer(s Spec) Behaviour {
	b := serve(s)
	f := &flunders{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	for path := range health {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") })
	}
	mux.HandleFunc("GET /apis/"+flunderGroup+"/{version}", f.resources)
	const list = "/apis/" + flunderGroup + "/{version}/flunders"
	const inNamespace = "/apis/" + flunderGroup + "/{version}/namespaces/{namespace}/flunders"
	mux.HandleFunc("GET "+list, f.answers(http.StatusOK, f.list))
	mux.HandleFunc("GET "+inNamespace, f.answers(http.StatusOK, f.list))
	mux.HandleFunc("POST "+inNamespace, f.answers(http.StatusCreated, f.create))
	mux.HandleFunc("DELETE "+inNamespace, f.answers(http.StatusOK, f.delete))
	mux.HandleFunc("GET "+inNamespace+"/{name}", f.answers(http.StatusOK, f.get))
	mux.HandleFunc("PUT "+inNamespace+"/{name}", f.answers(http.StatusOK, f.update))
	mux.HandleFunc("DELETE "+inNamespace+"/{name}", f.answers(http.StatusOK, f.delete))
	b.Handler = governed(s, mux)
	return b
}

// answers answers requests with the object that do returns under the lock, or with its error,
// which is one of an API.
func (f *flunders) answers(code int, do func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		o, err := do(r)
		var status apierrors.APIStatus
		if !errors.As(err, &status) {
			answerAs(w, code, o)
			return
		}
		s := status.Status()
		s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		answerAs(w, int(s.Code), s)
	}
}

// answerAs answers an object.
func answerAs(w http.ResponseWriter, code int, o any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(o) // ends when the client does
}

// resources are what a version of the API has.
func (f *flunders) resources(w http.ResponseWriter, r *http.Request) {
	version := r.PathValue("version")
	if !slices.Contains(flunderVersions, version) {
		http.NotFound(w, r)
		return
	}
	answerAs(w, http.StatusOK, metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}, GroupVersion: flunderGroup + "/" + version,
		APIResources: []metav1.APIResource{{
			Name: "flunders", SingularName: "flunder", Namespaced: true, Kind: "Flunder",
			Verbs: metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "update"},
		}},
	})
}

// flunderKind is the API version and the kind of what a request is about.
func flunderKind(r *http.Request, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: flunderGroup + "/" + r.PathValue("version"), Kind: kind}
}

// selected are the flunders that a request is about: all, those of a namespace, or one. The
// lock is held.
func (f *flunders) selected(r *http.Request) (out []*unstructured.Unstructured, err error) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	for _, o := range f.all {
		if o.GetNamespace() == cmp.Or(namespace, o.GetNamespace()) && o.GetName() == cmp.Or(name, o.GetName()) && selector.Matches(labels.Set(o.GetLabels())) {
			o = o.DeepCopy()
			o.SetAPIVersion(flunderKind(r, "").APIVersion)
			out = append(out, o)
		}
	}
	if name != "" && len(out) == 0 {
		return nil, apierrors.NewNotFound(flunderResource, name)
	}
	return out, nil
}

func (f *flunders) list(r *http.Request) (any, error) {
	found, err := f.selected(r)
	if err != nil {
		return nil, err
	}
	kind, items := flunderKind(r, "FlunderList"), make([]any, len(found))
	for i, o := range found {
		items[i] = o.Object
	}
	return map[string]any{
		"apiVersion": kind.APIVersion, "kind": kind.Kind, "metadata": map[string]any{"resourceVersion": strconv.Itoa(f.version)}, "items": items,
	}, nil
}

func (f *flunders) get(r *http.Request) (any, error) {
	found, err := f.selected(r)
	if err != nil {
		return nil, err
	}
	return found[0].Object, nil
}

// sent is the flunder that a request brings.
func (f *flunders) sent(r *http.Request) (*unstructured.Unstructured, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, 3<<20))
	o := &unstructured.Unstructured{}
	if err == nil {
		err = json.Unmarshal(b, &o.Object)
	}
	switch {
	case err != nil || o.Object == nil:
		return nil, apierrors.NewBadRequest("the object provided is not JSON")
	case o.GetKind() != "Flunder" || !strings.HasPrefix(o.GetAPIVersion(), flunderGroup+"/"):
		return nil, apierrors.NewBadRequest("the object provided is unrecognized (must be of type Flunder)")
	}
	o.SetNamespace(r.PathValue("namespace"))
	return o, nil
}

// stamp gives a flunder the next version.
func (f *flunders) stamp(o *unstructured.Unstructured) {
	f.version++
	o.SetResourceVersion(strconv.Itoa(f.version))
}

func (f *flunders) create(r *http.Request) (any, error) {
	o, err := f.sent(r)
	if err != nil {
		return nil, err
	}
	id := uuid.NewUUID()
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(o.GetGenerateName() + string(id[:5]))
	}
	if slices.ContainsFunc(f.all, func(x *unstructured.Unstructured) bool {
		return x.GetNamespace() == o.GetNamespace() && x.GetName() == o.GetName()
	}) {
		return nil, apierrors.NewAlreadyExists(flunderResource, o.GetName())
	}
	o.SetUID(id)
	o.SetCreationTimestamp(metav1.NewTime(time.Now().UTC().Truncate(time.Second)))
	f.stamp(o)
	f.all = append(f.all, o)
	return o.Object, nil
}

func (f *flunders) update(r *http.Request) (any, error) {
	found, err := f.selected(r)
	if err != nil {
		return nil, err
	}
	o, err := f.sent(r)
	if err != nil {
		return nil, err
	}
	old := found[0]
	if o.GetResourceVersion() != "" && o.GetResourceVersion() != old.GetResourceVersion() {
		return nil, apierrors.NewConflict(flunderResource, o.GetName(), errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	}
	o.SetUID(old.GetUID())
	o.SetCreationTimestamp(old.GetCreationTimestamp())
	f.stamp(o)
	f.all[slices.IndexFunc(f.all, func(x *unstructured.Unstructured) bool { return x.GetUID() == o.GetUID() })] = o
	return o.Object, nil
}

// delete deletes one flunder, or those that are selected.
func (f *flunders) delete(r *http.Request) (any, error) {
	found, err := f.selected(r)
	if err != nil {
		return nil, err
	}
	f.version++
	f.all = slices.DeleteFunc(f.all, func(x *unstructured.Unstructured) bool {
		return slices.ContainsFunc(found, func(o *unstructured.Unstructured) bool { return o.GetUID() == x.GetUID() })
	})
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}, nil
}
