package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"demarc/nodes/vm"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runtimeVersion is the version of the container runtime, as it reports it.
func (k *Kubelet) runtimeVersion() string {
	p, _ := k.m.OS.Package("moby-containerd")
	version, _, _ := strings.Cut(p.Version, "-")
	return version + "-1"
}

// Port is where a kubelet serves its API.
const Port = 10250

// node is the Node that the machine's kubelet registers.
func (k *Kubelet) node(now time.Time, boot string) *corev1.Node {
	conditions := k.problems(now, nil)
	if k.m.Cluster.NetworkPlugin.Routes() {
		conditions = append(conditions, withoutRoute(now))
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   k.m.Name,
			Labels: labels(k.m),
			Annotations: map[string]string{
				"volumes.kubernetes.io/controller-managed-attach-detach": "true",
				nodeIDs: driverNames(k.m.Name),
			},
		},
		Spec: corev1.NodeSpec{
			PodCIDR:    k.podRange(),
			PodCIDRs:   k.podRanges(),
			ProviderID: providerID(k.m),
			Taints:     Taints(k.m.Shape.NodeTaints()),
		},
		Status: k.status(now, boot, conditions),
	}
}

// withoutRoute is what AKS's cloud-node-manager says of a new node that needs a route, before
// the route controller has made one (kubernetes-sigs/cloud-provider-azure,
// pkg/nodemanager/nodemanager.go, 2026).
func withoutRoute(now time.Time) corev1.NodeCondition {
	c := corev1.NodeCondition{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionTrue, Reason: "NoRouteCreated", Message: "Node created without a route"}
	stamp(&c, now, nil)
	return c
}

// Template is the Node that a machine registers, as far as pods choose by it: it is Ready.
func Template(m *vm.VM) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: labels(m)},
		Spec:       corev1.NodeSpec{ProviderID: providerID(m), Taints: Taints(m.Shape.NodeTaints())},
		Status: corev1.NodeStatus{
			Capacity: capacity(m), Allocatable: allocatable(m),
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

// status is the status that the machine's kubelet posts. Conditions that hold
// as before keep their time.
func (k *Kubelet) status(now time.Time, boot string, before []corev1.NodeCondition) corev1.NodeStatus {
	return corev1.NodeStatus{
		Capacity:    capacity(k.m),
		Allocatable: allocatable(k.m),
		Conditions:  k.nodeConditions(now, before),
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: k.m.IP.String()},
			{Type: corev1.NodeHostName, Address: k.m.Name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: Port}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID:               strings.ReplaceAll(UUID("machine", k.ks.Seed, k.m.Name), "-", ""),
			SystemUUID:              UUID("system", k.ks.Seed, k.m.Name),
			BootID:                  boot,
			KernelVersion:           k.m.OS.Kernel(),
			OSImage:                 k.m.OS.Image().OS,
			ContainerRuntimeVersion: "containerd://" + k.runtimeVersion(),
			KubeletVersion:          k.m.OS.Image().KubeletVersion(),
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
func (k *Kubelet) plegLate(now time.Time) bool {
	return !k.RuntimeRuns && now.Sub(k.runtimeLost) >= plegPatience
}

// conditions are what the machine's kubelet says of it, Ready last, as it words
// them (kubernetes 1.37, pkg/kubelet/nodestatus/setters.go).
func (k *Kubelet) conditions(now time.Time) []corev1.NodeCondition {
	out := make([]corev1.NodeCondition, 0, 4)
	for _, kind := range []shortage{memoryShort, diskShort} {
		s := scarcities[kind]
		c := corev1.NodeCondition{Type: s.condition, Status: corev1.ConditionFalse, Reason: s.hasNot, Message: s.messageNot}
		if _, short := k.pressure[kind]; short {
			c.Status, c.Reason, c.Message = corev1.ConditionTrue, s.has, s.message
		}
		out = append(out, c)
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"}
	if !k.RuntimeRuns && now.Sub(k.runtimeLost) >= runtimePatience {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionFalse, "KubeletNotReady", "container runtime is down"
		if k.plegLate(now) {
			ready.Message = fmt.Sprintf("[container runtime is down, PLEG is not healthy: pleg was last seen active %v ago; threshold is %v]",
				now.Sub(k.runtimeLost).Truncate(time.Millisecond), plegPatience)
		}
	}
	return append(out,
		corev1.NodeCondition{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "kubelet has sufficient PID available"},
		ready)
}

// nodeConditions are the kubelet's conditions with their times, behind those of
// others, such as the node problem detector's.
func (k *Kubelet) nodeConditions(now time.Time, before []corev1.NodeCondition) []corev1.NodeCondition {
	ours := k.conditions(now)
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
