package controlplane

import "testing"

func TestRegistered(t *testing.T) {
	for key, want := range map[string]string{
		"/registry/configmaps/load/filler-1":                                   "configmaps in load",
		"/registry/minions/aks-nodepool1-1-vmss000000":                         "nodes in ",
		"/registry/services/specs/default/shop":                                "services in default",
		"/registry/services/endpoints/default/shop":                            "endpoints in default",
		"/registry/clusterroles/system:node":                                   "clusterroles in ",
		"/registry/deployments/web/shop":                                       "deployments in web",
		"/registry/apiextensions.k8s.io/customresourcedefinitions/a.b.example": "customresourcedefinitions in ",
		"/registry/example.com/widgets/web/a":                                  "widgets in web",
		"/registry/example.com/gadgets/a":                                      "gadgets in ",
		"/registry/leases/kube-node-lease/aks-nodepool1-1-vmss000000":          "leases in kube-node-lease",
		"compact_rev_key":                                                      "",
		"/registry/":                                                           "",
		"/registry/health":                                                     "",
	} {
		resource, namespace, ok := registered([]byte(key))
		if got := resource + " in " + namespace; ok != (want != "") || ok && got != want {
			t.Errorf("%s: got %q, %t, want %q", key, got, ok, want)
		}
	}
}
