package cloud

import (
	"maps"
	"slices"
	"strings"

	"demarc/sim/api"
)

// Tags of what was made for a claim (kubernetes-sigs/azuredisk-csi-driver,
// pkg/azureconstants).
const (
	TagClaim     = "kubernetes.io-created-for-pvc-name"
	TagNamespace = "kubernetes.io-created-for-pvc-namespace"
	TagVolume    = "kubernetes.io-created-for-pv-name"
)

// claimOf is the claim that something with such tags was made for, as NAMESPACE/NAME; empty
// for none.
func claimOf(tags map[string]string) string {
	if claim := tags[TagClaim]; claim != "" {
		return tags[TagNamespace] + "/" + claim
	}
	return ""
}

// claimPrefix is before the claim, as NAMESPACE/NAME, in what names the resource that was
// made for it.
const claimPrefix = "claim:"

// Resolve is the key of a resource that is named by its key or by its claim. There need be
// none of that key.
func (r *resources[A, X]) Resolve(ref string) (string, error) {
	claim, ok := strings.CutPrefix(ref, claimPrefix)
	if !ok {
		return ref, nil
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	var of []string
	for _, key := range slices.Sorted(maps.Keys(r.all)) {
		if claimOf(r.all[key].tags()) == claim {
			of = append(of, key)
		}
	}
	switch len(of) {
	case 0:
		return "", api.Coded("ResourceNotFound", "No %s was made for the claim %q; want %sNAMESPACE/NAME.", r.noun, claim, claimPrefix)
	case 1:
		return of[0], nil
	}
	return "", api.Coded("Conflict", "More than one %s was made for the claim %s: %s.", r.noun, claim, strings.Join(of, ", "))
}
