package ingress

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// stored is a store of objects.
func stored(t *testing.T, objects ...metav1.Object) *store {
	t.Helper()
	of := map[string]cache.Indexer{}
	for _, kind := range []string{"ingress", "class", "service", "secret", "slice"} {
		of[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	for _, o := range objects {
		kind := ""
		switch o.(type) {
		case *networkingv1.Ingress:
			kind = "ingress"
		case *networkingv1.IngressClass:
			kind = "class"
		case *corev1.Service:
			kind = "service"
		case *corev1.Secret:
			kind = "secret"
		case *discoveryv1.EndpointSlice:
			kind = "slice"
		}
		if err := of[kind].Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return &store{
		ingresses: networkinglisters.NewIngressLister(of["ingress"]), classes: networkinglisters.NewIngressClassLister(of["class"]),
		services: corelisters.NewServiceLister(of["service"]), secrets: corelisters.NewSecretLister(of["secret"]), slices: discoverylisters.NewEndpointSliceLister(of["slice"]),
	}
}

const className = "nginx"

func class() *networkingv1.IngressClass {
	return &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: className}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
}

// service is a Service with an endpoint that is ready and one that is not.
func service(name, address string) []metav1.Object {
	return []metav1.Object{
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}},
		&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name}}, AddressType: discoveryv1.AddressTypeIPv4,
			Ports: []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To[int32](8080)}},
			Endpoints: []discoveryv1.Endpoint{
				{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}},
				{Addresses: []string{"10.244.9.9"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(false)}},
			},
		},
	}
}

type rule struct {
	host, path string
	kind       networkingv1.PathType
	service    string
}

func routes(name string, rules ...rule) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: map[string]string{}}, Spec: networkingv1.IngressSpec{IngressClassName: ptr.To(className)}}
	for _, r := range rules {
		i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: r.host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: r.path, PathType: &r.kind, Backend: backend(r.service)}},
		}}})
	}
	return i
}

func backend(service string) networkingv1.IngressBackend {
	return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Number: 80}}}
}

