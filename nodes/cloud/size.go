package cloud

import (
	"strings"

	"demarc/sim/api"
)

// VMSize is what a virtual machine has.
type VMSize struct {
	Name string
	// CPUs counts vCPUs.
	CPUs int
	// MemoryMiB is in MiB.
	MemoryMiB int
}

// sizes are common sizes of AKS nodes (Microsoft, "Sizes for virtual machines in
// Azure").
var sizes = []VMSize{
	{"Standard_B2s", 2, 4 << 10}, {"Standard_B2ms", 2, 8 << 10}, {"Standard_B4ms", 4, 16 << 10},
	{"Standard_DS2_v2", 2, 7 << 10}, {"Standard_DS3_v2", 4, 14 << 10}, {"Standard_DS4_v2", 8, 28 << 10},
	{"Standard_D2s_v3", 2, 8 << 10}, {"Standard_D4s_v3", 4, 16 << 10}, {"Standard_D8s_v3", 8, 32 << 10},
	{"Standard_D2s_v4", 2, 8 << 10}, {"Standard_D4s_v4", 4, 16 << 10}, {"Standard_D8s_v4", 8, 32 << 10},
	{"Standard_D2s_v5", 2, 8 << 10}, {"Standard_D4s_v5", 4, 16 << 10}, {"Standard_D8s_v5", 8, 32 << 10}, {"Standard_D16s_v5", 16, 64 << 10},
	{"Standard_D2ds_v5", 2, 8 << 10}, {"Standard_D4ds_v5", 4, 16 << 10}, {"Standard_D8ds_v5", 8, 32 << 10},
	{"Standard_D2as_v5", 2, 8 << 10}, {"Standard_D4as_v5", 4, 16 << 10}, {"Standard_D8as_v5", 8, 32 << 10},
	{"Standard_E2s_v5", 2, 16 << 10}, {"Standard_E4s_v5", 4, 32 << 10}, {"Standard_E8s_v5", 8, 64 << 10},
	{"Standard_F2s_v2", 2, 4 << 10}, {"Standard_F4s_v2", 4, 8 << 10}, {"Standard_F8s_v2", 8, 16 << 10},
}

// Sizes are the names of all sizes that are known.
func Sizes() []string {
	var names []string
	for _, s := range sizes {
		names = append(names, s.Name)
	}
	return names
}

// Size looks a size up, whatever its case. The error is an [api.Error] that says
// which sizes there are.
func Size(name string) (VMSize, error) {
	for _, s := range sizes {
		if strings.EqualFold(s.Name, name) {
			return s, nil
		}
	}
	suggestion := didYouMean(name, Sizes())
	if suggestion == "" {
		suggestion = didYouMean("Standard_"+name, Sizes())
	}
	return VMSize{}, api.Coded("InvalidParameter", "The value %s provided for the VM size is not valid. The valid sizes in the current region are: %s.%s",
		name, strings.Join(Sizes(), ","), suggestion)
}
