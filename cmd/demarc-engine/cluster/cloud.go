package cluster

import (
	"context"

	"demarc/nodes"
	"demarc/sim/api"

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

// GetLoadBalancer implements [cloudprovider.LoadBalancer].
func (c cloud) GetLoadBalancer(_ context.Context, _ string, s *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	address, _, err := c.balancers.cloud.Address(balancerKey(s))
	if err != nil || address == "" {
		return nil, false, err
	}
	return &s.Status.LoadBalancer, true, nil
}

// GetLoadBalancerName implements [cloudprovider.LoadBalancer]: AKS has one for all Services
// on the internet, and one for all others.
func (c cloud) GetLoadBalancerName(_ context.Context, _ string, s *corev1.Service) string {
	if isInternal(s) {
		return api.InternalBalancer
	}
	return api.PublicBalancer
}

// EnsureLoadBalancer implements [cloudprovider.LoadBalancer].
func (c cloud) EnsureLoadBalancer(ctx context.Context, _ string, s *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	return c.balancers.ensure(ctx, s)
}

// UpdateLoadBalancer implements [cloudprovider.LoadBalancer]. The network knows new nodes
// already, but Azure's driver then makes all as the Service has it.
func (c cloud) UpdateLoadBalancer(ctx context.Context, _ string, s *corev1.Service, _ []*corev1.Node) error {
	_, err := c.balancers.ensure(ctx, s)
	return err
}

// EnsureLoadBalancerDeleted implements [cloudprovider.LoadBalancer].
func (c cloud) EnsureLoadBalancerDeleted(_ context.Context, _ string, s *corev1.Service) error {
	return c.balancers.remove(s)
}
