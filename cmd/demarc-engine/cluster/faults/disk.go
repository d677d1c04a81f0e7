package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"demarc/sim/fault"
)

var wipe = effect{whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	return f.harmEtcd(x, f.Plane.WipeEtcd)
}}

var corrupt = effect{whole: func(f *Faults, _ context.Context, x inForce) (fault.Active, error) {
	if x.at.Kind == fault.Backup {
		return f.damageBackup(x)
	}
	return f.harmEtcd(x, f.Plane.CorruptEtcd)
}}

// harmEtcd takes members' disks away, or damages what is on them.
func (f *Faults) harmEtcd(x inForce, harm func(member string) error) (fault.Active, error) {
	e := f.record(x.Spec, x.Target, 0)
	x.Event = e.Seq
	var errs []error
	for _, c := range f.components(x) {
		f.Outage(c.Name(), e)
		errs = append(errs, harm(c.Name()))
	}
	if len(errs) > 1 {
		f.Outage(x.at.Component, e)
	}
	return x.Active, errors.Join(errs...)
}

// damageBackup harms a backup's file.
func (f *Faults) damageBackup(x inForce) (fault.Active, error) {
	if b, err := f.Replicas.Find(x.at.Backup); err == nil {
		x.at.Backup = b.ID // of the latest
	}
	if !slices.Contains(f.Store.IDs(), x.at.Backup) {
		return fault.Active{}, fmt.Errorf("there is no backup %s", x.at.Backup)
	}
	x.Target = x.at.String()
	x.Event = f.record(x.Spec, x.Target, 0).Seq
	return x.Active, f.Store.Damage(x.at.Backup, x.Args["how"])
}
