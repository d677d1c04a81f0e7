package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// States of a preview feature in a subscription (Azure REST API, Features,
// 2021-07-01).
const (
	FeatureNotRegistered = "NotRegistered"
	FeatureRegistering   = "Registering"
	FeatureRegistered    = "Registered"
	FeatureUnregistering = "Unregistering"
	FeatureUnregistered  = "Unregistered"
)

// FeatureNamespace is the resource provider of AKS's preview features.
const FeatureNamespace = "Microsoft.ContainerService"

// ShortFeature is a feature's name without its namespace.
func ShortFeature(name string) string {
	if space, rest, ok := strings.Cut(name, "/"); ok && strings.EqualFold(space, FeatureNamespace) {
		return rest
	}
	return name
}

// FindFeature finds a feature by its name, with or without its namespace and in
// whatever case. names are all that there are.
func FindFeature[F any](list []F, name string, nameOf func(F) string) (found F, names []string, ok bool) {
	for _, f := range list {
		if strings.EqualFold(nameOf(f), ShortFeature(name)) {
			return f, nil, true
		}
		names = append(names, nameOf(f))
	}
	return found, names, false
}

// Registration is what a subscription has of a preview feature.
type Registration struct {
	// Name is the feature's, without its namespace.
	Name  string `json:"name"`
	State string `json:"state" enum:"feature-state"`
	// Since is when it came into that state, and Due when a state on the way ends;
	// zero for the others.
	Since time.Time `json:"since,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	// Event is what was asked for, on the timeline.
	Event int64 `json:"event,omitempty"`
}

// Feature is a preview feature as an edition of the support policy has it.
type Feature struct {
	Registration
	Stage string `json:"stage" enum:"feature-stage"`
	// Doc says what it is, and Changes what it changes.
	Doc     string `json:"doc"`
	Changes string `json:"changes"`
	// Source is the document that describes it.
	Source string `json:"source"`
	// InForce says that this cluster has what it changes.
	InForce bool `json:"inForce"`
}

// Stages of a [Feature].
const (
	FeaturePreview   = "preview"
	FeatureAvailable = "generally available" // it needs no registration
)

// FeatureGate is one of Kubernetes' own feature gates.
type FeatureGate struct {
	Name    string `json:"name"`
	Stage   string `json:"stage" enum:"gate-stage"`
	Default bool   `json:"default"`
	// Enabled is what the control plane tells by its metric
	// kubernetes_feature_enabled.
	Enabled bool `json:"enabled"`
}

// Stages of a [FeatureGate], as Kubernetes' documentation names them.
const (
	GateAlpha      = "alpha"
	GateBeta       = "beta"
	GateStable     = "stable"
	GateDeprecated = "deprecated"
)

// Values of [ClusterSettings].
var (
	// KubeProxyModes are what kube-proxy can work by (MicrosoftDocs/azure-aks-docs,
	// configure-kube-proxy).
	KubeProxyModes = []string{"IPTABLES", "IPVS", "NFTABLES"}
	// RestrictionLevels are those of the node resource group
	// (MicrosoftDocs/azure-aks-docs, node-resource-group-lockdown).
	RestrictionLevels = []string{"Unrestricted", "ReadOnly"}
	// NodeOSChannels and UpgradeChannels are by what nodes' operating systems, and clusters, are
	// upgraded by themselves (MicrosoftDocs/azure-aks-docs, auto-upgrade-node-os-image and
	// auto-upgrade-cluster). AKS's default for new clusters is NodeImage; here it is what the
	// policy of 2019 describes.
	NodeOSChannels  = []string{NodeOSUnmanaged, NodeOSNone, NodeOSImage}
	UpgradeChannels = []string{ChannelNone, ChannelPatch, ChannelStable, ChannelRapid, ChannelNodeImage}
)

// Values of [NodeOSChannels]. Of those of AKS, SecurityPatch is missing: the images that it brings
// are published for it alone.
const (
	NodeOSUnmanaged = "Unmanaged" // Ubuntu's unattended-upgrades install patches every night
	NodeOSNone      = "None"
	NodeOSImage     = "NodeImage" // the newest node image, in a window
)

// Values of [UpgradeChannels].
const (
	ChannelNone      = "none"
	ChannelPatch     = "patch"  // the newest patch release of its minor version
	ChannelStable    = "stable" // that of the minor version before the newest
	ChannelRapid     = "rapid"  // the newest release of all
	ChannelNodeImage = "node-image"
)

// AppRoutingNamespace is where the application routing add-on is, and AppRoutingClass the class
// of the Ingresses that it serves (MicrosoftDocs/azure-aks-docs, app-routing).
const (
	AppRoutingNamespace = "app-routing-system"
	AppRoutingClass     = "webapprouting.kubernetes.azure.com"
)

// ClusterSettings are what the customer has set of the managed cluster.
type ClusterSettings struct {
	// FeatureGates are the gates that are not as Kubernetes has them by default.
	FeatureGates map[string]bool `json:"featureGates,omitempty"`
	// AuditLog says that the API servers write an audit log.
	AuditLog bool `json:"auditLog,omitempty"`
	// KubeProxyMode is one of [KubeProxyModes]; the first if empty.
	KubeProxyMode string `json:"kubeProxyMode,omitempty"`
	// Restriction is one of [RestrictionLevels]; the first if empty.
	Restriction string `json:"nodeResourceGroupRestriction,omitempty"`
	// LoadBalancer is how nodes reach the internet.
	LoadBalancer LoadBalancerProfile `json:"loadBalancer,omitzero"`
	// AppRouting says that the application routing add-on is enabled.
	AppRouting bool `json:"appRouting,omitempty"`
	// NodeOSChannel is one of [NodeOSChannels], UpgradeChannel one of [UpgradeChannels]; the first
	// if empty.
	NodeOSChannel  string `json:"nodeOSUpgradeChannel,omitempty"`
	UpgradeChannel string `json:"upgradeChannel,omitempty"`
	// Maintenance are the maintenance configurations, by name.
	Maintenance map[string]MaintenanceConfiguration `json:"maintenance,omitempty"`
}

// UpdateRequest changes settings of a cluster: az aks update. What is left out
// stays as it is, and the subscription's defaults of this moment take effect.
type UpdateRequest struct {
	// FeatureGates are gates to set; one at its default is set back.
	FeatureGates map[string]bool `json:"featureGates,omitempty"`
	// AllowUnsupportedGates sets gates also that the support policy does not cover.
	AllowUnsupportedGates bool   `json:"allowUnsupportedGates,omitempty"`
	KubeProxyMode         string `json:"kubeProxyMode,omitempty"`
	Restriction           string `json:"nodeResourceGroupRestriction,omitempty"`
	// LoadBalancer changes how nodes reach the internet.
	LoadBalancer LoadBalancerUpdate `json:"loadBalancer,omitzero"`
	// AppRouting enables or disables the application routing add-on; nil leaves it.
	AppRouting     *bool  `json:"appRouting,omitempty"`
	NodeOSChannel  string `json:"nodeOSUpgradeChannel,omitempty"`
	UpgradeChannel string `json:"upgradeChannel,omitempty"`
}

// ParseFeatureGates reads NAME=true,NAME=false, the form of Kubernetes' own flag
// --feature-gates. An empty text is no gates.
func ParseFeatureGates(s string) (map[string]bool, error) {
	if s == "" {
		return nil, nil
	}
	gates := map[string]bool{}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		on, err := strconv.ParseBool(value)
		if name == "" || err != nil {
			return nil, fmt.Errorf("want NAME=true or NAME=false, not %q", part)
		}
		if _, ok := gates[name]; ok {
			return nil, fmt.Errorf("feature gate %s is given twice", name)
		}
		gates[name] = on
	}
	return gates, nil
}
