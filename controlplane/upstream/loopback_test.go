package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCallLoopback has clients of before and of after ask the transport that is given,
// with their token, and those of another configuration go on as they did.
func TestCallLoopback(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "by the kernel") }))
	defer server.Close()
	config := func(name string) *rest.Config {
		return &rest.Config{Host: server.URL, BearerToken: "secret", TLSClientConfig: rest.TLSClientConfig{Insecure: true, ServerName: name}}
	}
	ask := func(c *kubernetes.Clientset) string {
		b, err := c.RESTClient().Get().AbsPath("/livez").DoRaw(t.Context())
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	loopback := config("loopback")
	before := kubernetes.NewForConfigOrDie(loopback)
	kept, err := CallLoopback(loopback, roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("called with " + r.Header.Get("Authorization"))), Request: r}, nil
	}))
	if err != nil || kept == nil {
		t.Fatal(err)
	}
	const want = "called with Bearer secret"
	if got := ask(before); got != want {
		t.Errorf("a client of before: %q, want %q", got, want)
	}
	if got := ask(kubernetes.NewForConfigOrDie(loopback)); got != want {
		t.Errorf("a client of after: %q, want %q", got, want)
	}
	if got := ask(kubernetes.NewForConfigOrDie(config("other"))); got != "by the kernel" {
		t.Errorf("a client of another server: %q", got)
	}
}
