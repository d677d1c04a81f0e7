package kubelet

import (
	"testing"

	"demarc/nodes/image"
	"demarc/sim/timeline"
)

// What an engine before has told is not told again.
func TestAssumptionsAreToldOnce(t *testing.T) {
	log := timeline.New()
	for range 2 { // two engines
		var a assumptions
		a.recall(log)
		for range 2 {
			a.assume(log, "shop:1", image.Main)
			a.assume(log, "shop:1", image.Init)
		}
	}
	if events, _ := log.Since(0); len(events) != 2 {
		t.Errorf("got %v", events)
	}
}
