package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"demarc/controlplane"
	"demarc/sim/fault"
	"demarc/sim/timeline"
)

// strikeReplicas crashes, starts or cuts off replicas of the provider's plane. Some
// of several may be so already.
func (f *faults) strikeReplicas(spec fault.Spec, t fault.Target) (fault.Active, error) {
	r := f.cluster.operations.replicas
	wanted := []string{"0", "1", "2"}
	switch t.Replica {
	case "":
	case fault.Leader:
		i, ok := r.Leader()
		if !ok {
			return fault.Active{}, errors.New("the provider's plane has no leader at the moment")
		}
		wanted = []string{strconv.Itoa(i)}
		t.Replica = wanted[0]
		spec.Target = t.String()
	default:
		wanted = []string{t.Replica}
	}
	for i, replica := range wanted {
		wanted[i] = replicaName(replica)
	}
	if spec.Verb == "start" {
		return fault.Active{Spec: spec}, f.startReplicas(spec, wanted)
	}
	x := force(spec, t, 0)
	do := map[string]func(int) error{"crash": r.Crash, "stop": r.Crash, "partition": r.Cut}[spec.Verb]
	errs := f.eachReplica(spec, wanted, func(i int, name string, e timeline.Event) error {
		if err := do(i); err != nil {
			return err
		}
		x.struck = append(x.struck, name)
		f.cluster.outage(name, e)
		return nil
	})
	switch {
	case len(x.struck) == 0 && errs == nil:
		return fault.Active{}, fmt.Errorf("every replica of %s is down already", spec.Target)
	case len(x.struck) == 0:
		return fault.Active{}, errs
	}
	return f.add(x), nil
}

// startReplicas starts replicas, and ends the faults that held them down.
func (f *faults) startReplicas(spec fault.Spec, wanted []string) error {
	return f.eachReplica(spec, wanted, func(i int, name string, _ timeline.Event) error {
		if err := f.cluster.operations.replicas.Start(i); err != nil {
			return err
		}
		f.letGo([]string{name}, "crash", "stop")
		f.cluster.incidents.Close(name, time.Now())
		return nil
	})
}

// eachReplica records a fault of each of some replicas and makes it happen, but for
// those of several that are as it would have them.
func (f *faults) eachReplica(spec fault.Spec, wanted []string, do func(i int, name string, e timeline.Event) error) error {
	var errs []error
	for _, name := range wanted {
		i, ok := replicaIndex(name)
		if !ok || len(wanted) > 1 && f.already(i, spec.Verb) {
			continue
		}
		errs = append(errs, do(i, name, f.recordOn(spec, name, 0)))
	}
	return errors.Join(errs...)
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
	return f.add(force(spec, t, f.record(spec, 0).Seq)), nil
}

// settleStore leaves the disk that backups are on as the faults in force want it.
func (f *faults) settleStore() {
	disk := f.cluster.operations.store.Disk()
	if _, full := f.on(string(fault.BackupStore), "fill"); !full {
		disk.SetCapacity(0)
	}
	latency := time.Duration(0)
	if slow, ok := f.on(string(fault.BackupStore), "slow"); ok {
		latency = slow.Duration("latency")
	}
	disk.SetLatency(latency)
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
