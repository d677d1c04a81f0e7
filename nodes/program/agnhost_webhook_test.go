package program

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// reviewed sends a review to what agnhost serves, and returns the response.
func reviewed(t *testing.T, program, path, body string) map[string]any {
	t.Helper()
	b := Plan(Spec{Image: "registry.k8s.io/e2e-test-images/agnhost:2.66.0", Args: []string{program}})
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.Handler.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	var got struct{ Response map[string]any }
	if err := json.Unmarshal(text, &got); err != nil || got.Response["uid"] != "u" {
		t.Fatalf("%s: %v: %s", path, err, text)
	}
	return got.Response
}

func TestAgnhostWebhook(t *testing.T) {
	for name, c := range map[string]struct {
		path, request string
		want          string // of the response
	}{
		"denies":        {"/always-deny", `{"object":{}}`, `"allowed":false,"status":{"message":"this webhook denies all requests"}`},
		"another path":  {"/else", `{"object":{}}`, `"allowed":true`},
		"pod":           {"/pods", `{"object":{"metadata":{"labels":{"webhook-e2e-test":"webhook-disallow"}},"spec":{"containers":[{"name":"webhook-disallow"}]}}}`, `the pod contains unwanted container name; the pod contains unwanted label`},
		"configmap":     {"/configmaps", `{"object":{"data":{"webhook-e2e-test":"webhook-disallow"}}}`, `"allowed":false`},
		"good":          {"/configmaps", `{"object":{"data":{"webhook-e2e-test":"webhook-allow"}}}`, `"allowed":true`},
		"no deletion":   {"/custom-resource", `{"operation":"DELETE","oldObject":{"data":{"webhook-e2e-test":"webhook-nondeletable"}}}`, `"allowed":false`},
		"changes":       {"/mutating-configmaps", `{"object":{"data":{"mutation-start":"yes"}}}`, `"patchType":"JSONPatch"`},
		"changes none":  {"/mutating-configmaps", `{"object":{"data":{}}}`, `{"allowed":true,"uid":"u"}`},
		"attach":        {"/pods/attach", `{"name":"to-be-attached-pod"}`, `"allowed":false`},
		"first label":   {"/add-label", `{"object":{"metadata":{}}}`, `"patchType":"JSONPatch"`},
		"no definition": {"/crd", `{"object":{"metadata":{"labels":{"webhook-e2e-test":"webhook-disallow"}}}}`, `the crd contains unwanted label`},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",` + c.request[1:] + `}`
			got, err := json.Marshal(reviewed(t, "webhook", c.path, body))
			if err != nil || !strings.Contains(string(got), c.want) {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestAgnhostConverts(t *testing.T) {
	const body = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"stable.example.com/v2","objects":[
		{"apiVersion":"stable.example.com/v1","kind":"X","hostPort":"localhost:8080"}]}}`
	got, _ := json.Marshal(reviewed(t, "crd-conversion-webhook", "/crdconvert", body)["convertedObjects"])
	if want := `[{"apiVersion":"stable.example.com/v2","host":"localhost","kind":"X","port":"8080"}]`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
