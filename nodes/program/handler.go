package program

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// handler is the web server in a container: any path answers.
type handler struct {
	spec      Spec
	started   time.Time
	status    int
	latency   time.Duration
	sickAfter time.Duration // 0 means never
}

// newHandler makes the handler of a container that starts now.
func newHandler(s Spec) http.Handler {
	h := handler{spec: s, started: time.Now(), status: http.StatusOK}
	if v, ok := s.annotation(AnnotationHTTPStatus); ok {
		h.status, _ = strconv.Atoi(v)
	}
	h.latency, _ = s.duration(AnnotationLatency)
	h.sickAfter, _ = s.duration(AnnotationUnhealthyAfter)
	return h
}

// ServeHTTP implements [http.Handler].
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.latency > 0 {
		select {
		case <-time.After(h.latency):
		case <-r.Context().Done():
			return
		}
	}
	status := h.status
	if h.sickAfter > 0 && time.Since(h.started) >= h.sickAfter {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Server", imageName(h.spec.Image))
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s\nfrom pod %s/%s (%s), container %s\n", r.Method, r.URL.Path, h.spec.Namespace, h.spec.Pod, h.spec.PodIP, h.spec.Container)
}
