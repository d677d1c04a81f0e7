package nodes

import (
	"slices"
	"testing"

	"demarc/nodes/host"
	"demarc/sim/api"
)

// What a node does for itself is among what can be done for a repair.
func TestRepairsOfTheNodeAreKnown(t *testing.T) {
	for _, kind := range []string{host.Restarted, host.Started, host.Restored} {
		if !slices.Contains(api.RepairActions, kind) {
			t.Errorf("api.RepairActions has no %q", kind)
		}
	}
}
