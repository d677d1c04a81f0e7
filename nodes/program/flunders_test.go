package program

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSampleAPIServer(t *testing.T) {
	s := testSpec()
	s.Image, s.Command, s.Args = "registry.k8s.io/e2e-test-images/sample-apiserver:1.29.2", nil, []string{"--etcd-servers=http://127.0.0.1:2379"}
	b := Plan(s)
	if len(b.Ports) != 1 || b.Ports[0] != 443 || b.Exits {
		t.Fatalf("got %+v", b)
	}
	const of, one = "/apis/wardle.example.com/v1alpha1/namespaces/a/flunders", `{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{"name":"one","labels":{"x":"y"}}}`
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/readyz", "", 200, "ok"},
		{"GET", "/apis", "", 404, ""},
		{"GET", "/apis/wardle.example.com/v1alpha1", "", 200, `"kind":"Flunder"`},
		{"GET", of, "", 200, `"items":[]`},
		{"POST", of, one, 201, `"uid":"`},
		{"POST", of, one, 409, `flunders.wardle.example.com \"one\" already exists`},
		{"POST", of, `{"kind":"Pod"}`, 400, "unrecognized"},
		{"GET", "/apis/wardle.example.com/v1beta1/flunders?labelSelector=x%3Dy", "", 200, `"apiVersion":"wardle.example.com/v1beta1","kind":"Flunder"`},
		{"GET", "/apis/wardle.example.com/v1beta1/namespaces/b/flunders", "", 200, `"items":[]`},
		{"PUT", of + "/one", strings.Replace(one, `"name"`, `"resourceVersion":"9","name"`, 1), 409, "modified"},
		{"PUT", of + "/one", one, 200, `"resourceVersion":"2"`},
		{"DELETE", of + "?labelSelector=x%3Dz", "", 200, "Success"},
		{"GET", of + "/one", "", 200, `"name":"one"`},
		{"DELETE", of + "/one", "", 200, "Success"},
		{"GET", of + "/one", "", 404, `flunders.wardle.example.com \"one\" not found`},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		b.Handler.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.code, c.want)
		}
	}
	s.Annotations = map[string]string{"demarc.dev/http-status": "503"}
	if code, _ := ask(Plan(s).Handler, of); code != http.StatusServiceUnavailable {
		t.Errorf("annotated: got %d", code)
	}
}
