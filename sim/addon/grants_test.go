package addon

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testGrants are a role of the scheduler's and its binding, as an API server makes them.
func testGrants() []Grant {
	meta := metav1.ObjectMeta{Name: "system:sched", Labels: map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}}
	role := &rbacv1.ClusterRole{
		TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"}, ObjectMeta: meta,
		RoleRef:  rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "system:sched"},
		Subjects: []rbacv1.Subject{{APIGroup: "rbac.authorization.k8s.io", Kind: "User", Name: "sched"}},
	}
	return []Grant{{Object: role, Needs: "sched"}, {Object: binding, Needs: "sched"}}
}

// makeGrants makes them as an API server does.
func (w *world) makeGrants() {
	w.t.Helper()
	for _, g := range testGrants() {
		o, err := grantObject(g)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := w.client.Tracker().Create(o.id.gvr, o.manifest, ""); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestGrantsArePutBack changes what an API server grants to the scheduler. It is put back by
// the API server's own rule: what is missing comes back, what others add stays, and who opts
// out is left alone.
func TestGrantsArePutBack(t *testing.T) {
	subject := func(name string) []any {
		return []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}}
	}
	rule := func(verb string) map[string]any {
		return map[string]any{"verbs": []any{verb}, "apiGroups": []any{""}, "resources": []any{"nodes"}}
	}
	for name, c := range map[string]struct {
		resource string
		change   func(map[string]any) // nil deletes
		want     []string
		lost     bool // a right
		stays    bool // away
	}{
		"binding deleted":   {resource: "clusterrolebindings", want: []string{"deleted ClusterRoleBinding/system:sched"}, lost: true},
		"role deleted":      {resource: "clusterroles", want: []string{"deleted ClusterRole/system:sched"}, lost: true},
		"no subjects":       {resource: "clusterrolebindings", change: set([]any{}, "subjects"), want: []string{"edited ClusterRoleBinding/system:sched subjects"}, lost: true},
		"somebody else":     {resource: "clusterrolebindings", change: set(subject("x"), "subjects"), want: []string{"edited ClusterRoleBinding/system:sched subjects"}, lost: true},
		"another role":      {resource: "clusterrolebindings", change: set("view", "roleRef", "name"), want: []string{"edited ClusterRoleBinding/system:sched roleRef"}, lost: true},
		"fewer verbs":       {resource: "clusterroles", change: set([]any{rule("get")}, "rules"), want: []string{"edited ClusterRole/system:sched rules"}, lost: true},
		"more verbs":        {resource: "clusterroles", change: set([]any{rule("*")}, "rules")},
		"somebody more":     {resource: "clusterrolebindings", change: set(append(subject("sched"), subject("x")...), "subjects")},
		"label taken":       {resource: "clusterroles", change: set(map[string]any{}, "metadata", "labels"), want: []string{"edited ClusterRole/system:sched metadata"}},
		"opted out":         {resource: "clusterrolebindings", change: optOut(set([]any{}, "subjects")), want: []string{"edited ClusterRoleBinding/system:sched subjects: " + errProtected.Error()}, lost: true, stays: true},
		"opted out, intact": {resource: "clusterrolebindings", change: optOut(func(map[string]any) {})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.makeGrants()
				w.r.grants = testGrants
				var lost []Loss
				w.r.losing = func(x Loss) { lost = append(lost, x) }
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- w.r.Run(ctx) }()
				w.settled()
				if c.change == nil {
					w.remove(c.resource, "system:sched")
				} else {
					w.edit(c.resource, "system:sched", "kubectl-edit", c.change)
				}
				synctest.Wait()
				if (len(lost) == 1) != c.lost || w.r.Lacks("sched") != c.lost {
					t.Errorf("got %+v, and that a right is missing: %t", lost, w.r.Lacks("sched"))
				}
				w.settled(c.want...)
				if w.r.Lacks("sched") != c.stays {
					t.Errorf("after the passes a right is missing: %t", w.r.Lacks("sched"))
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func optOut(change func(map[string]any)) func(map[string]any) {
	return func(o map[string]any) {
		change(o)
		set("false", "metadata", "annotations", rbacv1.AutoUpdateAnnotationKey)(o)
	}
}

// TestGrantsThatWereDeletedBefore are missed as soon as somebody looks.
func TestGrantsThatWereDeletedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.makeGrants()
		w.remove("clusterrolebindings", "system:sched")
		w.r.grants = testGrants
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.r.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		w.r.mu.Lock()
		lost := maps.Clone(w.r.lost)
		w.r.mu.Unlock()
		if want := map[id]bool{{gvr("clusterrolebindings"), "", "system:sched"}: true}; !maps.Equal(lost, want) {
			t.Errorf("lost (-want +got):\n%s", cmp.Diff(want, lost, cmp.AllowUnexported(id{})))
		}
		w.settled("deleted ClusterRoleBinding/system:sched")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
