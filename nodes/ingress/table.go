package ingress

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
)

// Annotations that are obeyed.
const (
	prefix          = "nginx.ingress.kubernetes.io/"
	classAnnotation = "kubernetes.io/ingress.class"
	rewriteTarget   = prefix + "rewrite-target"
	useRegex        = prefix + "use-regex"
	sslRedirect     = prefix + "ssl-redirect"
	forceRedirect   = prefix + "force-ssl-redirect"
	backendProtocol = prefix + "backend-protocol"
)

// store is what the watches have told.
type store struct {
	ingresses networkinglisters.IngressLister
	classes   networkinglisters.IngressClassLister
	services  corelisters.ServiceLister
	secrets   corelisters.SecretLister
	slices    discoverylisters.EndpointSliceLister
}

// table is where requests are sent.
type table struct {
	// hosts are the servers by name; the empty name is that of all others, and *.NAME that of
	// one label before NAME.
	hosts map[string]*server
	// otherwise is the backend of requests that nothing fits; nil for the program's own 404.
	otherwise *upstream
	// certificate is shown where a host has none; nil for the program's own.
	certificate *certificate

	ingresses map[string]*networkingv1.Ingress // that are in it, as NAMESPACE/NAME
	upstreams map[string]*upstream
	endpoints map[string][]endpointSet // by Service
	notes     []string
}

// server is the routes of a host.
type server struct {
	host        string
	locations   []*location
	tls         bool
	certificate *certificate // nil for that of the table
	regex       bool         // its paths are regular expressions
	// otherwise is where a path goes that no location fits; nil as the table's.
	otherwise *location
}

// location is where a path leads.
type location struct {
	path      string
	kind      networkingv1.PathType
	re        *regexp.Regexp // of a path that is one
	rewrite   string
	redirect  bool // to HTTPS, if the host has a certificate
	force     bool // also if it has none
	https     bool // is spoken with the backend
	namespace string
	upstream  *upstream
}

// build makes a table, with what there is to say of it.
func (s *store) build(o *options) (*table, []string) {
	t := &table{hosts: map[string]*server{"": {}}, ingresses: map[string]*networkingv1.Ingress{}, upstreams: map[string]*upstream{}}
	list := s.mine(o)
	if len(list) > 0 || o.defaultBackend != "" {
		t.endpoints = s.endpointSets()
	}
	if namespace, name, ok := nameOf(o.defaultBackend); ok {
		t.otherwise = s.first(t, namespace, name)
	}
	if o.defaultCert != "" {
		t.certificate = s.certificate(t, o.defaultCert)
	}
	for _, ing := range list {
		t.ingresses[ing.Namespace+"/"+ing.Name] = ing
		s.add(t, ing)
	}
	for _, ing := range list {
		s.secure(t, ing)
	}
	for _, v := range t.hosts {
		v.order()
	}
	return t, t.notes
}

// note remembers something to say.
func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// mine are the Ingresses of the program's class, the oldest first: of two for one path the
// older is obeyed.
func (s *store) mine(o *options) []*networkingv1.Ingress {
	all, _ := s.ingresses.List(labels.Everything()) // listing what an informer holds cannot fail
	all = slices.DeleteFunc(slices.Clone(all), func(i *networkingv1.Ingress) bool { return !s.isMine(i, o) })
	slices.SortFunc(all, func(a, b *networkingv1.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
	})
	return all
}

// isMine says whether an Ingress is of the program's class.
func (s *store) isMine(i *networkingv1.Ingress, o *options) bool {
	if i.Spec.IngressClassName != nil {
		class, err := s.classes.Get(*i.Spec.IngressClassName)
		return err == nil && (class.Spec.Controller == o.controller || o.classByName && class.Name == o.class)
	}
	if class := i.Annotations[classAnnotation]; class != "" {
		return class == o.class
	}
	return o.withoutClass
}

// server is that of a host, which is made if there is none.
func (t *table) server(host string) *server {
	host = strings.ToLower(host)
	v := t.hosts[host]
	if v == nil {
		v = &server{host: host}
		t.hosts[host] = v
	}
	return v
}

