package api

import "maps"

// PoolShape is of what kind the nodes of a pool are.
type PoolShape struct {
	// Mode is System or User: every cluster has a pool of mode System, where the managed
	// add-ons prefer to run.
	Mode string `json:"mode,omitempty" enum:"pool-mode"`
	// Size is the VMs'.
	Size string `json:"size,omitempty"`
	// Zones are the availability zones over which they are spread; none if empty.
	Zones []string `json:"zones,omitempty"`
	// Labels and Taints are what the nodes have by the customer's wish; a taint is
	// KEY=VALUE:EFFECT.
	Labels map[string]string `json:"labels,omitempty"`
	Taints []string          `json:"taints,omitempty"`
	// MaxPods is how many pods a node can have, and OSDiskGB the size of its disk.
	MaxPods  int `json:"maxPods,omitempty"`
	OSDiskGB int `json:"osDiskSizeGB,omitempty"`
	// Priority is Regular or Spot, and EvictionPolicy what becomes of the VM of a Spot node
	// that Azure evicts: Delete or Deallocate; empty for Regular.
	Priority       string `json:"priority,omitempty" enum:"pool-priority"`
	EvictionPolicy string `json:"evictionPolicy,omitempty" enum:"eviction-policy"`
	// SpotMaxPrice is what a Spot node may cost in an hour, in US dollars: -1 for no bound
	// below the price of a Regular one; 0 for Regular.
	SpotMaxPrice float64 `json:"spotMaxPrice,omitempty"`
}

// What a [PoolShape] can say.
const (
	ModeSystem = "System"
	ModeUser   = "User"

	PriorityRegular = "Regular"
	PrioritySpot    = "Spot"

	EvictionDelete     = "Delete"
	EvictionDeallocate = "Deallocate"
)

// Values of a [PoolShape].
var (
	PoolModes        = []string{ModeSystem, ModeUser}
	PoolPriorities   = []string{PriorityRegular, PrioritySpot}
	EvictionPolicies = []string{EvictionDelete, EvictionDeallocate}
)

// Defaults and bounds of a [PoolShape]. 250 pods are AKS's default and most with overlay
// networking (Microsoft, "Azure CNI Overlay networking in AKS", 2026), and 128 GB are the
// disk of a size with up to 7 vCPUs (Microsoft, "Storage options for applications in AKS",
// 2026).
const (
	// DefaultSpotMaxPrice is no bound: Azure evicts for want of capacity only.
	DefaultSpotMaxPrice = -1

	DefaultSize     = "Standard_D4s_v5"
	DefaultMaxPods  = 250
	MinMaxPods      = 10
	MaxMaxPods      = 250
	DefaultOSDiskGB = 128
	MinOSDiskGB     = 30
	MaxOSDiskGB     = 2048
)

// Label and taint of Spot nodes (Microsoft, "Add an Azure Spot node pool to an AKS
// cluster", 2026).
const (
	SpotLabel = "kubernetes.azure.com/scalesetpriority"
	SpotTaint = SpotLabel + "=spot:NoSchedule"
)

// WithDefaults is the shape with what was left open. A pool of an earlier version has
// none: it is as the first pool of a cluster.
func (s PoolShape) WithDefaults(mode string) PoolShape {
	if s.Mode == "" {
		s.Mode = mode
	}
	if s.Size == "" {
		s.Size = DefaultSize
	}
	if s.MaxPods == 0 {
		s.MaxPods = DefaultMaxPods
	}
	if s.OSDiskGB == 0 {
		s.OSDiskGB = DefaultOSDiskGB
	}
	if s.Priority == "" {
		s.Priority = PriorityRegular
	}
	if s.Spot() && s.EvictionPolicy == "" {
		s.EvictionPolicy = EvictionDelete
	}
	if s.Spot() && s.SpotMaxPrice == 0 {
		s.SpotMaxPrice = DefaultSpotMaxPrice
	}
	return s
}

// Spot says whether Azure may evict the nodes.
func (s PoolShape) Spot() bool { return s.Priority == PrioritySpot }

// NodeLabels are the labels that nodes have because of the pool.
func (s PoolShape) NodeLabels() map[string]string {
	labels := map[string]string{"kubernetes.azure.com/mode": "system"}
	if s.Mode == ModeUser {
		labels["kubernetes.azure.com/mode"] = "user"
	}
	if s.Spot() {
		labels[SpotLabel] = "spot"
	}
	maps.Copy(labels, s.Labels)
	return labels
}

// NodeTaints are the taints that nodes have because of the pool.
func (s PoolShape) NodeTaints() (taints []string) {
	if s.Spot() {
		taints = append(taints, SpotTaint)
	}
	for _, t := range s.Taints {
		if t != SpotTaint {
			taints = append(taints, t)
		}
	}
	return taints
}
