//go:build faketime

package controlplane

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// connections are the process's connections by TCP that are established.
func connections(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(files) == 0 {
		t.Skip("this system has no /proc")
	}
	own := map[string]bool{}
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil {
			own[to] = true
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "01" && own["socket:["+f[9]+"]"] {
				list = append(list, f[1]+" to "+f[2])
			}
		}
	}
	return list
}

// TestNothingInsideGoesThroughTheKernel looks at the connections of a plane whose
// components and clients are all at work.
func TestNothingInsideGoesThroughTheKernel(t *testing.T) {
	ctx := t.Context()
	p, customer := startPlane(t, 1, 2)
	for _, client := range []kubernetes.Interface{customer, kubernetes.NewForConfigOrDie(p.Provider())} {
		if _, err := client.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := deploy(ctx, customer, "shop"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
	for _, c := range p.Components() {
		if err := c.Healthy(ctx); err != nil {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
	if list := connections(t); len(list) > 0 {
		t.Errorf("%d connections: %q", len(list), list)
	}
}

// deploy makes a Deployment and waits until the controllers have made its pod and the
// scheduler has looked at it.
func deploy(ctx context.Context, client kubernetes.Interface, name string) error {
	labels := map[string]string{"app": name}
	_, err := client.AppsV1().Deployments("default").Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		return err == nil && len(list.Items) == 1 && slices.ContainsFunc(list.Items[0].Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable // there are no nodes
		}), nil
	})
	if err != nil {
		return fmt.Errorf("deployment %s: %w", name, err)
	}
	return nil
}

// TestPathsOfComponents breaks each path of a component to the API server in each way,
// for longer than its watches last, and sees that all find back.
func TestPathsOfComponents(t *testing.T) {
	ctx := t.Context()
	p, customer := startPlane(t, 1, 1)
	server, manager, scheduler := p.apiServers[0], p.manager, p.scheduler
	cut := func(a string) (func(), func()) {
		return func() { _ = p.Partition(a, APIServer) }, func() { _ = p.Rejoin(a, APIServer) }
	}
	crash := func(c *Component) (func(), func()) {
		return func() { _ = c.Crash() }, func() { _ = c.Start(ctx) }
	}
	hang := func(c *Component) (func(), func()) { return c.Hang, c.Heal }
	for _, tt := range []struct {
		name       string
		breaks     func() (func(), func())
		customerOK bool // a customer is answered while it is broken
	}{
		{"scheduler cut off", func() (func(), func()) { return cut(Scheduler) }, true},
		{"scheduler hangs", func() (func(), func()) { return hang(scheduler) }, true},
		{"scheduler crashed", func() (func(), func()) { return crash(scheduler) }, true},
		{"manager cut off", func() (func(), func()) { return cut(ControllerManager) }, true},
		{"manager hangs", func() (func(), func()) { return hang(manager) }, true},
		{"manager crashed", func() (func(), func()) { return crash(manager) }, true},
		{"customer cut off", func() (func(), func()) { return cut(roleCustomer) }, false},
		{"server hangs", func() (func(), func()) { return hang(server) }, false},
	} {
		do, undo := tt.breaks()
		do()
		name := strings.ReplaceAll(tt.name, " ", "-")
		short, cancel := context.WithTimeout(ctx, 2*time.Minute)
		err := deploy(short, customer, name)
		cancel()
		if err == nil {
			t.Errorf("%s: a deployment was looked at by all", tt.name)
		}
		short, cancel = context.WithTimeout(ctx, 10*time.Second)
		_, err = customer.CoreV1().Namespaces().List(short, metav1.ListOptions{})
		cancel()
		if (err == nil) != tt.customerOK {
			t.Errorf("%s: a customer's request: %v", tt.name, err)
		}
		undo()
		time.Sleep(2 * time.Minute)
		if err := p.Start(ctx); err != nil { // who could not renew its lease
			t.Fatal(err)
		}
		if err := deploy(ctx, customer, name+"-healed"); err != nil {
			t.Errorf("%s, and healed: %v", tt.name, err)
		}
	}
}

// audited is what the audit log has of who asked.
type audited struct {
	User struct {
		Username string
		Groups   []string
		Extra    map[string][]string
	}
	SourceIPs   []string
	Annotations map[string]string
	UserAgent   string
	Verb        string
	ObjectRef   struct{ Resource string }
}

// TestCallsAreAudited changes something by each way inside, and by each certificate from
// outside, and compares what the audit log has of it.
func TestCallsAreAudited(t *testing.T) {
	ctx := t.Context()
	p, _ := startPlaneWith(t, Config{EtcdMembers: 1, APIServers: 1})
	p.Configure(Settings{Audit: true})
	for _, c := range p.apiServers {
		if err := c.Replace(ctx); err != nil {
			t.Fatal(err)
		}
	}
	proxied := func(cfg *rest.Config) *rest.Config {
		cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("X-Remote-User", "somebody")
				r.Header["X-Remote-Group"] = []string{"system:masters", "others"}
				return rt.RoundTrip(r)
			})
		})
		return cfg
	}
	who := map[string][2]*rest.Config{
		"customer":  {p.Customer(), outside(t, p, recordedCustomer)},
		"provider":  {p.Provider(), outside(t, p, providerAdmin)},
		"scheduler": {p.restConfig(Scheduler, schedulerUser), outside(t, p, schedulerUser)},
		"manager":   {p.restConfig(ControllerManager, controllers), outside(t, p, controllers)},
		"proxied":   {proxied(p.NodeProxy()), proxied(outside(t, p, frontProxy))},
		"forged":    {proxied(p.Provider()), proxied(outside(t, p, providerAdmin))}, // who is no front proxy is himself
	}
	for name, cfgs := range who {
		for i, cfg := range cfgs {
			cfg.UserAgent = fmt.Sprintf("%s-%d", name, i)
			cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: cfg.UserAgent}}
			_, _ = kubernetes.NewForConfigOrDie(cfg).CoreV1().ConfigMaps("default").Create(ctx, cm, metav1.CreateOptions{}) // some may not
		}
	}
	time.Sleep(time.Minute)
	seen := map[string]audited{}
	f, err := os.Open(p.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e audited
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.ObjectRef.Resource == "configmaps" && e.Verb == "create" {
			seen[e.UserAgent] = e
		}
	}
	for name := range who {
		inside, outside := seen[name+"-0"], seen[name+"-1"]
		inside.UserAgent, outside.UserAgent = "", ""
		if inside.User.Username == "" || inside.Annotations[partyAnnotation] == "" || !reflect.DeepEqual(inside, outside) {
			t.Errorf("%s: by a call %+v,\nby a connection %+v", name, inside, outside)
		}
	}
}