// add adds the routes of an Ingress.
func (s *store) add(t *table, ing *networkingv1.Ingress) {
	regex := ing.Annotations[useRegex] == "true" || ing.Annotations[rewriteTarget] != ""
	var otherwise *location
	if b := ing.Spec.DefaultBackend; b != nil {
		otherwise = s.location(t, ing, "/", networkingv1.PathTypePrefix, b)
	}
	for _, rule := range ing.Spec.Rules {
		v := t.server(rule.Host)
		v.regex = v.regex || regex
		if v.otherwise == nil {
			v.otherwise = otherwise
		}
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			kind := networkingv1.PathTypeImplementationSpecific
			if p.PathType != nil {
				kind = *p.PathType
			}
			v.put(t, s.location(t, ing, cmp.Or(p.Path, "/"), kind, &p.Backend), ing)
		}
	}
	if len(ing.Spec.Rules) == 0 && otherwise != nil && t.hosts[""].otherwise == nil {
		t.hosts[""].otherwise = otherwise
	}
}

// put adds a location, unless an older Ingress has it.
func (v *server) put(t *table, l *location, ing *networkingv1.Ingress) {
	for _, o := range v.locations {
		if o.path == l.path && o.kind == l.kind {
			t.note("Location %q already configured for server %q with upstream %q (Ingress %q)", l.path, cmp.Or(v.host, "_"), o.upstream.name, ing.Namespace+"/"+ing.Name)
			return
		}
	}
	v.locations = append(v.locations, l)
}

// location is a route of an Ingress.
func (s *store) location(t *table, ing *networkingv1.Ingress, path string, kind networkingv1.PathType, b *networkingv1.IngressBackend) *location {
	return &location{
		path: path, kind: kind, rewrite: ing.Annotations[rewriteTarget], namespace: ing.Namespace,
		redirect: ing.Annotations[sslRedirect] != "false", force: ing.Annotations[forceRedirect] == "true",
		https:    strings.EqualFold(ing.Annotations[backendProtocol], "HTTPS"),
		upstream: s.upstream(t, ing.Namespace, b),
	}
}

// order brings the locations into the order in which they are tried: an exact path before
// others, and a long one before a short one.
func (v *server) order() {
	slices.SortStableFunc(v.locations, func(a, b *location) int {
		exact := func(l *location) int { return map[bool]int{true: 0, false: 1}[l.kind == networkingv1.PathTypeExact] }
		return cmp.Or(exact(a)-exact(b), len(b.path)-len(a.path))
	})
	if !v.regex {
		return
	}
	for _, l := range v.locations {
		if l.kind != networkingv1.PathTypeExact {
			l.re, _ = regexp.Compile("(?i)^" + l.path) // one that is none fits nothing
		}
	}
}

// find is where a request for a host and a path leads; a nil location is the table's default.
func (t *table) find(host, path string) (*server, *location) {
	v := t.serverOf(host)
	for _, l := range v.locations {
		if l.fits(path, v.regex) {
			return v, l
		}
	}
	return v, v.otherwise
}

// serverOf is the server of a host: by its whole name, by all but its first label, or that of
// all hosts.
func (t *table) serverOf(host string) *server {
	host = strings.ToLower(host)
	if v := t.hosts[host]; v != nil {
		return v
	}
	if _, rest, ok := strings.Cut(host, "."); ok {
		if v := t.hosts["*."+rest]; v != nil {
			return v
		}
	}
	return t.hosts[""]
}

// fits says whether a path is of a location.
func (l *location) fits(path string, regex bool) bool {
	switch {
	case l.kind == networkingv1.PathTypeExact:
		return path == l.path
	case regex:
		return l.re != nil && l.re.MatchString(path)
	case l.kind == networkingv1.PathTypePrefix: // element by element
		at := strings.TrimSuffix(l.path, "/")
		return path == at || strings.HasPrefix(path, at+"/")
	}
	return strings.HasPrefix(path, l.path)
}

// port is the port of a Service that a backend names; nil if it has none.
func port(svc *corev1.Service, want networkingv1.ServiceBackendPort) *corev1.ServicePort {
	for i, p := range svc.Spec.Ports {
		if want.Name != "" && p.Name == want.Name || want.Name == "" && p.Port == want.Number {
			return &svc.Spec.Ports[i]
		}
	}
	return nil
}
