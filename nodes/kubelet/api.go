package kubelet

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// streamIdle is how long a stream may be idle (kubernetes 1.37,
// pkg/kubelet/apis/config/v1beta1/defaults.go: streamingConnectionIdleTimeout).
const streamIdle = 4 * time.Hour

// streamCreation is how long a client may take to open its streams
// (k8s.io/cri-streaming, remotecommand: DefaultStreamCreationTimeout).
const streamCreation = remotecommand.DefaultStreamCreationTimeout

// handler serves the part of the kubelet's API that the API server, kubectl and
// metrics collectors use.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /pods", s.pods)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /metrics/resource", s.resourceMetrics)
	mux.HandleFunc("GET /metrics/cadvisor", s.containerMetrics)
	mux.HandleFunc("GET /stats/summary", s.summary)
	mux.HandleFunc("GET /configz", s.configz)
	mux.HandleFunc("GET /logs/{file...}", s.nodeLogs)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", s.exec)
	mux.HandleFunc("/exec/{namespace}/{pod}/{uid}/{container}", s.exec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", s.attach)
	mux.HandleFunc("/attach/{namespace}/{pod}/{uid}/{container}", s.attach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", s.portForward)
	mux.HandleFunc("/portForward/{namespace}/{pod}/{uid}", s.portForward)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// dialled is the node that a request was sent to.
func dialled(r *http.Request) *Kubelet { return r.Context().Value(nodeKey{}).(*Kubelet) }

// podOf finds the pod that a request names on the node that was dialled. The
// lock is held.
func (s *server) podOf(r *http.Request) (*pod, error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("pod")
	p := s.ks.podNamed(namespace, name)
	if p == nil || p.k != dialled(r) {
		return nil, fmt.Errorf("pod %q: %w", name+"_"+namespace, errNotFound)
	}
	return p, nil
}

// containerOf finds the container that a request names. The lock is held.
func (s *server) containerOf(r *http.Request) (*container, error) {
	p, err := s.podOf(r)
	if err != nil {
		return nil, err
	}
	if !p.k.RuntimeRuns {
		return nil, errNoRuntime
	}
	for _, c := range p.containers {
		if c.name == r.PathValue("container") {
			return c, nil
		}
	}
	return nil, fmt.Errorf("container %q in pod %q: %w", r.PathValue("container"), p.name, errNotFound)
}

func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	opts, e, ok := s.streams(w, r)
	if !ok {
		return
	}
	remotecommand.ServeExec(w, r, e, r.PathValue("pod"), "", r.PathValue("container"), r.URL.Query()["command"], opts,
		streamIdle, streamCreation, remotecommand.SupportedStreamingProtocols)
}

func (s *server) attach(w http.ResponseWriter, r *http.Request) {
	opts, e, ok := s.streams(w, r)
	if !ok {
		return
	}
	remotecommand.ServeAttach(w, r, e, r.PathValue("pod"), "", r.PathValue("container"), opts,
		streamIdle, streamCreation, remotecommand.SupportedStreamingProtocols)
}

// streams reads which streams a request wants of which running container, or answers
// what is wrong with it.
func (s *server) streams(w http.ResponseWriter, r *http.Request) (opts *remotecommand.Options, e *execution, ok bool) {
	opts, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, nil, false
	}
	s.ks.Lock.Lock()
	defer s.ks.Lock.Unlock()
	c, err := s.containerOf(r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusNotFound)
		return nil, nil, false
	case c.state != running:
		http.Error(w, fmt.Sprintf("container not found (%q)", c.name), http.StatusInternalServerError)
		return nil, nil, false
	}
	return opts, &execution{program: c.program, log: c.log, stdio: c.stdio}, true
}

func (s *server) portForward(w http.ResponseWriter, r *http.Request) {
	opts, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.ks.Lock.Lock()
	p, err := s.podOf(r)
	up := err == nil && p.sandbox
	s.ks.Lock.Unlock()
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case !up:
		http.Error(w, fmt.Sprintf("pod %q has no sandbox", p.name), http.StatusInternalServerError)
		return
	}
	portforward.ServePortForward(w, r, forwarder{p}, p.name, "", opts, streamIdle, streamCreation, portforward.SupportedProtocols)
}

func (s *server) pods(w http.ResponseWriter, r *http.Request) {
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
	s.ks.Lock.Lock()
	for _, p := range sortedPods(dialled(r).pods) {
		pod := p.spec.DeepCopy()
		if p.status != nil {
			pod.Status = *p.status.DeepCopy()
		}
		list.Items = append(list.Items, *pod)
	}
	s.ks.Lock.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the client's connection may be gone
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	s.ks.Lock.Lock()
	pods, containers := dialled(r).Count()
	s.ks.Lock.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	writeFamily(w, "kubelet_running_pods", "Number of pods that have a running pod sandbox", "gauge", fmt.Sprintf("kubelet_running_pods %d\n", pods))
	writeFamily(w, "kubelet_running_containers", "Number of containers currently running", "gauge", fmt.Sprintf("kubelet_running_containers{container_state=\"running\"} %d\n", containers))
}
