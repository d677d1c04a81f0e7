package kubelet

import (
	"fmt"

	"demarc/nodes/cloud"
	"demarc/nodes/vm"
	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// memories are, by a size's GiB, how many KiB its guest sees, which is less, and what AKS
// leaves of them to pods: 16 GiB as seen of a Standard_D4s_v5, others in proportion and by
// AKS's older rule (Microsoft, "Node resource reservations in AKS": 25% of the first 4 GiB,
// 20% of the next 4, 10% of the next 8, 6% of the next 112, and 750 MiB for eviction).
var memories = map[int]struct{ seen, left int }{
	4: {4093355, 2276779}, 7: {7163371, 4717649}, 8: {8186710, 5531273}, 14: {14326742, 11042159}, 16: {16373420, 12899116},
	28: {28653485, 24404212}, 32: {32746840, 28245909}, 64: {65493680, 58979483},
}

// reservedCPU is, by a size's vCPUs, how many millicores AKS reserves (as above).
var reservedCPU = map[int]int{2: 100, 4: 140, 8: 180, 16: 260}

// Disk of 128 GB as its file system has it.
const (
	diskKiB  = 129886128
	diskLeft = 119703055367
)

// capacity is what a machine of its pool's size has.
func capacity(m *vm.VM) corev1.ResourceList {
	size := cloud.SizeOf(m.Shape.Size)
	return resources(fmt.Sprint(size.CPU), fmt.Sprint(memories[size.GiB].seen, "Ki"), fmt.Sprint(diskKiB*m.Shape.OSDiskGB/api.DefaultOSDiskGB, "Ki"), m.Shape.MaxPods)
}

// allocatable leaves out what AKS reserves.
func allocatable(m *vm.VM) corev1.ResourceList {
	size := cloud.SizeOf(m.Shape.Size)
	return resources(fmt.Sprint(size.CPU*1000-reservedCPU[size.CPU], "m"), fmt.Sprint(memories[size.GiB].left, "Ki"), fmt.Sprint(diskLeft*m.Shape.OSDiskGB/api.DefaultOSDiskGB), m.Shape.MaxPods)
}

func resources(cpu, memory, disk string, pods int) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(cpu),
		corev1.ResourceMemory:           resource.MustParse(memory),
		corev1.ResourceEphemeralStorage: resource.MustParse(disk),
		corev1.ResourcePods:             resource.MustParse(fmt.Sprint(pods)),
		"hugepages-1Gi":                 resource.MustParse("0"),
		"hugepages-2Mi":                 resource.MustParse("0"),
	}
}

// Hardware is how many bytes of memory and of disk a machine has.
func Hardware(m *vm.VM) (memory, disk int64) {
	size := capacity(m)
	return size.Memory().Value(), size.StorageEphemeral().Value()
}
