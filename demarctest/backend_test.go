package demarctest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// shop is a web shop behind a load balancer, whose pod has a real program behind it.
const shop = `
apiVersion: v1
kind: Pod
metadata:
  {name: shop, namespace: default, labels: {app: shop}, annotations: {demarc.dev/backend: "%s"}}
spec:
  containers:
  - name: shop
    image: ghcr.io/acme/shop:1
    ports: [{containerPort: 8080}]
    readinessProbe: {httpGet: {port: 8080, path: /readyz}, periodSeconds: 5, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default}
spec: {type: LoadBalancer, selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
`

// TestRealShop has a real HTTP server behind a pod: it is reached as a pod is, and cut off as
// a pod is.
func TestRealShop(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the real shop ", r.URL.Path) }))
	defer server.Close()
	cluster := Start(t, Nodes(1))
	kube := clientOf(t, cluster)
	kube.apply(fmt.Sprintf(shop, server.Listener.Addr()))
	cluster.Check(`pods.exists(p, p.metadata.name == "shop" && p.?status.?containerStatuses.orValue([]).exists(c, c.ready))`, Within(2*time.Minute))
	cluster.Check(`timeline.exists(e, e.verb == "provisioned" && e.subject == "service/default/shop")`, Within(2*time.Minute))

	var status struct {
		LoadBalancers []struct{ Service, Address string }
	}
	if err := json.Unmarshal([]byte(cluster.Demarc("status", "-o", "json")), &status); err != nil || len(status.LoadBalancers) != 1 {
		t.Fatalf("got %+v, %v", status, err)
	}
	outside := "http://" + status.LoadBalancers[0].Address + "/cart"
	if body, err := get(http.DefaultTransport, outside); err != nil || body != "the real shop /cart" {
		t.Errorf("by the load balancer: got %q, %v", body, err)
	}
	if body, err := kube.get("/api/v1/namespaces/default/pods/shop:8080/proxy/pod"); err != nil || !strings.HasSuffix(body, "/pod") {
		t.Errorf("by the API server: got %q, %v", body, err)
	}
	cluster.Demarc("iaas", "nsg", "set", "no-web", "--priority", "200", "--direction", "Inbound", "--port", "80")
	if body, err := get(http.DefaultTransport, outside); err == nil {
		t.Errorf("a security rule denies it: got %q", body)
	}
	cluster.Demarc("iaas", "nsg", "delete", "no-web")

	cluster.Advance(time.Minute) // no real program can keep up with that
	cluster.Check(`events.exists(e, e.reason == "BackendRefused" && e.type == "Warning" && e.involvedObject.name == "shop")`, Within(time.Minute))
	cluster.Check(`timeline.exists(e, e.verb == "refused" && e.subject == "container/default/shop/shop")`)
	cluster.Check(`pods.exists(p, p.metadata.name == "shop" && p.status.containerStatuses.exists(c, c.ready))`, Within(2*time.Minute))

	cluster.Fault("power-off node/0")
	if body, err := get(http.DefaultTransport, outside); err == nil {
		t.Errorf("its node is off: got %q", body)
	}
}

// hook is a validating webhook by a Service, whose pod has a real program behind it.
const hook = `
apiVersion: v1
kind: Pod
metadata:
  {name: hook, namespace: default, labels: {app: hook}, annotations: {demarc.dev/backend: "8443=%s"}}
spec: {containers: [{name: hook, image: "ghcr.io/acme/hook:1", ports: [{containerPort: 8443}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: hook, namespace: default}
spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- name: hook.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 5
  clientConfig: {service: {name: hook, namespace: default, path: /validate}, caBundle: %s}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
`

// TestRealWebhook has a real webhook behind a Service. The API server believes its own
// certificate, and no other.
func TestRealWebhook(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct{ UID, Name string }
		}
		_ = json.NewDecoder(r.Body).Decode(&review)
		fmt.Fprintf(w, `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": %q, "allowed": %t, "status": {"message": "said by the real one"}}}`,
			review.Request.UID, review.Request.Name == "good")
	}))
	certificate, bundle := selfSigned(t, "hook.default.svc")
	_, other := selfSigned(t, "hook.default.svc")
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	cluster := Start(t, Nodes(1))
	kube := clientOf(t, cluster)
	kube.apply(fmt.Sprintf(hook, server.Listener.Addr(), bundle))
	cluster.Check(`endpointslices.exists(s, s.metadata.?labels["kubernetes.io/service-name"].orValue("") == "hook" &&
		s.?endpoints.orValue([]).exists(e, e.conditions.ready))`, Within(2*time.Minute))

	configMap := func(name string) error {
		return kube.create(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "default"}})
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) { // the API server has to hear of it
		err := configMap(fmt.Sprint("bad-", time.Now().UnixNano()))
		if err != nil && strings.Contains(err.Error(), "said by the real one") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the real webhook does not deny: %v", err)
		}
	}
	if err := configMap("good"); err != nil {
		t.Errorf("the real webhook allows: %v", err)
	}
	kube.apply(strings.Split(fmt.Sprintf(hook, server.Listener.Addr(), other), "---")[2])
	for end := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		err := configMap(fmt.Sprint("bad-", time.Now().UnixNano()))
		if err != nil && strings.Contains(err.Error(), "x509") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("another's certificate is believed: %v", err)
		}
	}
}

// selfSigned is a certificate for a name, and in base64 of PEM what a client must have to
// believe it.
func selfSigned(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := json.Marshal(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(bundle)
}

// get asks by HTTP, and waits three seconds.
func get(over http.RoundTripper, url string) (string, error) {
	client := http.Client{Transport: over, Timeout: 3 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// kubeClient is a client of a cluster for a test.
type kubeClient struct {
	t       *testing.T
	host    string
	over    http.RoundTripper
	objects dynamic.Interface
}

func clientOf(t *testing.T, c *Cluster) *kubeClient {
	t.Helper()
	over, err := rest.TransportFor(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	d, err := dynamic.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return &kubeClient{t, c.Config().Host, over, d}
}

func (k *kubeClient) get(path string) (string, error) { return get(k.over, k.host+path) }

// resource is where objects of a kind are.
func (k *kubeClient) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	r := k.objects.Resource(schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: strings.ToLower(gvk.Kind) + "s"})
	if o.GetNamespace() == "" {
		return r
	}
	return r.Namespace(o.GetNamespace())
}

func (k *kubeClient) create(object map[string]any) error {
	o := &unstructured.Unstructured{Object: object}
	_, err := k.resource(o).Create(context.Background(), o, metav1.CreateOptions{})
	return err
}

// apply applies manifests.
func (k *kubeClient) apply(manifests string) {
	k.t.Helper()
	docs := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := docs.Decode(&o.Object); err == io.EOF {
			return
		} else if err != nil {
			k.t.Fatal(err)
		}
		if _, err := k.resource(o).Apply(k.t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
			k.t.Fatal(err)
		}
	}
}
