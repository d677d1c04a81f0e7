package nodes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/kubelet"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// metricsAPI is what a metrics server answers: the API metrics.k8s.io, of the nodes that it
// can reach from its own, as their kubelets tell it.
type metricsAPI struct {
	fleet *scaleSet
	nodes func(name string) (*corev1.Node, error)
	from  string // its own node
}

// apiOf is what a container answers below /apis/; nil for nothing.
func (f *Fleet) apiOf(node string, c *corev1.Container) http.Handler {
	if image.Short(c.Image) != "metrics-server" {
		return nil
	}
	return metricsAPI{f.scaleSet, f.node, node}
}

const metricsPrefix = "/apis/" + metrics.GroupName + "/v1beta1"

// ServeHTTP implements [http.Handler].
func (x metricsAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, metricsPrefix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		x.fail(w, apierrors.NewBadRequest(err.Error()))
		return
	}
	p := strings.Split(strings.Trim(rest, "/"), "/")
	switch {
	case p[0] == "":
		x.answer(w, http.StatusOK, resources())
	case p[0] == "nodes" && len(p) == 1:
		x.answer(w, http.StatusOK, &metrics.NodeMetricsList{TypeMeta: kindOf("NodeMetricsList"), Items: x.nodeMetrics(selector, "")})
	case p[0] == "nodes" && len(p) == 2:
		one(x, w, x.nodeMetrics(selector, p[1]), "nodes", p[1])
	case p[0] == "pods" && len(p) == 1:
		x.answer(w, http.StatusOK, &metrics.PodMetricsList{TypeMeta: kindOf("PodMetricsList"), Items: x.podMetrics(selector, "", "")})
	case p[0] == "namespaces" && len(p) == 3 && p[2] == "pods":
		x.answer(w, http.StatusOK, &metrics.PodMetricsList{TypeMeta: kindOf("PodMetricsList"), Items: x.podMetrics(selector, p[1], "")})
	case p[0] == "namespaces" && len(p) == 4 && p[2] == "pods":
		one(x, w, x.podMetrics(selector, p[1], p[3]), "pods", p[1]+"/"+p[3])
	default:
		http.NotFound(w, r)
	}
}

// resources is the discovery of the API.
func resources() *metav1.APIResourceList {
	verbs := metav1.Verbs{"get", "list"}
	return &metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: metrics.SchemeGroupVersion.String(),
		APIResources: []metav1.APIResource{
			{Name: "nodes", SingularName: "", Kind: "NodeMetrics", Verbs: verbs},
			{Name: "pods", SingularName: "", Namespaced: true, Kind: "PodMetrics", Verbs: verbs},
		},
	}
}

func kindOf(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind, APIVersion: metrics.SchemeGroupVersion.String()}
}

// one answers with the only object of a list.
func one[T any](x metricsAPI, w http.ResponseWriter, list []T, kind, name string) {
	if len(list) == 0 {
		x.fail(w, apierrors.NewNotFound(schema.GroupResource{Group: metrics.GroupName, Resource: kind}, name))
		return
	}
	x.answer(w, http.StatusOK, list[0])
}

func (x metricsAPI) fail(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	x.answer(w, int(status.Code), status)
}

func (metricsAPI) answer(w http.ResponseWriter, code int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(what) // the client has gone, or not
}

// scraped are the kubelets that answer a metrics server; the lock is held.
func (x metricsAPI) scraped() (list []*machine) {
	own := x.fleet.named(x.from)
	connected := own != nil && own.Reachable()
	for _, m := range x.fleet.machines() {
		if m.kubelet.Running && (m.Name == x.from || m.Reachable() && connected) {
			list = append(list, m)
		}
	}
	return list
}

// stamp is the end of the last window: when the metrics were taken.
func stamp(now time.Time) metav1.Time { return metav1.NewTime(now.Truncate(kubelet.Window)) }

func (x metricsAPI) nodeMetrics(selector labels.Selector, name string) []metrics.NodeMetrics {
	list := []metrics.NodeMetrics{}
	x.fleet.mu.Lock()
	defer x.fleet.mu.Unlock()
	now := time.Now()
	for _, m := range x.scraped() {
		node, err := x.nodes(m.Name)
		if err != nil || name != "" && m.Name != name || !selector.Matches(labels.Set(node.Labels)) {
			continue
		}
		cpu, memory := m.kubelet.NodeUsage(now)
		list = append(list, metrics.NodeMetrics{
			TypeMeta: kindOf("NodeMetrics"), ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: node.Labels, CreationTimestamp: metav1.NewTime(now)},
			Timestamp: stamp(now), Window: metav1.Duration{Duration: kubelet.Window},
			Usage: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		})
	}
	slices.SortFunc(list, func(a, b metrics.NodeMetrics) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (x metricsAPI) podMetrics(selector labels.Selector, namespace, name string) []metrics.PodMetrics {
	list := []metrics.PodMetrics{}
	x.fleet.mu.Lock()
	defer x.fleet.mu.Unlock()
	now := time.Now()
	for _, m := range x.scraped() {
		for _, p := range m.kubelet.Usage(now) {
			if namespace != "" && p.Namespace != namespace || name != "" && p.Pod != name || !selector.Matches(labels.Set(p.Labels)) {
				continue
			}
			pod := metrics.PodMetrics{
				TypeMeta: kindOf("PodMetrics"), ObjectMeta: metav1.ObjectMeta{Name: p.Pod, Namespace: p.Namespace, Labels: p.Labels, CreationTimestamp: metav1.NewTime(now)},
				Timestamp: stamp(now), Window: metav1.Duration{Duration: kubelet.Window}, Containers: []metrics.ContainerMetrics{},
			}
			for _, c := range p.Containers {
				pod.Containers = append(pod.Containers, metrics.ContainerMetrics{
					Name: c.Container, Usage: corev1.ResourceList{corev1.ResourceCPU: c.CPU, corev1.ResourceMemory: c.Memory},
				})
			}
			list = append(list, pod)
		}
	}
	slices.SortFunc(list, func(a, b metrics.PodMetrics) int {
		return strings.Compare(fmt.Sprint(a.Namespace, "/", a.Name), fmt.Sprint(b.Namespace, "/", b.Name))
	})
	return list
}
