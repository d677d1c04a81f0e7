package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Bounds and defaults of a [ClusterSpec].
const (
	DefaultNodes = 3
	// MaxNodes is the size of the largest AKS node pool (Microsoft, "Quotas,
	// virtual machine size restrictions, and region availability in AKS", 2026).
	MaxNodes = 1000
	// MaxAPIServers bounds how many API servers a cluster has behind its front
	// door.
	MaxAPIServers = 3
	// DefaultEtcdQuota is AKS's limit of etcd's size in bytes (Microsoft, "Troubleshoot API
	// server and etcd problems in Azure Kubernetes Services", 2026). With less than
	// MinEtcdQuota there would be no room for what the cluster itself writes.
	DefaultEtcdQuota = 8 << 30
	MinEtcdQuota     = 16 << 20
	// DefaultEdition is the edition of the support policy that demarc is about.
	DefaultEdition = "2019-04"
)

// Editions are the editions of the support policy, oldest first.
var Editions = []string{DefaultEdition, "2026-08"}

// NetworkPolicy is the engine that enforces NetworkPolicies, in the words of az aks create
// --network-policy; none if empty.
type NetworkPolicy string

// Engines that enforce NetworkPolicies. With none they are objects that nobody obeys.
const (
	NetworkPolicyNone   NetworkPolicy = "none"
	NetworkPolicyAzure  NetworkPolicy = "azure"
	NetworkPolicyCalico NetworkPolicy = "calico"
	NetworkPolicyCilium NetworkPolicy = "cilium"
)

// NetworkPolicies are all of them.
var NetworkPolicies = []string{string(NetworkPolicyAzure), string(NetworkPolicyCalico), string(NetworkPolicyCilium), string(NetworkPolicyNone)}

// Enforces says whether the engine is one.
func (p NetworkPolicy) Enforces() bool { return p.String() != string(NetworkPolicyNone) }

func (p NetworkPolicy) String() string { return cmp.Or(string(p), string(NetworkPolicyNone)) }

// ParseNetworkPolicy reads the name of an engine.
func ParseNetworkPolicy(s string) (NetworkPolicy, error) {
	if !slices.Contains(NetworkPolicies, s) {
		return "", fmt.Errorf("want %s or %s", strings.Join(NetworkPolicies[:len(NetworkPolicies)-1], ", "), NetworkPolicyNone)
	}
	return NetworkPolicy(s), nil
}

// ParseEtcdQuota reads the size at which etcd refuses writes, in Kubernetes' notation.
func ParseEtcdQuota(s string) (int64, error) {
	q, err := resource.ParseQuantity(s)
	if n := q.Value(); err == nil && n >= MinEtcdQuota && n <= DefaultEtcdQuota {
		return n, nil
	}
	return 0, fmt.Errorf("want a size from %s to %s, such as 64Mi", Size(MinEtcdQuota), Size(DefaultEtcdQuota))
}

// Size is a number of bytes in Kubernetes' notation.
func Size(n int64) string { return resource.NewQuantity(n, resource.BinarySI).String() }
