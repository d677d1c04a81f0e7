package upstream

import (
	"time"

	"k8s.io/kubernetes/pkg/controller/volume/attachdetach"
)

// Ten times in a second is ten jumps of the virtual clock; a volume that is
// attached a second later is still early.
func init() { attachdetach.DefaultTimerConfig.ReconcilerLoopPeriod = time.Second }
