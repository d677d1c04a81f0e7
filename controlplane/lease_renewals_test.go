//go:build faketime

package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// kubeletOf is the client of a node's kubelet, which the nodes' proxy speaks for. It
// counts the answers that have gone the whole way: those have an audit ID.
type kubeletOf struct {
	node  string
	next  http.RoundTripper
	whole *int
}

func (k kubeletOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Remote-User", "system:node:"+k.node)
	r.Header.Set("X-Remote-Group", "system:nodes")
	r.Header.Set("User-Agent", "kubelet")
	resp, err := k.next.RoundTrip(r)
	if err == nil && resp.Header.Get("Audit-Id") != "" {
		*k.whole++
	}
	return resp, err
}

// renewing is a node that renews its lease, as the kubelet does.
type renewing struct {
	t      *testing.T
	admin  kubernetes.Interface
	node   string
	whole  int // answers that have gone the whole way
	client kubernetes.Interface
	held   *coordinationv1.Lease
}

func startRenewing(t *testing.T, p *Plane, admin kubernetes.Interface, node string) *renewing {
	t.Helper()
	cfg := rest.CopyConfig(p.NodeProxy())
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	x := &renewing{t: t, admin: admin, node: node}
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return kubeletOf{node, rt, &x.whole} })
	x.client = kubernetes.NewForConfigOrDie(cfg)
	if _, err := x.client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var err error
	if x.held, err = x.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: node, Namespace: corev1.NamespaceNodeLease},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &node, LeaseDurationSeconds: new(int32(40)), RenewTime: new(metav1.NowMicro()),
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *renewing) renew(ctx context.Context) error {
	lease := x.held.DeepCopy()
	lease.Spec.RenewTime = new(metav1.NowMicro())
	lease, err := x.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Update(ctx, lease, metav1.UpdateOptions{})
	if err == nil {
		x.held = lease
	}
	return err
}

// wants renews n times, and says how many of them must have gone the whole way.
func (x *renewing) wants(what string, n, whole int) {
	x.t.Helper()
	before := x.whole
	for range n {
		time.Sleep(10 * time.Second)
		if err := x.renew(x.t.Context()); err != nil {
			x.t.Fatalf("%s: %v", what, err)
		}
	}
	if got := x.whole - before; got != whole {
		x.t.Errorf("%s: %d of %d renewals went the whole way, want %d", what, got, n, whole)
	}
}

func (x *renewing) stored() *coordinationv1.Lease {
	x.t.Helper()
	lease, err := x.admin.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(x.t.Context(), x.node, metav1.GetOptions{})
	if err != nil {
		x.t.Fatal(err)
	}
	return lease
}

// shape is an object's JSON without what differs from one renewal to the next.
func shape(o any) string {
	b, _ := json.Marshal(o)
	return regexp.MustCompile(`"(resourceVersion|renewTime|time)":"[^"]*"`).ReplaceAllString(string(b), `"$1":""`)
}

