package cloud

import (
	"slices"
	"strings"

	"demarc/sim/api"
)

// VMSize is a size of virtual machines.
type VMSize struct {
	Name     string
	CPU, GiB int
}

// sizes are common sizes of AKS nodes (Microsoft, "Sizes for virtual machines in
// Azure").
var sizes = []VMSize{
	{"Standard_B2s", 2, 4},
	{"Standard_B2ms", 2, 8},
	{"Standard_B4ms", 4, 16},
	{"Standard_DS2_v2", 2, 7},
	{"Standard_DS3_v2", 4, 14},
	{"Standard_DS4_v2", 8, 28},
	{"Standard_D2s_v3", 2, 8},
	{"Standard_D4s_v3", 4, 16},
	{"Standard_D8s_v3", 8, 32},
	{"Standard_D2s_v4", 2, 8},
	{"Standard_D4s_v4", 4, 16},
	{"Standard_D8s_v4", 8, 32},
	{"Standard_D2s_v5", 2, 8},
	{"Standard_D4s_v5", 4, 16},
	{"Standard_D8s_v5", 8, 32},
	{"Standard_D16s_v5", 16, 64},
	{"Standard_D2ds_v5", 2, 8},
	{"Standard_D4ds_v5", 4, 16},
	{"Standard_D8ds_v5", 8, 32},
	{"Standard_D2as_v5", 2, 8},
	{"Standard_D4as_v5", 4, 16},
	{"Standard_D8as_v5", 8, 32},
	{"Standard_E2s_v5", 2, 16},
	{"Standard_E4s_v5", 4, 32},
	{"Standard_E8s_v5", 8, 64},
	{"Standard_F2s_v2", 2, 4},
	{"Standard_F4s_v2", 4, 8},
	{"Standard_F8s_v2", 8, 16},
}

// Sizes are all sizes that are known.
func Sizes() (names []string) {
	for _, s := range sizes {
		names = append(names, s.Name)
	}
	return names
}

// SizeOf is the size of that name, which is known.
func SizeOf(name string) VMSize {
	i := slices.IndexFunc(sizes, func(s VMSize) bool { return s.Name == name })
	if i < 0 {
		return VMSize{Name: name, CPU: 4, GiB: 16} // of a state that somebody has edited
	}
	return sizes[i]
}

// Size looks a size up, whatever its case. The error is an [api.Error] that says
// which sizes there are.
func Size(name string) (string, error) {
	for _, s := range sizes {
		if strings.EqualFold(s.Name, name) {
			return s.Name, nil
		}
	}
	suggestion := didYouMean(name, Sizes())
	if suggestion == "" {
		suggestion = didYouMean("Standard_"+name, Sizes())
	}
	return "", api.Coded("InvalidParameter", "The value %s provided for the VM size is not valid. The valid sizes in the current region are: %s.%s",
		name, strings.Join(Sizes(), ","), suggestion)
}
