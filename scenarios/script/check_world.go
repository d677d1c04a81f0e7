package script

import (
	"slices"

	"demarc/sim/api"
)

// celTimeline is the timeline as checks see it. Events never change, so each
// is converted once.
func (r *run) celTimeline() []*celEvent {
	events, _ := r.world.Timeline().Since(int64(len(r.events)))
	for _, e := range events {
		r.events = append(r.events, &celEvent{
			Seq: e.Seq, Time: seconds(e.Time, r.ready), Actor: string(e.Actor), Verb: e.Verb,
			Subject: e.Subject, Message: e.Message, Cause: e.Cause,
		})
	}
	return r.events
}

func (r *run) celComponents() map[string]*celComponent {
	m := map[string]*celComponent{}
	for _, c := range r.world.Components() {
		m[c.Name] = &celComponent{
			Name: c.Name, State: c.State, Healthy: c.Healthy, Message: c.Message,
			Since: seconds(c.Since, r.ready), Starts: int64(c.Starts),
		}
	}
	return m
}

func (r *run) celMachines() []*celMachine {
	return convert(r.world.Machines(), func(m api.Machine) *celMachine {
		return &celMachine{
			Name: m.Name, Power: m.Power, Kubelet: m.Kubelet, Network: m.Network, Containers: int64(m.Containers),
			Runtime: m.Runtime, Egress: m.Egress, Image: m.Image, Kernel: m.Kernel, RebootRequired: m.RebootRequired,
			KubeletVersion: m.KubeletVersion, Surge: m.Surge, Pressure: m.Pressure, Problem: m.Problem,
		}
	})
}

func (r *run) celContainers() []*celContainer {
	return convert(r.world.Containers(), func(c api.Container) *celContainer {
		return &celContainer{
			Node: c.Node, Namespace: c.Namespace, Pod: c.Pod, Name: c.Name, Image: c.Image, State: c.State, Ready: c.Ready,
			Restarts: int64(c.Restarts), ExitCode: int64(c.ExitCode), Reason: c.Reason,
			StartedAt: seconds(c.StartedAt, r.ready), FinishedAt: seconds(c.FinishedAt, r.ready),
		}
	})
}

// backups is the catalogue, the oldest first.
func (r *run) backups() []api.Backup {
	list := slices.Clone(r.world.Backups())
	slices.SortStableFunc(list, func(a, b api.Backup) int { return a.At.Compare(b.At) })
	return list
}

func (r *run) celBackups() []*celBackup {
	return convert(r.backups(), func(b api.Backup) *celBackup {
		return &celBackup{
			ID: b.ID, Slot: seconds(b.Slot, r.ready), At: seconds(b.At, r.ready), Duration: b.DurationSeconds, Revision: b.Revision,
			Keys: b.Keys, Bytes: b.Bytes, DatabaseBytes: b.DatabaseBytes, SHA256: b.SHA256, Member: b.Member,
			Verified: b.Verified, Problem: b.Problem,
		}
	})
}

func (r *run) celRestores() []*celRestore {
	return convert(r.world.Restores(), func(x api.Restore) *celRestore {
		return &celRestore{
			ID: x.ID, Reason: x.Reason, Requested: x.Requested, Phase: x.Phase, Error: x.Error, Backup: x.Backup,
			Skipped:  convert(x.Skipped, func(s api.SkippedBackup) string { return s.ID }),
			BackupAt: seconds(x.BackupAt, r.ready), Lost: seconds(x.Lost, r.ready), Decided: seconds(x.Decided, r.ready),
			End: seconds(x.End, r.ready), Revision: x.Revision, RPO: x.RPOSeconds, RTO: x.RTOSeconds,
			OrphanedPods: x.Reconciled.OrphanedPods, RevivedPods: x.Reconciled.RevivedPods,
		}
	})
}

func (r *run) celRepairs() []*celRepair {
	return convert(r.world.Repairs(), func(x api.Repair) *celRepair {
		c := &celRepair{
			ID: x.ID, Node: x.Node, Subject: x.Subject, Cause: x.Cause, Event: x.Event, Layer: x.Layer,
			Broken: seconds(x.Broken, r.ready), Detected: seconds(x.Detected, r.ready), Healed: seconds(x.Healed, r.ready),
			DetectedAfter: x.DetectedAfterSeconds, HealedAfter: x.HealedAfterSeconds, Lost: x.Lost, Outcome: x.Outcome, Reason: x.Reason,
		}
		for _, a := range x.Actions {
			c.Actions = append(c.Actions, a.Action)
			if a.Error != "" {
				c.Errors = append(c.Errors, a.Error)
			}
		}
		return c
	})
}

func (r *run) celPatches() []*celPatch {
	return convert(r.world.Patches(), func(x api.Patch) *celPatch {
		return &celPatch{
			Package: x.Package, Version: x.Version, Reboot: x.Reboot, Breaks: x.Breaks, Published: seconds(x.Published, r.ready),
			Withdrawn: x.Withdrawn, Nodes: x.Nodes, Waiting: x.Waiting,
		}
	})
}

func (r *run) celCVEs() []*celCVE {
	return convert(r.world.CVEs(), func(x api.CVE) *celCVE {
		return &celCVE{
			ID: x.ID, Component: x.Component, Severity: x.Severity, Fix: x.Fix, State: x.State, Version: x.Version, Image: x.Image,
			Level: x.Level, Guidance: x.Guidance, Published: seconds(x.Published, r.ready), Patched: seconds(x.Patched, r.ready),
			Notified: seconds(x.Notified, r.ready), Fixed: seconds(x.Fixed, r.ready), Vulnerable: x.Vulnerable,
		}
	})
}

func (r *run) celReplicas() []*celReplica {
	return convert(r.world.Replicas(), func(x api.Replica) *celReplica {
		return &celReplica{
			Name: x.Name, State: x.State, Network: x.Network, Term: int64(x.Term), Applied: int64(x.Applied), Last: int64(x.Last),
			Since: seconds(x.Since, r.ready),
		}
	})
}

func convert[A, B any](from []A, f func(A) B) []B {
	to := make([]B, 0, len(from))
	for _, a := range from {
		to = append(to, f(a))
	}
	return to
}
