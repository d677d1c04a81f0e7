//go:build faketime

package controlplane

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// serves says whether the API server serves a group's version.
func servesAPI(t *testing.T, client kubernetes.Interface, groupVersion string) bool {
	t.Helper()
	groups, err := client.Discovery().ServerGroups()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(groups.Groups, func(g metav1.APIGroup) bool {
		return slices.ContainsFunc(g.Versions, func(v metav1.GroupVersionForDiscovery) bool { return v.GroupVersion == groupVersion })
	})
}

func TestUpgradeWithTwoAPIServersLosesNothing(t *testing.T) {
	ctx := context.Background()
	p, client := startPlaneOf(t, "1.36.3", 1, 2)
	const newAPI = "storagemigration.k8s.io/v1" // GA in Kubernetes 1.37
	if info, err := client.Discovery().ServerVersion(); err != nil || info.GitVersion != "v1.36.3" || info.Minor != "36" {
		t.Fatalf("version before: %+v, %v", info, err)
	}
	if servesAPI(t, client, newAPI) {
		t.Fatalf("1.36 serves %s", newAPI)
	}
	ended, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if _, err := client.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{}); err != nil {
				failed <- err
				return
			}
		}
	}()
	var order []string
	if err := p.Upgrade(ctx, "1.37.2", func(c string) { order = append(order, c) }); err != nil {
		t.Fatal(err)
	}
	close(ended)
	if err := <-failed; err != nil {
		t.Errorf("a request during the upgrade: %v", err)
	}
	if got, want := strings.Join(order, " "), "kube-apiserver/0 kube-apiserver/1 kube-controller-manager kube-scheduler"; got != want {
		t.Errorf("order: got %s, want %s", got, want)
	}
	if info, err := client.Discovery().ServerVersion(); err != nil || info.GitVersion != "v1.37.2" {
		t.Errorf("version after: %+v, %v", info, err)
	}
	if !servesAPI(t, client, newAPI) {
		t.Errorf("1.37 does not serve %s", newAPI)
	}
	time.Sleep(5 * time.Minute)
	for _, c := range p.Components() {
		if s := c.Status(); s.State != Running {
			t.Errorf("%s is %s 5 minutes later: %s", s.Name, s.State, s.Message)
		}
	}
	if err := p.Upgrade(ctx, "1.37.2", func(c string) { t.Errorf("restarted %s again", c) }); err != nil {
		t.Error(err)
	}
}

func TestVersionsThatCannotBeEmulated(t *testing.T) {
	for _, v := range []string{"1.33.0", "1.38.0", "1.36", "newest"} {
		if _, err := newRelease(v); err == nil || !strings.Contains(err.Error(), v) {
			t.Errorf("%s: got error %v, want one that names it", v, err)
		}
	}
}
