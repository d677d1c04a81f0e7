package addon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// world is a fake API server that defaults, and a reconciler.
type world struct {
	t      *testing.T
	client *fake.FakeDynamicClient
	r      *Reconciler
	down   atomic.Bool
	asked  atomic.Int64
	// hook is a webhook: it may change what is written, or refuse it.
	hook func(u *unstructured.Unstructured, dryRun bool) error

	mu    sync.Mutex
	notes []Repair
}

// newClient is a fake one that also knows what client-go's scheme does not.
func newClient() *fake.FakeDynamicClient {
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		panic(err) // of constants
	}
	v1 := schema.GroupVersion{Group: "apiregistration.k8s.io", Version: "v1"}
	s.AddKnownTypeWithName(v1.WithKind("APIService"), &unstructured.Unstructured{})
	s.AddKnownTypeWithName(v1.WithKind("APIServiceList"), &unstructured.UnstructuredList{})
	return fake.NewSimpleDynamicClient(s)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, client: newClient()}
	w.client.PrependReactor("create", "*", w.write)
	w.client.PrependReactor("update", "*", w.write)
	w.client.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.asked.Add(1)
		return w.down.Load(), nil, errors.New("connect: connection refused")
	})
	r, err := New(Config{Client: w.client, Note: func(p Repair) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notes = append(w.notes, p)
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.r = r
	w.put("namespaces", "Namespace", "", metav1.NamespaceSystem, nil)
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// write plays the API server's defaulting, its checks and its webhook.
func (w *world) write(a clienttesting.Action) (bool, runtime.Object, error) {
	var u *unstructured.Unstructured
	var dryRun []string
	switch a := a.(type) {
	case clienttesting.UpdateActionImpl:
		u, dryRun = a.GetObject().(*unstructured.Unstructured), a.UpdateOptions.DryRun
		if old, err := w.client.Tracker().Get(a.GetResource(), a.GetNamespace(), u.GetName()); err == nil && u.GetKind() == "ClusterRoleBinding" {
			if !cmp.Equal(old.(*unstructured.Unstructured).Object["roleRef"], u.Object["roleRef"]) {
				return true, nil, apierrors.NewInvalid(u.GroupVersionKind().GroupKind(), u.GetName(), nil)
			}
		}
	case clienttesting.CreateActionImpl:
		u = a.GetObject().(*unstructured.Unstructured)
	}
	if u.GetKind() == "Deployment" {
		if _, ok, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "revisionHistoryLimit"); !ok {
			_ = unstructured.SetNestedField(u.Object, int64(10), "spec", "revisionHistoryLimit")
		}
	}
	if w.hook != nil {
		if err := w.hook(u, len(dryRun) > 0); err != nil {
			return true, nil, err
		}
	}
	return len(dryRun) > 0, u, nil
}

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

func gvr(resource string) schema.GroupVersionResource {
	switch {
	case resource == "deployments":
		return deployments
	case strings.HasPrefix(resource, "clusterrole"):
		return schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}
	}
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

// put puts an object past the webhook, as somebody.
func (w *world) put(resource, kind, namespace, name string, labels map[string]string) {
	w.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvr(resource).GroupVersion().WithKind(kind))
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(labels)
	if err := w.client.Tracker().Create(gvr(resource), u, namespace); err != nil {
		w.t.Fatal(err)
	}
}

func namespaceOf(resource string) string {
	if strings.HasPrefix(resource, "cluster") || resource == "namespaces" {
		return ""
	}
	return metav1.NamespaceSystem
}

func (w *world) get(resource, name string) *unstructured.Unstructured {
	obj, err := w.client.Tracker().Get(gvr(resource), namespaceOf(resource), name)
	if err != nil {
		return nil
	}
	return obj.(*unstructured.Unstructured).DeepCopy()
}

// edit changes an object as a field manager does.
func (w *world) edit(resource, name, manager string, change func(map[string]any)) {
	w.t.Helper()
	u := w.get(resource, name)
	change(u.Object)
	now := metav1.Now()
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: &now}})
	if err := w.client.Tracker().Update(gvr(resource), u, u.GetNamespace()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(resource, name string) {
	w.t.Helper()
	if err := w.client.Tracker().Delete(gvr(resource), namespaceOf(resource), name); err != nil {
		w.t.Fatal(err)
	}
}

// told are the repairs since the last question, as text.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, p := range w.notes {
		s := string(p.Change) + " " + p.Kind + "/" + p.Name
		if len(p.What) > 0 {
			s += " " + strings.Join(p.What, ",")
		}
		if p.By != "" {
			s += " by " + p.By
		}
		if p.Err != nil {
			s += ": " + p.Err.Error()
		}
		list = append(list, s)
	}
	w.notes = nil
	return list
}

