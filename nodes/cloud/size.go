package cloud

import (
	"slices"
	"strings"

	"demarc/sim/api"
)

// sizes are common sizes of AKS nodes (Microsoft, "Sizes for virtual machines in
// Azure").
var sizes = []string{
	"Standard_B2s", "Standard_B2ms", "Standard_B4ms",
	"Standard_DS2_v2", "Standard_DS3_v2", "Standard_DS4_v2",
	"Standard_D2s_v3", "Standard_D4s_v3", "Standard_D8s_v3",
	"Standard_D2s_v4", "Standard_D4s_v4", "Standard_D8s_v4",
	"Standard_D2s_v5", "Standard_D4s_v5", "Standard_D8s_v5", "Standard_D16s_v5",
	"Standard_D2ds_v5", "Standard_D4ds_v5", "Standard_D8ds_v5",
	"Standard_D2as_v5", "Standard_D4as_v5", "Standard_D8as_v5",
	"Standard_E2s_v5", "Standard_E4s_v5", "Standard_E8s_v5",
	"Standard_F2s_v2", "Standard_F4s_v2", "Standard_F8s_v2",
}

// Sizes are all sizes that are known.
func Sizes() []string { return slices.Clone(sizes) }

// Size looks a size up, whatever its case. The error is an [api.Error] that says
// which sizes there are.
func Size(name string) (string, error) {
	for _, s := range sizes {
		if strings.EqualFold(s, name) {
			return s, nil
		}
	}
	suggestion := didYouMean(name, sizes)
	if suggestion == "" {
		suggestion = didYouMean("Standard_"+name, sizes)
	}
	return "", api.Coded("InvalidParameter", "The value %s provided for the VM size is not valid. The valid sizes in the current region are: %s.%s",
		name, strings.Join(sizes, ","), suggestion)
}
