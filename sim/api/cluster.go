package api

// Bounds and defaults of a [ClusterSpec].
const (
	DefaultNodes = 3
	// MaxNodes is the size of the largest AKS node pool (Microsoft, "Quotas,
	// virtual machine size restrictions, and region availability in AKS", 2026).
	MaxNodes = 1000
	// MaxAPIServers bounds how many API servers a cluster has behind its front
	// door.
	MaxAPIServers = 3
	// DefaultEdition is the edition of the support policy that demarc is about.
	DefaultEdition = "2019-04"
)

// Editions are the editions of the support policy, oldest first.
var Editions = []string{DefaultEdition, "2026-08"}