// settled waits out two passes and compares what was told.
func (w *world) settled(want ...string) {
	w.t.Helper()
	time.Sleep(2 * Period)
	synctest.Wait()
	if diff := cmp.Diff(want, w.told()); diff != "" {
		w.t.Errorf("repairs (-want +got):\n%s", diff)
	}
}

// inBubble runs the reconciler in a bubble until check is over. Goroutines that
// stay make the test fail.
func inBubble(t *testing.T, check func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.r.Run(ctx) }()
		w.settled()
		check(w)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func set(value any, at ...string) func(map[string]any) {
	return func(o map[string]any) {
		if err := unstructured.SetNestedField(o, value, at...); err != nil {
			panic(err)
		}
	}
}

func TestEditsAreUndone(t *testing.T) {
	for _, c := range []struct {
		resource, name string
		change         func(map[string]any)
		want           string
	}{
		{"deployments", "coredns", set(int64(0), "spec", "replicas"), "edited Deployment/coredns spec.replicas by kubectl-edit"},
		{"deployments", "coredns", set("yes", "spec", "template", "spec", "nodeSelector", "fast"), "edited Deployment/coredns spec.template.spec.nodeSelector by kubectl-edit"},
		{"deployments", "coredns", set(int64(3), "spec", "revisionHistoryLimit"), "edited Deployment/coredns spec.revisionHistoryLimit by kubectl-edit"},
		{"deployments", "coredns", set([]any{map[string]any{"name": "coredns", "image": "evil"}}, "spec", "template", "spec", "containers"),
			"edited Deployment/coredns spec.template.spec.containers[coredns].args,"},
		{"deployments", "coredns", set("other", "metadata", "labels", "k8s-app"), "edited Deployment/coredns metadata.labels.k8s-app by kubectl-edit"},
		{"deployments", "coredns", func(o map[string]any) { unstructured.RemoveNestedField(o, "metadata", "labels") }, "edited Deployment/coredns metadata.labels.addonmanager"},
		{"configmaps", "coredns", set(".:53 {}", "data", "Corefile"), "edited ConfigMap/coredns data.Corefile by kubectl-edit"},
		{"configmaps", "coredns", set("x", "data", "more"), "edited ConfigMap/coredns data.more by kubectl-edit"},
		{"clusterroles", "system:node-fleet", set([]any{}, "rules"), "edited ClusterRole/system:node-fleet rules by kubectl-edit"},
		{"clusterrolebindings", "system:node-fleet", set("view", "roleRef", "name"), "edited ClusterRoleBinding/system:node-fleet roleRef.name by kubectl-edit"},
		{"clusterrolebindings", "system:node-fleet", set([]any{}, "subjects"), "edited ClusterRoleBinding/system:node-fleet subjects[system:node-fleet] by kubectl-edit"},
		{"services", "kube-dns", set("None", "spec", "clusterIP"), "edited Service/kube-dns spec.clusterIP by kubectl-edit"},
		{"namespaces", "kube-system", set("no", "metadata", "labels", "control-plane"), "edited Namespace/kube-system metadata.labels.control-plane by kubectl-edit"},
		{"configmaps", "coredns-custom", set("x", "data", "a.server"), ""},
		{"configmaps", "coredns-autoscaler", set("x", "data", "linear"), ""},
		{"configmaps", "metrics-server-config", set("x", "data", "NannyConfiguration"), ""},
		{"deployments", "coredns", set("2", "metadata", "annotations", "deployment.kubernetes.io/revision"), ""},
		{"deployments", "coredns", set("mine", "metadata", "labels", "team"), ""},
		{"deployments", "coredns", set(int64(1), "status", "readyReplicas"), ""},
		{"deployments", "coredns", set("now", "spec", "template", "metadata", "annotations", restartedAt), ""},
	} {
		t.Run(c.resource+" "+c.want, func(t *testing.T) {
			inBubble(t, func(w *world) {
				before := w.get(c.resource, c.name)
				w.edit(c.resource, c.name, "kubectl-edit", c.change)
				edited := w.get(c.resource, c.name)
				time.Sleep(Period)
				synctest.Wait()
				after := w.get(c.resource, c.name)
				told := strings.Join(w.told(), "; ")
				if !strings.HasPrefix(told, c.want) || (told == "") != (c.want == "") {
					t.Errorf("got %q, want %q", told, c.want)
				}
				want := before
				if c.want == "" {
					want = edited
				}
				for _, u := range []*unstructured.Unstructured{want, after} {
					u.SetManagedFields(nil)
					u.SetResourceVersion("")
				}
				if diff := cmp.Diff(want.Object, after.Object); diff != "" {
					t.Errorf("object (-want +got):\n%s", diff)
				}
				w.settled()
			})
		})
	}
}

