//go:build faketime

package cluster

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	azure "demarc/nodes/cloud"
	"demarc/sim/api"
	"demarc/sim/timeline"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// How many public addresses there are, and how many rules a load balancer has at most.
const (
	testAddresses = 735
	testRules     = 1500
)

// testBalancers are load balancers of a cluster that has only a log.
func testBalancers(log *timeline.Log, saved []api.LoadBalancer) *balancers {
	cloud := azure.NewBalancers(&sync.Mutex{}, log, "/subscriptions/s/resourceGroups/g", "westeurope", &azure.NSG{}, func(netip.Addr) string { return "" })
	return newBalancers(&Cluster{log: log}, cloud, saved)
}

func balancerService(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
}

// TestBalancerAddressesAreReused makes and deletes more load balancers than there
// are addresses.
func TestBalancerAddressesAreReused(t *testing.T) {
	kept := api.LoadBalancer{Namespace: "shop", Service: "kept", IP: "198.51.100.13", Port: 80}
	b := testBalancers(timeline.New(), []api.LoadBalancer{kept})
	last := ""
	for n := range 2*testAddresses + 20 {
		s := balancerService("x")
		status, err := b.ensure(t.Context(), s)
		if err != nil {
			t.Fatalf("load balancer %d: %v", n, err)
		}
		ip := status.Ingress[0].IP
		if ip == last || ip == kept.IP || strings.HasSuffix(ip, ".255") || strings.HasSuffix(ip, ".0") {
			t.Fatalf("load balancer %d: got %s after %s", n, ip, last)
		}
		last = ip
		b.remove(s)
	}
	if status, err := b.ensure(t.Context(), balancerService("kept")); err != nil || status.Ingress[0].IP != kept.IP {
		t.Errorf("the one of an earlier run: got %v, %v, want %s", status, err, kept.IP)
	}
}

// TestBalancerAddressesRunOut checks that what is in use is never given out again,
// and that it is said once when there is none left.
func TestBalancerAddressesRunOut(t *testing.T) {
	log := timeline.New()
	b := testBalancers(log, nil)
	owners := map[string]string{}
	for n := range testAddresses {
		s := balancerService(fmt.Sprintf("s%d", n))
		status, err := b.ensure(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if other := owners[status.Ingress[0].IP]; other != "" {
			t.Fatalf("%s has the address of %s", s.Name, other)
		}
		owners[status.Ingress[0].IP] = s.Name
	}
	defer func() {
		for _, name := range owners {
			b.remove(balancerService(name))
		}
	}()
	for range 3 { // the service controller tries again and again
		if _, err := b.ensure(t.Context(), balancerService("more")); err == nil || !strings.Contains(err.Error(), "PublicIPCountLimitReached") {
			t.Errorf("got %v", err)
		}
	}
	said := 0
	events, _ := log.Since(0)
	for _, e := range events {
		if e.Verb == "refused" && e.Subject == "service/shop/more" {
			said++
		}
	}
	if said != 1 {
		t.Errorf("the timeline says it %d times, want once", said)
	}
	b.remove(balancerService("s7"))
	if _, err := b.ensure(t.Context(), balancerService("more")); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
	b.remove(balancerService("more"))
}

// TestBalancerRulesRunOut checks that Services of many ports do not take all the
// descriptors of the engine.
func TestBalancerRulesRunOut(t *testing.T) {
	b := testBalancers(timeline.New(), nil)
	s := balancerService("wide")
	for i := range testRules {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: int32(20_000 + i)})
	}
	if _, err := b.ensure(t.Context(), s); err == nil || !strings.Contains(err.Error(), "1501") || len(b.list()) != 0 {
		t.Errorf("got %v with %d ports open", err, len(b.list()))
	}
	narrow := balancerService("narrow")
	if _, err := b.ensure(t.Context(), narrow); err != nil {
		t.Error(err)
	}
	defer b.remove(narrow)
	s.Spec.Ports = s.Spec.Ports[:testRules]
	if _, err := b.ensure(t.Context(), s); err == nil {
		t.Error("all together have no limit")
	}
}