// TestLeaseRenewals: a renewal that goes the short way leaves what one by the API server
// does, and only renewals go it.
func TestLeaseRenewals(t *testing.T) {
	ctx := context.Background()
	p, admin := startPlane(t, 1, 1)
	x := startRenewing(t, p, admin, "n1")
	leases := admin.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	x.wants("the first", 1, 1)
	byServer := x.stored()
	watch, err := leases.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: x.node, ResourceVersion: byServer.ResourceVersion}))
	if err != nil {
		t.Fatal(err)
	}
	x.wants("within an hour", 5, 0)
	now := x.stored()
	if shape(now) != shape(byServer) || shape(x.held) != shape(byServer) {
		t.Errorf("stored  %s\nanswered %s\nwant    %s", shape(now), shape(x.held), shape(byServer))
	}
	if now.ResourceVersion != x.held.ResourceVersion || !now.Spec.RenewTime.Equal(x.held.Spec.RenewTime) {
		t.Errorf("stored %s of %s, answered %s of %s", now.ResourceVersion, now.Spec.RenewTime, x.held.ResourceVersion, x.held.Spec.RenewTime)
	}
	if at := now.ManagedFields[0].Time; time.Since(at.Time) > 2*time.Second {
		t.Errorf("its fields were last written at %s, now is %s", at, time.Now())
	}
	for range 5 {
		if e := <-watch.ResultChan(); shape(e.Object) != shape(byServer) {
			t.Errorf("a watch has %s, want %s", shape(e.Object), shape(byServer))
		}
	}
	watch.Stop()
	y := startRenewing(t, p, admin, "n2")
	own := y.held
	y.held = x.held
	if err := y.renew(ctx); !apierrors.IsForbidden(err) {
		t.Errorf("a renewal of another node's lease: %v, want it forbidden", err)
	}
	y.held = own
	x.wants("an hour of renewals", 360, 1)

	edited := x.stored()
	edited.Annotations = map[string]string{"mine": "yes"}
	if _, err := leases.Update(ctx, edited, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := x.renew(ctx); !apierrors.IsConflict(err) {
		t.Errorf("a renewal of what another has edited: %v, want a conflict", err)
	}
	if x.held = x.stored(); x.held.Annotations["mine"] != "yes" {
		t.Error("another's edit is gone")
	}
	x.wants("after another's edit, by two authors", 2, 2)
	if err := leases.Delete(ctx, x.node, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := x.renew(ctx); err == nil {
		t.Error("a lease that was deleted was renewed")
	}

	y.wants("the first of another", 2, 1)
	y.held.Labels = map[string]string{"a": "b"}
	y.wants("a renewal that changes a label too", 2, 1)
	if y.stored().Labels["a"] != "b" {
		t.Error("the label is not there")
	}
}

// TestLeaseRenewalsAreInspected: no renewal passes a webhook by that a customer has made.
func TestLeaseRenewalsAreInspected(t *testing.T) {
	p, admin := startPlane(t, 1, 1)
	x := startRenewing(t, p, admin, "n1")
	x.wants("before", 3, 1)
	hook := admissionv1.ValidatingWebhook{
		Name: "leases.example.com", SideEffects: new(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
		FailurePolicy: new(admissionv1.Fail), TimeoutSeconds: new(int32(1)),
		ClientConfig: admissionv1.WebhookClientConfig{URL: new("https://127.0.0.1:1/")},
		Rules: []admissionv1.RuleWithOperations{{
			Operations: []admissionv1.OperationType{admissionv1.Update},
			Rule:       admissionv1.Rule{APIGroups: []string{"coordination.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"leases"}},
		}},
	}
	hooks := admin.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if _, err := hooks.Create(t.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "leases"}, Webhooks: []admissionv1.ValidatingWebhook{hook},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if err := x.renew(t.Context()); err == nil || !strings.Contains(err.Error(), "leases.example.com") {
		t.Errorf("renewed past a webhook that fails: %v", err)
	}
	if err := hooks.Delete(t.Context(), "leases", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	x.wants("after", 3, 1)
}

// TestLeaseRenewalsNeedTheControlPlane: a fault that stops the API server or etcd stops
// renewals, and what a kubelet is told is the API server's.
func TestLeaseRenewalsNeedTheControlPlane(t *testing.T) {
	p, admin := startPlane(t, 1, 1)
	x := startRenewing(t, p, admin, "n1")
	x.wants("before", 3, 1)
	fails := func(what, want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := x.renew(ctx); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	server, etcd := p.Group(APIServer)[0], p.Group(Etcd)[0]
	server.Hang()
	fails("the API server hangs", "context deadline exceeded")
	server.Heal()
	etcd.Hang()
	fails("etcd hangs", "context deadline exceeded")
	etcd.Heal()
	time.Sleep(time.Minute)
	x.held = x.stored()
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	fails("the API server is down", "connection refused")
}