// TestRestoresKeepWhatIsOthers checks that a restore leaves labels, annotations
// and a rollout restart alone.
func TestRestoresKeepWhatIsOthers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.edit("deployments", "coredns", "kubectl", func(o map[string]any) {
			set("mine", "metadata", "labels", "team")(o)
			set("2", "metadata", "annotations", "deployment.kubernetes.io/revision")(o)
			set("now", "spec", "template", "metadata", "annotations", restartedAt)(o)
			set(int64(7), "spec", "replicas")(o)
		})
		w.settled("edited Deployment/coredns spec.replicas by kubectl")
		u := w.get("deployments", "coredns")
		at, _, _ := unstructured.NestedString(u.Object, "spec", "template", "metadata", "annotations", restartedAt)
		if u.GetLabels()["team"] != "mine" || u.GetAnnotations()["deployment.kubernetes.io/revision"] != "2" || at != "now" {
			t.Errorf("got %v, %v, %q", u.GetLabels(), u.GetAnnotations(), at)
		}
	})
}

func TestDeletedIsCreatedAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		w.edit("configmaps", "coredns-custom", "kubectl", func(o map[string]any) { unstructured.RemoveNestedField(o, "metadata", "labels") })
		w.settled()
		time.Sleep(10 * time.Second)
		broken := time.Now()
		w.remove("deployments", "metrics-server")
		w.remove("configmaps", "coredns-custom")
		time.Sleep(Period)
		synctest.Wait()
		w.mu.Lock()
		notes := slices.Clone(w.notes)
		w.mu.Unlock()
		if len(notes) != 2 {
			t.Fatalf("got %+v, want two repairs", notes)
		}
		want := Repair{Kind: "Deployment", Namespace: "kube-system", Name: "metrics-server", Change: Deleted, Broken: broken, Detected: broken, Restored: broken.Truncate(Period).Add(Period)}
		if diff := cmp.Diff(want, notes[1]); diff != "" {
			t.Errorf("repair (-want +got):\n%s", diff)
		}
		for _, name := range []string{"metrics-server", "coredns-custom"} {
			if w.get("deployments", name) == nil && w.get("configmaps", name) == nil {
				t.Errorf("%s is not there again", name)
			}
		}
	})
}

// TestDeletionIsDatedByItself checks that what was edited, or seen for the first
// time, and then deleted is not said to have been away before.
func TestDeletionIsDatedByItself(t *testing.T) {
	inBubble(t, func(w *world) {
		w.settled()
		w.edit("deployments", "metrics-server", "kubectl", func(o map[string]any) { _ = unstructured.SetNestedField(o, int64(5), "spec", "replicas") })
		time.Sleep(10 * time.Second)
		broken := time.Now()
		w.remove("deployments", "metrics-server")
		time.Sleep(Period)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.notes) != 1 || w.notes[0].Change != Deleted || !w.notes[0].Broken.Equal(broken) {
			t.Errorf("got %+v, want one repair of what was deleted at %s", w.notes, broken)
		}
	})
}

