package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"demarc/controlplane"
	"demarc/sim/fault"
)

// strikeReplicas crashes, starts or cuts off replicas of the provider's plane.
func (f *faults) strikeReplicas(spec fault.Spec, t fault.Target) (fault.Active, error) {
	r := f.cluster.operations.replicas
	struck := []int{0, 1, 2}
	switch t.Replica {
	case "":
	case fault.Leader:
		i, ok := r.Leader()
		if !ok {
			return fault.Active{}, errors.New("the provider's plane has no leader at the moment")
		}
		struck, spec.Target = []int{i}, replicaName(strconv.Itoa(i))
	default:
		i, err := strconv.Atoi(t.Replica)
		if err != nil {
			return fault.Active{}, err
		}
		struck = []int{i}
	}
	do := map[string]func(int) error{"crash": r.Crash, "stop": r.Crash, "start": r.Start, "partition": r.Cut}[spec.Verb]
	var errs []error
	for _, i := range struck {
		name := replicaName(strconv.Itoa(i))
		if len(struck) > 1 && f.already(i, spec.Verb) {
			continue
		}
		e := f.recordOn(spec, name, 0)
		if err := do(i); err != nil {
			errs = append(errs, err)
			continue
		}
		if spec.Verb == "start" {
			f.drop(func(a fault.Active) bool {
				return (a.Verb == "crash" || a.Verb == "stop") && (a.Target == name || a.Target == string(fault.Provider) && len(struck) > 1)
			})
			f.cluster.incidents.Close(name, time.Now())
			continue
		}
		f.cluster.outage(name, e)
	}
	if len(errs) > 0 || spec.Verb == "start" {
		return fault.Active{Spec: spec}, errors.Join(errs...)
	}
	return f.add(spec, 0), nil
}

// already says whether a replica is as a verb would have it.
func (f *faults) already(i int, verb string) bool {
	stopped := f.cluster.operations.replicas.Status()[i].State == "stopped"
	return stopped == (verb != "start")
}

// strikeBackups harms a backup's file, or the disk that backups are on.
func (f *faults) strikeBackups(spec fault.Spec, t fault.Target) (fault.Active, error) {
	store := f.cluster.operations.store
	switch {
	case t.Kind == fault.Backup:
		id := t.Backup
		if b, err := f.cluster.operations.replicas.Find(id); err == nil {
			id = b.ID // of the latest
		}
		if !slices.Contains(store.IDs(), id) {
			return fault.Active{}, fmt.Errorf("there is no backup %s", id)
		}
		spec.Target = "backup/" + id
		f.record(spec, 0)
		return fault.Active{Spec: spec}, store.Damage(id, spec.Args["how"])
	case spec.Verb == "fill":
		store.Disk().Fill()
	case spec.Verb == "slow":
		store.Disk().SetLatency(spec.Duration("latency"))
	}
	return f.add(spec, f.record(spec, 0).Seq), nil
}

// healStore ends what strikeBackups did to the disk.
func (f *faults) healStore(a fault.Active) {
	disk := f.cluster.operations.store.Disk()
	if a.Verb == "fill" {
		disk.SetCapacity(0)
	} else {
		disk.SetLatency(0)
	}
}

// healReplica ends a partition of the provider's plane.
func (f *faults) healReplica(a fault.Active) error {
	i, ok := replicaIndex(a.Target)
	if !ok {
		return fmt.Errorf("%s is no replica", a.Target)
	}
	err := f.cluster.operations.replicas.Rejoin(i)
	f.cluster.incidents.Close(a.Target, time.Now())
	return err
}

// harmEtcd takes members' disks away, or damages what is on them.
func (f *faults) harmEtcd(spec fault.Spec, t fault.Target) (fault.Active, error) {
	plane := f.cluster.plane
	harm := plane.WipeEtcd
	if spec.Verb == "corrupt" {
		harm = plane.CorruptEtcd
	}
	e := f.record(spec, 0)
	var errs []error
	for _, x := range plane.Group(t.Components()[0]) {
		f.cluster.outage(x.Name(), e)
		errs = append(errs, harm(x.Name()))
	}
	if len(errs) > 1 {
		f.cluster.outage(controlplane.Etcd, e)
	}
	return fault.Active{Spec: spec}, errors.Join(errs...)
}

// holds says whether a fault in force keeps a component or a replica down, or
// keeps it from its peers.
func (f *faults) holds(subject string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.active, func(a fault.Active) bool {
		if a.Target == subject {
			return a.Args["hold"] != "no"
		}
		t, err := fault.ParseTarget(a.Target)
		if err != nil || a.Args["hold"] == "no" {
			return false
		}
		_, isReplica := replicaIndex(subject)
		return t.Kind == fault.Provider && isReplica || covers(t, subject)
	})
}

// struck is the event of the fault in force on a target, or 0.
func (f *faults) struck(target string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.active {
		if a.Target == target {
			return a.Event
		}
	}
	return 0
}

// covers says whether a target comprises a component, or one of its instances.
func covers(t fault.Target, component string) bool {
	return slices.ContainsFunc(t.Components(), func(name string) bool { return controlplane.Comprises(name, component) })
}
