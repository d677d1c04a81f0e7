package run

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"demarc/scenarios/script/check"
	"demarc/sim/api"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

var configMaps = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

// apiServer plays an API server for one kind. Each request takes the next
// answer; a watch whose answer does not end goes on until its client goes.
type apiServer struct {
	mu      sync.Mutex
	asked   []string
	answers []answer
	conns   atomic.Int32
}

type answer struct {
	status int
	body   string
	open   bool
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	verb := "list"
	if r.URL.Query().Get("watch") != "" {
		verb = "watch from " + r.URL.Query().Get("resourceVersion")
	}
	s.asked = append(s.asked, verb+" "+r.URL.Path)
	var a answer
	if len(s.answers) > 0 {
		a, s.answers = s.answers[0], s.answers[1:]
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	fmt.Fprint(w, a.body)
	if a.open {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

func list(version string, names ...string) answer {
	var items []string
	for _, n := range names {
		items = append(items, fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": %q, "namespace": "default", "resourceVersion": "1"}}`, n))
	}
	return answer{status: 200, body: fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": %q}, "items": [%s]}`, version, strings.Join(items, ","))}
}

func event(kind, name, version string) string {
	return fmt.Sprintf(`{"type": %q, "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": %q, "namespace": "default", "resourceVersion": %q}}}`+"\n", kind, name, version)
}

func status(code int, reason, causes string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": %d, "reason": %q, "message": "no", "details": {"causes": [%s]}}`, code, reason, causes)
}

// serve starts the server and a client of it, and returns when the client has
// seen what is wanted.
func serve(t *testing.T, s *apiServer, wanted func(check.Watch) bool) check.Watch {
	t.Helper()
	server := httptest.NewUnstartedServer(s)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	w := newWatches(t.Context(), func() (*kube, error) { return newKube(&rest.Config{Host: server.URL}) })
	defer w.close()
	if err := w.start(t.Context(), "cm", configMaps, "default"); err != nil {
		t.Fatal(err)
	}
	timeout := time.After(20 * time.Second)
	for {
		changed := w.wait()
		seen := w.state()["cm"]
		if wanted(seen) {
			return seen
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("still %+v after %q", seen, s.asked)
		}
	}
}

// TestWatchGoesOn checks that a client goes on from the last version it has seen,
// that of a bookmark too, and does not list again.
func TestWatchGoesOn(t *testing.T) {
	s := &apiServer{answers: []answer{
		list("10", "a", "b"),
		{status: 200, body: event("ADDED", "c", "11") + event("DELETED", "a", "12") + event("BOOKMARK", "", "15")},
		{status: 200, body: event("MODIFIED", "b", "16"), open: true},
	}}
	got := serve(t, s, func(w check.Watch) bool { return w.Events == 3 })
	if want := (check.Watch{Lists: 1, Events: 3, Objects: 2, LastVersion: 16, Connected: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	path := " /api/v1/namespaces/default/configmaps"
	if got, want := strings.Join(s.asked, ", "), "list"+path+", watch from 10"+path+", watch from 15"+path; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

// TestThePastComesBack checks that versions that are lower than before are
// counted, of lists and of events, and what makes a client list again.
func TestThePastComesBack(t *testing.T) {
	tooLarge := status(504, "Timeout", `{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}`)
	gone := status(410, "Expired", "")
	for name, end := range map[string]answer{
		"gone":               {status: 410, body: gone},
		"gone, as an event":  {status: 200, body: `{"type": "ERROR", "object": ` + gone + `}`},
		"too large":          {status: 504, body: tooLarge},
		"too large as event": {status: 200, body: `{"type": "ERROR", "object": ` + tooLarge + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &apiServer{answers: []answer{
				list("900", "a"), end, list("500"), {status: 200, body: event("ADDED", "a", "501") + event("ADDED", "b", "901"), open: true},
			}}
			got := serve(t, s, func(w check.Watch) bool { return w.Events == 2 })
			if want := (check.Watch{Lists: 2, Events: 2, Objects: 2, LastVersion: 901, Backwards: 2, Errors: 1, Connected: true}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestWatchInAScenario plays an outage in virtual time: the client tries again
// with growing waits, does not list again, and ends with the run.
func TestWatchInAScenario(t *testing.T) {
	var tries []time.Duration
	report, _, world := play(t, `
at 1s watch pods kind=pods namespace=default
within 1s check 'watches.pods.lists == 1 && watches.pods.objects == 1 && watches.pods.connected'
at 2s crash kube-apiserver
within 1m check '!watches.pods.connected && watches.pods.errors >= 1'
at 65s check 'watches["pods"].errors == 7'
at 65s start kube-apiserver
within 1m check 'watches.pods.connected'
finally check 'watches.all(name, watches[name].lists == 1 && watches[name].backwards == 0)'
`, func(w *fakeWorld) {
		w.pod(t, "a", "Running")
		began := time.Now()
		withVersions(w)
		w.client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
			tries = append(tries, time.Since(began))
			if w.down.Load() {
				return true, nil, errors.New("connect: connection refused")
			}
			f := watch.NewFake()
			if len(tries) == 1 {
				after(time.Second+500*time.Millisecond, f.Stop)
			}
			return true, f, nil
		})
	})
	for _, e := range report.Expectations {
		if !e.Held {
			t.Error(e.Seen)
		}
	}
	events, _ := world.Timeline().Since(0)
	if got := events[0]; got.Subject != "watch/pods" || got.Message != "a client of the customer watches every Pod in default" {
		t.Errorf("timeline: got %+v", got)
	}
	want := "[1s 2.5s 3s 5s 9s 17s 33s 1m3s 1m33s]"
	if got := fmt.Sprint(tries); got != want {
		t.Errorf("tried at %s, want %s", got, want)
	}
}

// withVersions gives lists a resource version, which the fake API server does
// not.
func withVersions(w *fakeWorld) {
	w.client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		gvr := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
		obj, err := w.client.Tracker().List(gvr, podKind, "")
		if err != nil {
			return true, nil, err
		}
		if l, ok := obj.(interface{ SetResourceVersion(string) }); ok {
			l.SetResourceVersion("7")
		}
		return true, obj, nil
	})
}

func TestWatchThatCannotListYet(t *testing.T) {
	report, _, _ := play(t, `
at 0s crash kube-apiserver
at 1s watch pods kind=po
at 1s check 'watches.pods.lists == 0 && !watches.pods.connected'
at 5s start kube-apiserver
within 10s check 'watches.pods.lists == 1'
`, nil)
	if report.Verdict != api.VerdictHeld {
		t.Errorf("got %+v", report.Expectations)
	}
}

func TestOutOfReach(t *testing.T) {
	gr := schema.GroupResource{Resource: "pods"}
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("connection refused"), false},
		{apierrors.NewNotFound(gr, "x"), false},
		{apierrors.NewTimeoutError("slow", 1), false},
		{apierrors.NewResourceExpired("old"), true},
		{&apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonGone}}, true},
	} {
		if got := outOfReach(tt.err); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	var got []string
	for n := 1; n <= 7; n++ {
		got = append(got, backoff(n).String())
	}
	if s, want := strings.Join(got, " "), "1s 2s 4s 8s 16s 30s 30s"; s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	if got := backoff(1000); got != maxBackoff {
		t.Errorf("after 1000 failures: got %s, want %s", got, maxBackoff)
	}
}
