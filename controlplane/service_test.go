package controlplane

import (
	"errors"
	"net"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/controlplane/reconcilers"
)

// The front door's address is published, whatever port a server has, and stays when one ends.
func TestFrontDoorEndpoint(t *testing.T) {
	client := fake.NewClientset()
	f := &frontDoorEndpoint{EndpointReconciler: reconcilers.NewMasterCountEndpointReconciler(1, reconcilers.NewEndpointsAdapter(client.CoreV1(), client.DiscoveryV1()))}
	ports := func() []corev1.EndpointPort {
		return []corev1.EndpointPort{{Name: "https", Port: 33963, Protocol: corev1.ProtocolTCP}}
	}
	if err := f.ValidateIP(net.IPv4(127, 0, 0, 1)); err != nil {
		t.Error(err)
	}
	if err := f.ReconcileEndpoints("kubernetes", net.IPv4(127, 0, 0, 1), ports(), false); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveEndpoints("kubernetes", net.IPv4(127, 0, 0, 1), ports()); !storage.IsNotFound(err) {
		t.Errorf("what a server says that ends: %v", err)
	}
	f.StopReconciling()
	e, err := client.CoreV1().Endpoints("default").Get(t.Context(), "kubernetes", metav1.GetOptions{})
	if err != nil || len(e.Subsets) != 1 || e.Subsets[0].Addresses[0].IP != "198.51.100.1" || e.Subsets[0].Ports[0].Port != 443 {
		t.Errorf("Endpoints: %+v, %v", e, err)
	}
	slices, err := client.DiscoveryV1().EndpointSlices("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(slices.Items) != 1 || slices.Items[0].Endpoints[0].Addresses[0] != "198.51.100.1" {
		t.Errorf("EndpointSlices: %+v, %v", slices, err)
	}
}

// A program in the cluster is refused while no API server lives.
func TestDialPublicWithoutAPIServer(t *testing.T) {
	p := &Plane{door: newFrontDoor(nil)}
	if _, err := p.DialPublic(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
}