func TestForeignObjects(t *testing.T) {
	inBubble(t, func(w *world) {
		ours := map[string]string{modeLabel: reconcile, serviceLabel: "true"}
		w.put("configmaps", "ConfigMap", metav1.NamespaceSystem, "stray", ours)
		w.put("configmaps", "ConfigMap", metav1.NamespaceSystem, "theirs", map[string]string{modeLabel: reconcile})
		w.put("configmaps", "ConfigMap", "default", "elsewhere", ours)
		w.put("deployments", "Deployment", metav1.NamespaceSystem, "theirs", map[string]string{modeLabel: ensureExists, serviceLabel: "true"})
		w.settled("foreign ConfigMap/stray")
		if w.get("configmaps", "stray") != nil || w.get("configmaps", "theirs") == nil || w.get("deployments", "theirs") == nil {
			t.Error("only stray is to go")
		}
	})
}

// TestIdle checks that nothing is asked on a day without changes, nor for a
// change of status.
func TestIdle(t *testing.T) {
	inBubble(t, func(w *world) {
		before := w.asked.Load()
		time.Sleep(20 * time.Hour)
		w.edit("deployments", "coredns", "kube-controller-manager", set(int64(1), "status", "readyReplicas"))
		time.Sleep(time.Hour)
		if got := w.asked.Load() - before; got != 0 {
			t.Errorf("got %d requests in an idle day, want none", got)
		}
	})
}

func TestOutage(t *testing.T) {
	inBubble(t, func(w *world) {
		w.down.Store(true)
		w.edit("deployments", "coredns", "kubectl", set(int64(9), "spec", "replicas"))
		w.remove("configmaps", "coredns")
		time.Sleep(time.Hour)
		w.settled()
		w.down.Store(false)
		w.settled("deleted ConfigMap/coredns", "edited Deployment/coredns spec.replicas by kubectl")
	})
}

// TestWithoutALeader checks what happened while nobody watched, and that another
// run begins anew.
func TestWithoutALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.remove("services", "metrics-server")
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), Period/2)
			if err := w.r.Run(ctx); err != nil {
				t.Error(err)
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*Period)
		defer cancel()
		w.edit("deployments", "coredns", "kubectl", set(int64(9), "spec", "replicas"))
		if err := w.r.Run(ctx); err != nil {
			t.Error(err)
		}
		got := w.told()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"deleted Service/metrics-server", "edited Deployment/coredns spec.replicas"}, got); diff != "" {
			t.Errorf("repairs (-want +got):\n%s", diff)
		}
	})
}

// TestMutated checks that a webhook that changes what we write is told of once
// and leads to no fight.
func TestMutated(t *testing.T) {
	inBubble(t, func(w *world) {
		w.hook = func(u *unstructured.Unstructured, _ bool) error {
			if u.GetName() == "coredns" && u.GetKind() == "Deployment" {
				set("pool1", "spec", "template", "spec", "nodeSelector", "agentpool")(u.Object)
			}
			return nil
		}
		w.edit("deployments", "coredns", "kubectl", set(int64(9), "spec", "replicas"))
		w.settled("mutated Deployment/coredns spec.template.spec.nodeSelector", "edited Deployment/coredns spec.replicas,spec.template.spec.nodeSelector by kubectl")
		before := w.asked.Load()
		time.Sleep(time.Hour)
		if got := w.asked.Load() - before; got != 0 {
			t.Errorf("got %d requests after it was accepted, want none", got)
		}
		w.edit("deployments", "coredns", "kubectl", set(int64(9), "spec", "replicas"))
		w.settled("edited Deployment/coredns spec.replicas by kubectl")
	})
}

// TestNoDryRun checks a webhook that allows no dry runs.
func TestNoDryRun(t *testing.T) {
	inBubble(t, func(w *world) {
		w.hook = func(_ *unstructured.Unstructured, dryRun bool) error {
			if dryRun {
				return apierrors.NewBadRequest(`admission webhook "x" does not support dry run`)
			}
			return nil
		}
		w.edit("deployments", "coredns", "kubectl", set(int64(9), "spec", "replicas"))
		w.settled("edited Deployment/coredns spec.replicas by kubectl")
	})
}

// TestRefused checks that a refusal is told of once, and the repair when it has
// come about.
func TestRefused(t *testing.T) {
	inBubble(t, func(w *world) {
		refuse := atomic.Bool{}
		refuse.Store(true)
		w.hook = func(u *unstructured.Unstructured, _ bool) error {
			if refuse.Load() {
				return apierrors.NewForbidden(deployments.GroupResource(), u.GetName(), errors.New("denied"))
			}
			return nil
		}
		w.remove("deployments", "metrics-server")
		w.settled(`deleted Deployment/metrics-server: deployments.apps "metrics-server" is forbidden: denied`)
		w.settled()
		refuse.Store(false)
		w.settled("deleted Deployment/metrics-server")
	})
}

