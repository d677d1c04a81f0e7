package nodes

import (
	"fmt"
	"strings"

	"demarc/nodes/kubelet"
)

// What the nodes are, and whose.
const (
	machineSize  = "Standard_D4s_v5"
	subscription = "00000000-0000-0000-0000-000000000000"
)

// resourceGroup is where AKS puts a cluster's machines.
func (m *machine) resourceGroup() string {
	cfg := m.f.cfg
	return fmt.Sprintf("MC_%s_%s_%s", cfg.ClusterName, cfg.ClusterName, cfg.Location)
}

// ProviderID implements [kubelet.Machine].
func (m *machine) ProviderID() string {
	return fmt.Sprintf("azure:///subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s/virtualMachines/%d",
		subscription, strings.ToLower(m.resourceGroup()), scaleSet(m.f.cfg.ClusterName), m.index)
}

// maxLabel is the longest value of a label; AKS cuts the resource group's name.
const maxLabel = 63

// Labels are those of a node of AKS.
func (m *machine) Labels() map[string]string {
	group := m.resourceGroup()
	location := m.f.cfg.Location
	return map[string]string{
		"agentpool":                                               Pool,
		"beta.kubernetes.io/arch":                                 "amd64",
		"beta.kubernetes.io/instance-type":                        machineSize,
		"beta.kubernetes.io/os":                                   "linux",
		"failure-domain.beta.kubernetes.io/region":                location,
		"failure-domain.beta.kubernetes.io/zone":                  "0",
		"kubernetes.azure.com/agentpool":                          Pool,
		"kubernetes.azure.com/cluster":                            strings.TrimRight(group[:min(len(group), maxLabel)], "-_."),
		"kubernetes.azure.com/kubelet-serving-ca":                 "cluster",
		"kubernetes.azure.com/mode":                               "system",
		"kubernetes.azure.com/network-policy":                     "none",
		kubelet.ImageLabel:                                        m.os.Image().Version,
		"kubernetes.azure.com/nodepool-type":                      "VirtualMachineScaleSets",
		"kubernetes.azure.com/os-sku":                             "Ubuntu",
		"kubernetes.azure.com/role":                               "agent",
		"kubernetes.azure.com/sku-cpu":                            "4",
		"kubernetes.azure.com/sku-memory":                         "16384",
		"kubernetes.azure.com/storageprofile":                     "managed",
		"kubernetes.azure.com/storagetier":                        "Premium_LRS",
		"kubernetes.io/arch":                                      "amd64",
		"kubernetes.io/hostname":                                  m.name,
		"kubernetes.io/os":                                        "linux",
		"node.kubernetes.io/instance-type":                        machineSize,
		"storageprofile":                                          "managed",
		"storagetier":                                             "Premium_LRS",
		"topology.disk.csi.azure.com/zone":                        "",
		"topology.kubernetes.io/region":                           location,
		"topology.kubernetes.io/zone":                             "0",
		"kubernetes.azure.com/azure-cni-overlay":                  "true",
		"kubernetes.azure.com/podnetwork-type":                    "overlay",
		"kubernetes.azure.com/consolidated-additional-properties": kubelet.UUID("properties", m.f.cfg.ClusterName),
	}
}
