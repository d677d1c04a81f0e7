package nodes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the nodes are, and whose.
const (
	machineSize  = "Standard_D4s_v5"
	subscription = "00000000-0000-0000-0000-000000000000"
)

// runtimeVersion is the version of the container runtime, as it reports it.
func (m *machine) runtimeVersion() string {
	p, _ := m.os.Package("moby-containerd")
	version, _, _ := strings.Cut(p.Version, "-")
	return version + "-1"
}

// kubeletPort is where a kubelet serves its API.
const kubeletPort = 10250

// capacity is a Standard_D4s_v5: 4 vCPU and 16 GiB, of which the guest sees
// less; 250 pods is AKS's most per node with overlay networking (Microsoft,
// "Azure CNI Overlay networking in AKS").
func capacity() corev1.ResourceList {
	return resources("4", "16373420Ki", "129886128Ki", "250")
}

// allocatable leaves out what AKS reserves (Microsoft, "Node resource
// reservations in AKS": 140 millicores of 4, and memory by its older rule).
func allocatable() corev1.ResourceList {
	return resources("3860m", "12899116Ki", "119703055367", "250")
}

func resources(cpu, memory, disk, pods string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(cpu),
		corev1.ResourceMemory:           resource.MustParse(memory),
		corev1.ResourceEphemeralStorage: resource.MustParse(disk),
		corev1.ResourcePods:             resource.MustParse(pods),
		"hugepages-1Gi":                 resource.MustParse("0"),
		"hugepages-2Mi":                 resource.MustParse("0"),
	}
}

// node is the Node that the machine's kubelet registers.
func (m *machine) node(now time.Time, boot string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   m.name,
			Labels: m.labels(),
			Annotations: map[string]string{
				"volumes.kubernetes.io/controller-managed-attach-detach": "true",
			},
		},
		Spec: corev1.NodeSpec{
			PodCIDR:    m.prefix.String(),
			PodCIDRs:   []string{m.prefix.String()},
			ProviderID: m.providerID(),
		},
		Status: m.status(now, boot, m.problems(now, nil)),
	}
}

// resourceGroup is where AKS puts a cluster's machines.
func (m *machine) resourceGroup() string {
	cfg := m.f.cfg
	return fmt.Sprintf("MC_%s_%s_%s", cfg.ClusterName, cfg.ClusterName, cfg.Location)
}

func (m *machine) providerID() string {
	return fmt.Sprintf("azure:///subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s/virtualMachines/%d",
		subscription, strings.ToLower(m.resourceGroup()), scaleSet(m.f.cfg.ClusterName), m.index)
}

// maxLabel is the longest value of a label; AKS cuts the resource group's name.
const maxLabel = 63

// labels are those of a node of AKS.
func (m *machine) labels() map[string]string {
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
		imageLabel:                                                m.os.Image().Version,
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
		"kubernetes.azure.com/consolidated-additional-properties": uuid("properties", m.f.cfg.ClusterName),
	}
}

// status is the status that the machine's kubelet posts. Conditions that hold
// as before keep their time.
func (m *machine) status(now time.Time, boot string, before []corev1.NodeCondition) corev1.NodeStatus {
	return corev1.NodeStatus{
		Capacity:    capacity(),
		Allocatable: allocatable(),
		Conditions:  m.nodeConditions(now, before),
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: m.ip.String()},
			{Type: corev1.NodeHostName, Address: m.name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID:               strings.ReplaceAll(uuid("machine", m.f.cfg.Seed, m.name), "-", ""),
			SystemUUID:              uuid("system", m.f.cfg.Seed, m.name),
			BootID:                  boot,
			KernelVersion:           m.os.Kernel(),
			OSImage:                 m.os.Image().OS,
			ContainerRuntimeVersion: "containerd://" + m.runtimeVersion(),
			KubeletVersion:          m.os.Image().KubeletVersion(),
			OperatingSystem:         "linux",
			Architecture:            "amd64",
		},
	}
}

// Times after which a kubelet takes its container runtime for down, and says that
// it has not looked at its pods (kubernetes 1.37, pkg/kubelet/kubelet.go:
// maxWaitForContainerRuntime, genericPlegRelistThreshold).
const (
	runtimePatience = 30 * time.Second
	plegPatience    = 3 * time.Minute
)

// plegLate says whether the kubelet's pod lifecycle event generator has not been
// able to list the containers for too long.
func (m *machine) plegLate(now time.Time) bool {
	return !m.runtime && now.Sub(m.runtimeLost) >= plegPatience
}

// conditions are what the machine's kubelet says of it, Ready last, as it words
// them (kubernetes 1.37, pkg/kubelet/nodestatus/setters.go).
func (m *machine) conditions(now time.Time) []corev1.NodeCondition {
	out := make([]corev1.NodeCondition, 0, 4)
	for _, kind := range []shortage{memoryShort, diskShort} {
		s := scarcities[kind]
		c := corev1.NodeCondition{Type: s.condition, Status: corev1.ConditionFalse, Reason: s.hasNot, Message: s.messageNot}
		if _, short := m.pressure[kind]; short {
			c.Status, c.Reason, c.Message = corev1.ConditionTrue, s.has, s.message
		}
		out = append(out, c)
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"}
	if !m.runtime && now.Sub(m.runtimeLost) >= runtimePatience {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionFalse, "KubeletNotReady", "container runtime is down"
		if m.plegLate(now) {
			ready.Message = fmt.Sprintf("[container runtime is down, PLEG is not healthy: pleg was last seen active %v ago; threshold is %v]",
				now.Sub(m.runtimeLost).Truncate(time.Millisecond), plegPatience)
		}
	}
	return append(out,
		corev1.NodeCondition{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "kubelet has sufficient PID available"},
		ready)
}

// nodeConditions are the kubelet's conditions with their times, behind those of
// others, such as the node problem detector's.
func (m *machine) nodeConditions(now time.Time, before []corev1.NodeCondition) []corev1.NodeCondition {
	ours := m.conditions(now)
	var out []corev1.NodeCondition
	for _, b := range before {
		if !slices.ContainsFunc(ours, func(c corev1.NodeCondition) bool { return c.Type == b.Type }) {
			out = append(out, b)
		}
	}
	for _, c := range ours {
		stamp(&c, now, before)
		out = append(out, c)
	}
	return out
}
