package faults

import (
	"context"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

var hang = effect{
	component: func(s strike) error {
		s.Hang()
		return nil
	},
	undo: func(f *Faults, ended inForce, _ timeline.Actor) error {
		f.wake(f.components(ended))
		return nil
	},
}

// slow makes components slow, or the disk that backups are on.
var slow = effect{
	component: func(s strike) error {
		s.Slow(s.spec.Duration("latency"))
		return nil
	},
	bearable: true,
	during:   func(f *Faults) (end func()) { return f.Fine() }, // latencies are below the clock's steps
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		f.Disk.SetLatency(x.Duration("latency"))
		return f.begin(x), nil
	},
	undo: func(f *Faults, ended inForce, _ timeline.Actor) error {
		if ended.at.Kind == fault.BackupStore {
			f.Disk.SetLatency(f.latency(ended.Target))
		}
		f.settle(f.components(ended))
		return nil
	},
}
