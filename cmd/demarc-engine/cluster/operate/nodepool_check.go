package operate

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"demarc/nodes/cloud"
	"demarc/sim/api"

	"k8s.io/apimachinery/pkg/util/validation"
)

// What az checks of a pool's name and of a taint (azure-cli, command module acs,
// _validators.py, 2026).
var (
	poolName  = regexp.MustCompile(`^[a-z][a-z0-9]{0,11}$`)
	nodeTaint = regexp.MustCompile(`^[a-zA-Z0-9][\w\-./]{0,252}=[a-zA-Z0-9][\w\-.]{0,62}:(NoSchedule|PreferNoSchedule|NoExecute)$`)
)

// checkPool refuses what AKS refuses of a node pool, in its words where they are known.
// The size is as Azure writes it then.
func checkPool(name string, s api.PoolShape) (_ api.PoolShape, err error) {
	if !poolName.MatchString(name) {
		return s, invalid("name", "%q begins with a lowercase letter, and has only lowercase letters and digits, 12 characters at most, of a pool of Linux nodes. "+
			"Please see https://aka.ms/aks-naming-rules for more details.", name)
	}
	if s.Size, err = cloud.Size(s.Size); err != nil {
		return s, err
	}
	if _, err := cloud.ParseZones(strings.Join(s.Zones, ",")); err != nil {
		return s, err
	}
	for _, check := range []func(api.PoolShape) error{checkBounds, checkPriority, checkLabels, checkTaints} {
		if err := check(s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// invalid is AKS's refusal of a parameter of a pool.
func invalid(parameter, format string, args ...any) error {
	return api.Coded("InvalidParameter", "The value of parameter agentPoolProfile."+parameter+" is invalid: "+format, args...)
}

func checkBounds(s api.PoolShape) error {
	switch {
	case !slices.Contains(api.PoolModes, s.Mode):
		return invalid("mode", "%q is not one of %s", s.Mode, strings.Join(api.PoolModes, ", "))
	case s.MaxPods < api.MinMaxPods || s.MaxPods > api.MaxMaxPods:
		return invalid("maxPods", "a node has %d to %d pods at most, not %d", api.MinMaxPods, api.MaxMaxPods, s.MaxPods)
	case s.OSDiskGB < api.MinOSDiskGB || s.OSDiskGB > api.MaxOSDiskGB:
		return invalid("osDiskSizeGB", "a disk has %d to %d GB, not %d", api.MinOSDiskGB, api.MaxOSDiskGB, s.OSDiskGB)
	}
	return nil
}

func checkPriority(s api.PoolShape) error {
	switch {
	case !slices.Contains(api.PoolPriorities, s.Priority):
		return api.Coded("InvalidParameter", "--priority can only be Spot or Regular")
	case s.EvictionPolicy != "" && !slices.Contains(api.EvictionPolicies, s.EvictionPolicy):
		return api.Coded("InvalidParameter", "--eviction-policy can only be Delete or Deallocate")
	case s.EvictionPolicy != "" && !s.Spot():
		return invalid("scaleSetEvictionPolicy", "only a pool of priority Spot has an eviction policy")
	case s.Spot() && s.Mode == api.ModeSystem:
		return invalid("scaleSetPriority", "a system node pool can't be of priority Spot")
	}
	return checkMaxPrice(s)
}

// maxPrice is a price with up to five decimals.
var maxPrice = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,5})?$`)

// checkMaxPrice refuses what az refuses of a price (validate_spot_max_price in the same
// file).
func checkMaxPrice(s api.PoolShape) error {
	price := s.SpotMaxPrice
	switch {
	case price != 0 && !s.Spot():
		return api.Coded("InvalidParameter", "--spot_max_price can only be set when --priority is Spot")
	case price == api.DefaultSpotMaxPrice || !s.Spot():
		return nil
	case price <= 0:
		return api.Coded("InvalidParameter", "--spot_max_price can only be any decimal value greater than zero, or -1 which indicates default price to be up-to on-demand")
	case !maxPrice.MatchString(strconv.FormatFloat(price, 'f', -1, 64)):
		return api.Coded("InvalidParameter", "--spot_max_price can only include up to 5 decimal places")
	}
	return nil
}

// reservedLabels are names of Kubernetes' and AKS's own labels.
var reservedLabels = []string{"agentpool", "storageprofile", "storagetier"}

func checkLabels(s api.PoolShape) error {
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		domain, _, _ := strings.Cut(key, "/")
		switch value := s.Labels[key]; {
		case len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0:
			return api.Coded("InvalidParameter", "Invalid label: %s=%s. Label definition must be of format name=value.", key, value)
		case domain == "kubernetes.azure.com":
			return api.Coded("InvalidParameter", "Invalid node label key %s. The 'kubernetes.azure.com' prefix is preserved by aks system labels", key)
		case slices.Contains(reservedLabels, key), domain != key && (strings.HasSuffix("."+domain, ".kubernetes.io") || strings.HasSuffix("."+domain, ".k8s.io")):
			return api.Coded("InvalidParameter", "Invalid node label key %s. It is a system label", key)
		}
	}
	return nil
}

func checkTaints(s api.PoolShape) error {
	for _, t := range s.Taints {
		if !nodeTaint.MatchString(t) {
			return api.Coded("InvalidParameter", "Invalid node taint: %s", t)
		}
	}
	return nil
}
