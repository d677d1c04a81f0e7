package controlplane

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controlplane/reconcilers"
)

// PublicAddress stands for the front door's public address, which is the endpoint of Service
// default/kubernetes, as in AKS. It is from a block that is reserved for documentation (RFC
// 5737): the API server refuses loopback addresses there.
var PublicAddress = netip.MustParseAddrPort("198.51.100.1:443")

// publishPeriod is how often an API server looks whether the endpoint is published. Upstream's
// ten seconds cost an idle cluster more than they are worth.
const publishPeriod = 5 * time.Minute

// publish has an API server publish the endpoint of Service default/kubernetes.
func publish(config *app.Config) error {
	client, err := kubernetes.NewForConfig(config.KubeAPIs.ControlPlane.Generic.LoopbackClientConfig)
	if err != nil {
		return err
	}
	config.KubeAPIs.Extra.EndpointReconcilerConfig.Reconciler = &frontDoorEndpoint{EndpointReconciler: reconcilers.NewMasterCountEndpointReconciler(1,
		reconcilers.NewEndpointsAdapter(client.CoreV1(), client.DiscoveryV1()))}
	return nil
}

// frontDoorEndpoint publishes the front door's address. It stays there while no API server
// lives, as a load balancer's does.
type frontDoorEndpoint struct {
	reconcilers.EndpointReconciler
	next time.Time
}

// ValidateIP implements [reconcilers.EndpointReconciler]: no server's own address is used.
func (f *frontDoorEndpoint) ValidateIP(net.IP) error { return nil }

// ReconcileEndpoints implements [reconcilers.EndpointReconciler].
func (f *frontDoorEndpoint) ReconcileEndpoints(service string, _ net.IP, ports []corev1.EndpointPort, _ bool) error {
	now := time.Now()
	if now.Before(f.next) {
		return nil
	}
	for i := range ports {
		ports[i].Port = int32(PublicAddress.Port())
	}
	err := f.EndpointReconciler.ReconcileEndpoints(service, PublicAddress.Addr().AsSlice(), ports, true)
	if err == nil {
		f.next = now.Add(publishPeriod)
	}
	return err
}

// RemoveEndpoints implements [reconcilers.EndpointReconciler].
func (f *frontDoorEndpoint) RemoveEndpoints(service string, _ net.IP, _ []corev1.EndpointPort) error {
	return storage.NewKeyNotFoundError(service, 0)
}

// DialPublic connects a program in the cluster with an API server at the public address. The
// connection is in memory: virtual time stands still while bytes are under way.
func (p *Plane) DialPublic(ctx context.Context) (net.Conn, error) {
	path := p.door.gate(roleNodes)
	if !path.pass(ctx.Done(), true) {
		return nil, os.ErrDeadlineExceeded
	}
	s := p.door.pick()
	if s == nil {
		return nil, syscall.ECONNREFUSED
	}
	inner, outer := net.Pipe()
	go s.handOver(&insider{inner, p.customer.address()}, path)
	return outer, nil
}

// insider is an API server's end of a connection in memory.
type insider struct {
	net.Conn
	local net.Addr
}

// LocalAddr implements [net.Conn].
func (c *insider) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn]. It is that of calls in memory.
func (c *insider) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
