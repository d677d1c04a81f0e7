package faults

import (
	"context"
	"errors"

	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// fill fills the disk that backups are on, or etcd by what is written in a namespace.
var fill = effect{
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		if x.at.Kind == fault.Namespace {
			return f.writeUntilFull(x)
		}
		f.Disk.Fill()
		return f.begin(x), nil
	},
	undo: func(f *Faults, ended inForce, _ timeline.Actor) error {
		if ended.at.Kind == fault.Namespace {
			return f.Clients.Empty(f.Context, ended.at.Name)
		}
		if _, full := f.on(ended.Target, ended.Verb); !full {
			f.Disk.SetCapacity(0)
		}
		return nil
	},
}

// writeUntilFull has a client write in a namespace. Objects stay until that is healed; of
// revisions nothing stays that anybody would have to delete.
func (f *Faults) writeUntilFull(x inForce) (fault.Active, error) {
	if a, filled := f.on(x.Target, x.Verb); filled {
		return fault.Active{}, errors.New("it is filled already, by " + a.ID + ": " + a.Spec.String())
	}
	ctx, cancel := context.WithCancel(f.Context)
	write, err := f.Clients.Fill(ctx, x.at.Name, x.Args["with"])
	if err != nil {
		cancel()
		return fault.Active{}, err
	}
	x.end = cancel
	a := f.begin(x)
	f.Go(func() {
		write(a.Event)
		if x.Args["with"] == fault.WithRevisions {
			f.dropID(a.ID)
		}
	})
	return a, nil
}

var flood = effect{
	whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
		if a, flooded := f.on(x.Target, x.Verb); flooded {
			return fault.Active{}, errors.New("it floods already, by " + a.ID + ": " + a.Spec.String())
		}
		ask, end, err := f.Clients.Flood(f.Context, x.at.Namespace, x.at.Name, x.Int("rate"), x.Duration("takes"))
		if err != nil {
			return fault.Active{}, err
		}
		x.end = end
		a := f.begin(x)
		f.Go(ask)
		return a, nil
	},
}
