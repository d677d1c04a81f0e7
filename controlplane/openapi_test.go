//go:build faketime

package controlplane

import (
	"context"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// TestOpenAPIHasANewKindAtOnce: kubectl explains and validates what a customer has just
// defined, as soon as with upstream's own rhythm.
func TestOpenAPIHasANewKindAtOnce(t *testing.T) {
	ctx := context.Background()
	p, client := startPlane(t, 1, 1)
	crds := apiextensions.NewForConfigOrDie(p.Customer()).ApiextensionsV1().CustomResourceDefinitions()
	time.Sleep(5*time.Minute + 30*time.Second) // nobody has looked at the documents for a while
	schema := &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"percent": {Type: "integer"}}}
	crd, err := crds.Create(ctx, &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "coupons.shop.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "shop.example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "coupons", Kind: "Coupon"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{
				{Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: schema}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var last string
	within2s := func(path, what string, has func(document string) bool) {
		t.Helper()
		began := time.Now()
		err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Hour, true, func(ctx context.Context) (bool, error) {
			b, err := client.Discovery().RESTClient().Get().AbsPath(path).DoRaw(ctx)
			last = string(b)
			return err == nil && has(last), nil
		})
		if took := time.Since(began); err != nil || took > 2*time.Second {
			t.Errorf("%s had %s after %v (%v), want it within 2s", path, what, took, err)
		}
	}
	shows := func(path, want string) {
		t.Helper()
		within2s(path, want, func(document string) bool { return strings.Contains(document, want) })
	}
	shows("/openapi/v3", `"apis/shop.example.com/v1"`)
	shows("/openapi/v3/apis/shop.example.com/v1", `"percent"`)
	shows("/openapi/v2", `"com.example.shop.v1.Coupon"`)
	shows("/openapi/v3", `"apis/shop.example.com/v1"`)
	before := last

	time.Sleep(5*time.Minute + 30*time.Second)
	if crd, err = crds.Get(ctx, crd.Name, metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["code"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	if _, err := crds.Update(ctx, crd, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	within2s("/openapi/v3", "another hash", func(document string) bool { return document != before })
	shows("/openapi/v3/apis/shop.example.com/v1", `"code"`)
}