func flags(t *testing.T, argv ...string) *options {
	t.Helper()
	o, err := parse(argv, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The examples of the Ingress API's documentation (Kubernetes, "Ingress", path types and host
// names), and what nginx does of what is left to the controller.
func TestFind(t *testing.T) {
	const exact, pre, own = networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific
	list := []metav1.Object{class(), routes("all",
		rule{"exact.example", "/foo", exact, "a"}, rule{"exact.example", "/foo", pre, "b"},
		rule{"prefix.example", "/foo/", pre, "a"}, rule{"prefix.example", "/aaa/bbb", pre, "b"}, rule{"prefix.example", "/aaa", pre, "c"},
		rule{"own.example", "/foo", own, "a"}, rule{"own.example", "/foo/bar", own, "b"},
		rule{"*.wild.example", "/", pre, "a"}, rule{"one.wild.example", "/", pre, "b"}, rule{"", "/any", pre, "c"},
	)}
	for name, address := range map[string]string{"a": "10.244.0.1", "b": "10.244.0.2", "c": "10.244.0.3"} {
		list = append(list, service(name, address)...)
	}
	table, notes := stored(t, list...).build(flags(t))
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	for _, c := range []struct{ host, path, want string }{
		{"exact.example", "/foo", "a"}, {"exact.example", "/foo/", "b"}, {"exact.example", "/bar", ""}, {"EXACT.example", "/foo", "a"},
		{"prefix.example", "/foo", "a"}, {"prefix.example", "/foo/", "a"}, {"prefix.example", "/foo/x", "a"}, {"prefix.example", "/foobar", ""},
		{"prefix.example", "/aaa/bbb", "b"}, {"prefix.example", "/aaa/bbb/ccc", "b"}, {"prefix.example", "/aaa/bbbxyz", "c"}, {"prefix.example", "/aaa/ccc", "c"},
		{"own.example", "/foobar", "a"}, {"own.example", "/foo/barbar", "b"}, {"own.example", "/", ""},
		{"two.wild.example", "/x", "a"}, {"one.wild.example", "/x", "b"}, {"a.b.wild.example", "/x", ""}, {"wild.example", "/", ""},
		{"other.example", "/any/x", "c"}, {"other.example", "/", ""}, {"10.0.0.1", "/any", "c"},
	} {
		got := ""
		if _, l := table.find(c.host, c.path); l != nil {
			got = l.upstream.name
			if len(l.upstream.endpoints) != 1 {
				t.Errorf("%s: endpoints %v, want the one that is ready", l.upstream.name, l.upstream.endpoints)
			}
		}
		if want := map[bool]string{true: "", false: "default-" + c.want + "-80"}[c.want == ""]; got != want {
			t.Errorf("%s%s: got %q, want %q", c.host, c.path, got, want)
		}
	}
}

// An Ingress is served by its class, and of two for one path by the older.
func TestMine(t *testing.T) {
	other := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: networkingv1.IngressClassSpec{Controller: "example.com/other"}}
	mine := routes("mine", rule{"a", "/", networkingv1.PathTypePrefix, "a"})
	mine.CreationTimestamp = metav1.NewTime(time.Unix(100, 0))
	younger := routes("a-younger", rule{"a", "/", networkingv1.PathTypePrefix, "b"})
	younger.CreationTimestamp = metav1.NewTime(time.Unix(200, 0))
	foreign, none, annotated, nowhere := routes("foreign"), routes("none"), routes("annotated"), routes("nowhere")
	foreign.Spec.IngressClassName, none.Spec.IngressClassName, annotated.Spec.IngressClassName, nowhere.Spec.IngressClassName = ptr.To("other"), nil, nil, ptr.To("no-such")
	annotated.Annotations[classAnnotation] = className
	s := stored(t, class(), other, mine, younger, foreign, none, annotated, nowhere)
	for _, c := range []struct {
		argv []string
		want []string
	}{
		{nil, []string{"annotated", "mine", "a-younger"}},
		{[]string{"/nginx-ingress-controller", "--watch-ingress-without-class=true"}, []string{"annotated", "none", "mine", "a-younger"}},
		{[]string{"--controller-class=example.com/other", "--ingress-class", "other", "--no-such-flag=1"}, []string{"foreign"}},
	} {
		var got []string
		for _, i := range s.mine(flags(t, c.argv...)) {
			got = append(got, i.Name)
		}
		if len(got) != len(c.want) {
			t.Fatalf("%v: got %v, want %v", c.argv, got, c.want)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: got %v, want %v", c.argv, got, c.want)
			}
		}
	}
	table, notes := s.build(flags(t))
	if _, l := table.find("a", "/"); l == nil || l.upstream.name != "default-a-80" {
		t.Errorf("the older Ingress is not obeyed: %+v", l)
	}
	if len(notes) != 3 { // two Services that are not there, and the younger Ingress
		t.Errorf("notes: %q", notes)
	}
}

// A default backend, a Service that is not there, and a port that it has not.
func TestBackends(t *testing.T) {
	all := routes("all")
	all.Spec.DefaultBackend = ptr.To(backend("a"))
	broken := routes("broken", rule{"no-service", "/x", networkingv1.PathTypePrefix, "nobody"}, rule{"no-port", "/", networkingv1.PathTypePrefix, "a"})
	broken.Spec.Rules[1].HTTP.Paths[0].Backend.Service.Port.Number = 81
	table, _ := stored(t, append(service("a", "10.244.0.1"), class(), all, broken)...).build(flags(t))
	for host, want := range map[string]int{"anything": 1, "no-port": 0} {
		if _, l := table.find(host, "/"); l == nil || len(l.upstream.endpoints) != want {
			t.Errorf("%s: got %+v, want %d endpoints", host, l, want)
		}
	}
	if _, l := table.find("no-service", "/x/y"); l == nil || len(l.upstream.endpoints) != 0 {
		t.Errorf("a Service that is not there: %+v", l)
	}
	if _, l := table.find("no-service", "/y"); l != nil {
		t.Errorf("a path that nothing fits: %+v", l)
	}
}

func TestRewrite(t *testing.T) {
	i := routes("r", rule{"a", "/hello(/|$)(.*)", networkingv1.PathTypeImplementationSpecific, "a"}, rule{"a", "/", networkingv1.PathTypePrefix, "b"})
	i.Annotations[rewriteTarget] = "/$2"
	table, _ := stored(t, class(), i).build(flags(t))
	for path, want := range map[string]string{"/hello": "/", "/hello/a/b": "/a/b", "/HELLO/x": "/x"} {
		if _, l := table.find("a", path); l == nil || l.upstream.name != "default-a-80" || l.rewritten(path) != want {
			t.Errorf("%s: got %+v, want %s", path, l, want)
		}
	}
}
