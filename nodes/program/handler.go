package program

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/image"
	"demarc/sim/annotation"
	"demarc/sim/clock"
)

// handler is the web server in a container: any path answers.
type handler struct {
	spec      Spec
	started   time.Time
	status    int
	latency   time.Duration
	sickAfter time.Duration
	sickens   bool         // after sickAfter
	own       http.Handler // that answers, if nothing of these does
	reviewer  reviewer     // of a webhook, may be nil
}

// health are paths that say how the program is, not what it serves.
var health = map[string]bool{"/healthz": true, "/readyz": true, "/livez": true, "/health": true, "/ready": true}

// newHandler makes the handler of a container.
func newHandler(s Spec) handler {
	h := handler{spec: s, started: s.StartedAt, status: http.StatusOK}
	if h.started.IsZero() {
		h.started = time.Now()
	}
	if v, ok := s.annotation(annotation.HTTPStatus); ok {
		h.status, _ = strconv.Atoi(v)
	}
	h.latency, _ = s.duration(annotation.Latency)
	h.sickAfter, h.sickens = s.duration(annotation.UnhealthyAfter)
	return h
}

// governed is a handler that answers as long as no annotation says otherwise.
func governed(s Spec, own http.Handler) http.Handler {
	h := newHandler(s)
	h.own = own
	return h
}

// ServeHTTP implements [http.Handler].
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.latency > 0 && !clock.Sleep(r.Context(), h.latency) {
		return
	}
	status := h.status
	if health[r.URL.Path] {
		status = http.StatusOK
	}
	if h.sickens && time.Since(h.started) >= h.sickAfter {
		status = http.StatusInternalServerError
	}
	if status == http.StatusOK && h.reviews(w, r) {
		return
	}
	if h.own != nil && status == http.StatusOK {
		h.own.ServeHTTP(w, r)
		return
	}
	aggregated := strings.HasPrefix(r.URL.Path, "/apis/")
	if aggregated && status == http.StatusOK && h.spec.API != nil {
		h.spec.API.ServeHTTP(w, r)
		return
	}
	if route, ok := h.route(r); ok && status == http.StatusOK {
		w.Header().Set("Content-Type", cmp.Or(route.Type, "text/plain; charset=utf-8"))
		w.WriteHeader(cmp.Or(route.Status, http.StatusOK))
		_, _ = io.WriteString(w, route.Body) // ends when the client does
		return
	}
	if aggregated && status == http.StatusOK {
		status = http.StatusNotFound // nobody serves it
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Server", image.Short(h.spec.Image))
	if text, ok := h.spec.echo(); ok {
		w.WriteHeader(status)
		fmt.Fprintln(w, text)
		return
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s\nfrom pod %s/%s (%s), container %s\n", r.Method, r.URL.Path, h.spec.Namespace, h.spec.Pod, h.spec.PodIP, h.spec.Container)
}

// route is the answer that the image's entry has for a request.
func (h handler) route(r *http.Request) (image.Route, bool) {
	if h.spec.Entry == nil {
		return image.Route{}, false
	}
	port := dialled(r)
	for _, p := range h.spec.Entry.Serves {
		if port != p.Port && slices.ContainsFunc(h.spec.Entry.Serves, func(o image.Port) bool { return o.Port == port }) {
			continue
		}
		for _, x := range p.Routes {
			prefix, open := strings.CutSuffix(x.Path, "*")
			if x.Path == r.URL.Path || open && strings.HasPrefix(r.URL.Path, prefix) {
				return x, true
			}
		}
	}
	return image.Route{}, false
}

// echo is what hashicorp/http-echo was told to say.
func (s Spec) echo() (string, bool) {
	for _, a := range s.Args {
		if name, text, ok := strings.Cut(strings.TrimLeft(a, "-"), "="); ok && name == "text" && image.Short(s.Image) == "http-echo" {
			return text, true
		}
	}
	return "", false
}
