package controlplane

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// TestGrantsKnowWhoNeedsThem looks up what components of the control plane cannot work
// without.
func TestGrantsKnowWhoNeedsThem(t *testing.T) {
	needs := map[string]string{}
	for _, g := range Grants() {
		o, err := meta.Accessor(g.Object)
		if err != nil {
			t.Fatal(err)
		}
		key := g.Object.GetObjectKind().GroupVersionKind().Kind + " " + o.GetNamespace() + "/" + o.GetName()
		if _, twice := needs[key]; twice {
			t.Errorf("%s is twice", key)
		}
		needs[key] = g.Needs
	}
	for key, want := range map[string]string{
		"ClusterRole /system:kube-scheduler":                            Scheduler,
		"ClusterRoleBinding /system:kube-scheduler":                     Scheduler,
		"ClusterRoleBinding /system:volume-scheduler":                   Scheduler,
		"RoleBinding kube-system/system::leader-locking-kube-scheduler": Scheduler,
		"Role kube-system/system::leader-locking-kube-scheduler":        Scheduler,
		"ClusterRoleBinding /system:kube-controller-manager":            ControllerManager,
		"ClusterRole /system:controller:node-controller":                ControllerManager,
		"RoleBinding kube-public/system:controller:bootstrap-signer":    "", // it is off by default
		"ClusterRoleBinding /system:node-proxier":                       "",
		"ClusterRole /view": "",
		"RoleBinding kube-system/system:controller:cloud-provider":                  "",
		"ClusterRoleBinding /system:discovery":                                      "",
		"RoleBinding kube-system/system::extension-apiserver-authentication-reader": ControllerManager,
	} {
		if got, ok := needs[key]; !ok || got != want {
			t.Errorf("%s is needed by %q (%t), want %q", key, got, ok, want)
		}
	}
}

// TestRefusals refuses something to the scheduler until it is allowed, or not wanted any more.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newRefusals()
		ask := func(name, verb, resource string, allowed bool) {
			x.note(authorizer.AttributesRecord{User: &user.DefaultInfo{Name: name}, Verb: verb, Resource: resource, ResourceRequest: true}, allowed)
		}
		refused := func(scheduler, controllers bool) {
			t.Helper()
			if s, m := x.of(Scheduler), x.of(ControllerManager); (s != nil) != scheduler || (m != nil) != controllers {
				t.Errorf("refused are %v and %v", s, m)
			}
		}
		ask("somebody", "list", "nodes", false)
		ask("system:kube-scheduler", "create", "events", false)
		refused(false, false)
		ask("system:kube-scheduler", "list", "nodes", false)
		ask("system:serviceaccount:kube-system:job-controller", "list", "pods", false)
		refused(true, true)
		ask("system:kube-scheduler", "list", "pods", true)
		refused(true, true)
		ask("system:kube-scheduler", "list", "nodes", true)
		refused(false, true)
		time.Sleep(longestPause + time.Second)
		refused(false, false)
	})
}