func TestAuthor(t *testing.T) {
	entry := func(manager string, at int64, fields, subresource string) metav1.ManagedFieldsEntry {
		when := metav1.NewTime(time.Unix(at, 0))
		f := &metav1.FieldsV1{}
		if err := f.UnmarshalJSON([]byte(fields)); err != nil {
			t.Fatal(err)
		}
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &when, FieldsV1: f, FieldsType: "FieldsV1", Subresource: subresource}
	}
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetManagedFields([]metav1.ManagedFieldsEntry{
		entry(FieldManager, 90, `{"f:spec":{"f:replicas":{}}}`, ""),
		entry("kubectl-scale", 50, `{"f:spec":{"f:replicas":{}}}`, "scale"),
		entry("kubectl-edit", 40, `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"coredns\"}":{"f:image":{}}}}}}}`, ""),
		entry("kube-controller-manager", 80, `{"f:metadata":{"f:annotations":{}}}`, ""),
		entry("kubelet", 85, `{"f:status":{}}`, "status"),
		entry("installer", 60, `{"f:metadata":{"f:labels":{}}}`, ""),
	})
	accepted := &unstructured.Unstructured{Object: map[string]any{}}
	accepted.SetManagedFields([]metav1.ManagedFieldsEntry{entry("installer", 60, `{"f:metadata":{"f:labels":{}}}`, "")})
	for _, c := range []struct {
		path path
		by   string
		at   int64
	}{
		{path{"spec", "replicas"}, "kubectl-scale", 50},
		{path{"spec", "template", "spec", "containers", "[coredns]", "image"}, "kubectl-edit", 40},
		{path{"spec", "paused"}, "kubectl-edit", 40},
	} {
		if by, at := author(accepted, u, []path{c.path}); by != c.by || at.Unix() != c.at {
			t.Errorf("%s: got %s at %d, want %s at %d", c.path, by, at.Unix(), c.by, c.at)
		}
	}
	if by, _ := author(nil, u, []path{{"spec", "paused"}}); by != "" {
		t.Errorf("with nothing accepted: got %q for a field that nobody owns", by)
	}
	if by, at := author(accepted, &unstructured.Unstructured{Object: map[string]any{}}, nil); by != "" || !at.IsZero() {
		t.Errorf("without managed fields: got %q, %v", by, at)
	}
}

// TestOwnWrites checks that the watch's news of our own write marks nothing,
// whether it comes before the answer to it or after, and that an edit in between
// is not lost.
func TestOwnWrites(t *testing.T) {
	w := newWorld(t)
	o := w.r.byID[id{deployments, metav1.NamespaceSystem, "coredns"}]
	version := func(v string, replicas int64) *unstructured.Unstructured {
		u := o.manifest.DeepCopy()
		u.SetResourceVersion(v)
		set(replicas, "spec", "replicas")(u.Object)
		return u
	}
	k := kind{gvr: deployments, namespace: metav1.NamespaceSystem}
	for _, c := range []struct {
		name   string
		events []*unstructured.Unstructured // before the answer
		want   bool
	}{
		{"the answer first", nil, false},
		{"the watch first", []*unstructured.Unstructured{version("7", 2)}, false},
		{"an edit in between", []*unstructured.Unstructured{version("7", 2), version("8", 9)}, true},
	} {
		clear(w.r.accepted)
		w.r.takeMarked()
		for _, u := range c.events {
			w.r.seen(k, u, false)
		}
		w.r.accept(o, version("7", 2))
		if c.events == nil {
			w.r.seen(k, version("7", 2), false)
		}
		if got := w.r.isMarked(); got != c.want {
			t.Errorf("%s: marked is %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBadManifests(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}", "want Reconcile or EnsureExists"},
		{"kind: ConfigMap\napiVersion: v1\nmetadata: {name: x, namespace: default, labels: {addonmanager.kubernetes.io/mode: Reconcile}}", "add-ons live in kube-system"},
		{"metadata: {name: x}", "'Kind' is missing"},
		{"a: [", "yaml"},
	} {
		if _, err := parseFile([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a reconciler without a client was made")
	}
}
