package run

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// logServer is an API server with a Deployment of two pods, whose tunnel can
// be down.
func logServer(t *testing.T) *kube {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path string, status int, contentType, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	answer("/apis/apps/v1/namespaces/default/deployments/shop", 200, "application/json",
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shop"},"spec":{"selector":{"matchLabels":{"app":"shop"}}}}`)
	answer("/api/v1/namespaces/default/pods", 200, "application/json", `{"apiVersion":"v1","kind":"PodList","items":[
		{"metadata":{"name":"new","creationTimestamp":"2026-01-05T09:00:00Z"}},
		{"metadata":{"name":"old","creationTimestamp":"2026-01-05T08:00:00Z"}},
		{"metadata":{"name":"ending","creationTimestamp":"2026-01-05T07:00:00Z","deletionTimestamp":"2026-01-05T09:00:00Z"}}]}`)
	answer("/api/v1/namespaces/default/pods/old/log", 200, "text/plain", "started\n")
	answer("/api/v1/namespaces/default/pods/new/log", 500, "application/json",
		`{"apiVersion":"v1","kind":"Status","status":"Failure","message":"error dialing backend: EOF","code":500}`)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	k, err := newKube(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLogs(t *testing.T) {
	k := logServer(t)
	pod, err := k.podOf(t.Context(), schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "default", "shop")
	if err != nil || pod != "old" {
		t.Errorf("the pod of the Deployment is %q, %v; want the oldest that is not ending", pod, err)
	}
	if text, err := k.log(t.Context(), "default", "old", ""); err != nil || text != "started\n" {
		t.Errorf("the log is %q, %v", text, err)
	}
	if _, err := k.log(t.Context(), "default", "new", "c"); err == nil || !strings.Contains(err.Error(), "error dialing backend: EOF") {
		t.Errorf("without a tunnel: %v, want the API server's words", err)
	}
}
