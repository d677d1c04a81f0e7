package kubelet

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"demarc/nodes/cloud"
	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
)

// providerID is the cloud's name of a machine.
func providerID(m *vm.VM) string {
	return fmt.Sprintf("azure://%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s/virtualMachines/%d", m.Cluster.GroupID(), m.Cluster.ScaleSet(m.Pool), m.Index)
}

// Taints are those of a pool's nodes, which the customer gives as KEY=VALUE:EFFECT.
func Taints(list []string) (out []corev1.Taint) {
	for _, t := range list {
		name, effect, _ := strings.Cut(t, ":")
		key, value, _ := strings.Cut(name, "=")
		out = append(out, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return out
}

// maxLabel is the longest value of a label; AKS cuts the resource group's name.
const maxLabel = 63

// labels are those of a node of AKS.
func labels(m *vm.VM) map[string]string {
	group, location := m.Cluster.ResourceGroup(), m.Cluster.Location
	zone, diskZone := "0", ""
	if z := m.Zone(); z != "" {
		zone = m.Cluster.ZoneLabel(z)
		diskZone = zone
	}
	size := cloud.SizeOf(m.Shape.Size)
	all := map[string]string{
		"agentpool":                                               m.Pool,
		"beta.kubernetes.io/arch":                                 "amd64",
		"beta.kubernetes.io/instance-type":                        m.Shape.Size,
		"beta.kubernetes.io/os":                                   "linux",
		"failure-domain.beta.kubernetes.io/region":                location,
		"failure-domain.beta.kubernetes.io/zone":                  zone,
		"kubernetes.azure.com/agentpool":                          m.Pool,
		"kubernetes.azure.com/cluster":                            strings.TrimRight(group[:min(len(group), maxLabel)], "-_."),
		"kubernetes.azure.com/kubelet-serving-ca":                 "cluster",
		"kubernetes.azure.com/network-policy":                     m.Cluster.NetworkPolicy.String(),
		ImageLabel:                                                m.OS.Image().Version,
		"kubernetes.azure.com/nodepool-type":                      "VirtualMachineScaleSets",
		"kubernetes.azure.com/os-sku":                             "Ubuntu",
		"kubernetes.azure.com/role":                               "agent",
		"kubernetes.azure.com/sku-cpu":                            strconv.Itoa(size.CPU),
		"kubernetes.azure.com/sku-memory":                         strconv.Itoa(size.GiB << 10),
		"kubernetes.azure.com/storageprofile":                     "managed",
		"kubernetes.azure.com/storagetier":                        "Premium_LRS",
		"kubernetes.io/arch":                                      "amd64",
		"kubernetes.io/hostname":                                  m.Name,
		"kubernetes.io/os":                                        "linux",
		"node.kubernetes.io/instance-type":                        m.Shape.Size,
		"storageprofile":                                          "managed",
		"storagetier":                                             "Premium_LRS",
		cloud.DiskZoneLabel:                                       diskZone,
		"topology.kubernetes.io/region":                           location,
		"topology.kubernetes.io/zone":                             zone,
		"kubernetes.azure.com/azure-cni-overlay":                  "true",
		"kubernetes.azure.com/podnetwork-type":                    "overlay",
		"kubernetes.azure.com/consolidated-additional-properties": UUID("properties", m.Cluster.Name),
	}
	maps.Copy(all, m.Shape.NodeLabels())
	return all
}
