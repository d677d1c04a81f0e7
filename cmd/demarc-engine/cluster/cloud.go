package cluster

import (
	"context"

	"demarc/nodes"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
)

// cloud is the simulated cloud as upstream's cloud controllers see it. The service
// controller asks for its load balancers, the node lifecycle controller for its VMs.
type cloud struct {
	balancers *balancers
	fleet     *nodes.Fleet
}

var (
	_ cloudprovider.Interface    = cloud{}
	_ cloudprovider.LoadBalancer = cloud{}
	_ cloudprovider.InstancesV2  = cloud{}
)

func (c cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                  { return c, true }
func (c cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return c, true }
func (c cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (c cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (c cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (c cloud) ProviderName() string                                              { return "azure" }
func (c cloud) HasClusterID() bool                                                { return true }

// InstanceExists implements [cloudprovider.InstancesV2].
func (c cloud) InstanceExists(_ context.Context, n *corev1.Node) (bool, error) {
	return c.fleet.Exists(n.Name), nil
}

// InstanceShutdown implements [cloudprovider.InstancesV2].
func (c cloud) InstanceShutdown(_ context.Context, n *corev1.Node) (bool, error) {
	return c.fleet.Shutdown(n.Name), nil
}

// InstanceMetadata implements [cloudprovider.InstancesV2].
func (c cloud) InstanceMetadata(_ context.Context, n *corev1.Node) (*cloudprovider.InstanceMetadata, error) {
	return &cloudprovider.InstanceMetadata{ProviderID: n.Spec.ProviderID}, nil
}

func (c cloud) GetLoadBalancer(_ context.Context, _ string, s *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	if !c.balancers.has(s.Namespace, s.Name) {
		return nil, false, nil
	}
	return &s.Status.LoadBalancer, true, nil
}

func (c cloud) GetLoadBalancerName(context.Context, string, *corev1.Service) string {
	return "kubernetes" // AKS has one load balancer for all Services
}

func (c cloud) EnsureLoadBalancer(_ context.Context, _ string, s *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	return c.balancers.ensure(s)
}

// UpdateLoadBalancer is told of new nodes; the network knows them already.
func (c cloud) UpdateLoadBalancer(context.Context, string, *corev1.Service, []*corev1.Node) error {
	return nil
}

func (c cloud) EnsureLoadBalancerDeleted(_ context.Context, _ string, s *corev1.Service) error {
	c.balancers.remove(s)
	return nil
}
